/** What a NATS message can carry: which subjects are taken, and the header block as it is sent. */
import type { Delivery } from "../message.ts";

/** Bytes: longer subjects are refused by servers in their default settings. */
const MAX_SUBJECT_BYTES = 1_024;

const TOKENS = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** No wildcards, spaces, system subjects or empty tokens, and nobody's place for answers. */
export function isCarriable(subject: string): boolean {
  return subject.length <= MAX_SUBJECT_BYTES && TOKENS.test(subject) && !/^_(INBOX|R_)/.test(subject);
}

const NAME = /^[!-9;-~]+$/;

/**
 * The header block: the event's headers without those that steer JetStream, which only we may set; `stream` is the one
 * that must take the message. Undefined when a name or a value cannot be carried.
 */
export function headerBlock(
  { headers, contentType, message }: Pick<Delivery, "headers" | "contentType" | "message">,
  stream: string | undefined,
): Buffer | undefined {
  let text = `NATS/1.0\r\nNats-Msg-Id: ${message.dedupKey}\r\n`;
  let isCarried = isValue(message.dedupKey);
  for (const name in headers) {
    const value = headers[name] ?? "";
    if (/^nats-/i.test(name)) continue;
    isCarried &&= NAME.test(name) && isValue(value);
    text += `${name}: ${value}\r\n`;
  }
  if (contentType !== "application/json") {
    isCarried &&= isValue(contentType);
    text += `content-type: ${contentType}\r\n`;
  }
  if (stream !== undefined) text += `Nats-Expected-Stream: ${stream}\r\n`;
  return isCarried ? Buffer.from(`${text}\r\n`, "utf8") : undefined;
}

function isValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header line must not hold.
  return !/[\r\n\u0000]/.test(value);
}
