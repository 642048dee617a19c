/**
 * Which headers an outgoing webhook carries. What the operator configured is his word; what comes with an event is
 * somebody else's, so only names that mean nothing to servers, proxies and receivers' checks get through.
 */

/** Of the connection, or what the client itself writes. */
const CONNECTION_HEADERS = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
  "via",
]);

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
/** Visible ASCII and spaces inside. */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** 4 KiB: receivers limit all headers to 8 or 16. */
const MAX_VALUE_LENGTH = 4_096;
/** 32 headers of an event, 8 KiB in all. */
const MAX_EVENT_HEADERS = 32;
const MAX_EVENT_BYTES = 8 * 1024;

/** Families that formats and tracing define, and application headers by custom. */
const EVENT_NAME = /^(?:ce-|pg-tide-|pgkeep-|x-|traceparent$|tracestate$|baggage$)/;
/** Of these families, what proxies, frameworks and receivers' checks listen to. */
const TRUSTED_BY_OTHERS =
  /signature|token|secret|auth|cookie|api-?key|csrf|^x-(?:forwarded|real-|original|rewrite|http-|method|host|proxy|client|cluster|remote|user|envoy|amz|goog|ms-|azure|accel|sendfile|cdn|cf-|hub|slack|github|stripe|forward|scheme|url|wap)/;

/** The configured headers with names in lower case. `problem`: the first one that cannot be, by name, never its value. */
export function configuredHeaders(headers: Readonly<Record<string, string>>): {
  headers: Record<string, string>;
  problem: string | undefined;
} {
  const made: Record<string, string> = {};
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase();
    const problem = problemOf(name, value, made);
    if (problem) return { headers: {}, problem: `header ${JSON.stringify(written.slice(0, 64))} ${problem}` };
    made[name] = value;
  }
  return { headers: made, problem: undefined };
}

function problemOf(name: string, value: string, made: Record<string, string>): string | undefined {
  if (!NAME.test(name)) return "is not a header name";
  if (CONNECTION_HEADERS.has(name)) return "is not for a configuration to set";
  if (Object.hasOwn(made, name)) return "is there twice";
  if (value.length > MAX_VALUE_LENGTH) return `is longer than ${MAX_VALUE_LENGTH} characters`;
  return VALUE.test(value) ? undefined : "has a value that is empty or holds characters a header cannot";
}

/**
 * The headers of an event that may leave with it, as names and values in turn. `taken` are names that are ours or the
 * operator's. What may not is left out without a word: the event itself has everything.
 */
export function eventHeaders(headers: Readonly<Record<string, string>>, taken: ReadonlySet<string>): string[] {
  const made: string[] = [];
  let bytes = 0;
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase();
    if (!isEventHeader(name, value) || taken.has(name)) continue;
    bytes += name.length + value.length;
    if (bytes > MAX_EVENT_BYTES || made.length >= 2 * MAX_EVENT_HEADERS) break;
    made.push(name, value);
  }
  return made;
}

function isEventHeader(name: string, value: string): boolean {
  if (!NAME.test(name) || !EVENT_NAME.test(name) || TRUSTED_BY_OTHERS.test(name)) return false;
  return value.length <= MAX_VALUE_LENGTH && VALUE.test(value);
}
