/**
 * What became of a webhook's request, in the relay's words: by the endpoint's status, or by how the connection failed.
 *
 * Whose fault a failure is decides everything after it, so the table is here and nowhere else.
 */
import type { Clock } from "../../base/clock.ts";
import { tameLine } from "../../base/tame.ts";
import { HttpFailure, type HttpResponse, retryAfterMs } from "../../net/http-client.ts";
import { ConnectorFailure, FAILURE_CLASSES, type FailureClass } from "../failures.ts";
import type { Disposition } from "../message.ts";
import { networkClassOf, refusalIn } from "../network.ts";

interface Verdict {
  outcome: "retry" | "reject";
  class: FailureClass;
  scope: "message" | "sink";
}

const AWAY = new Set([502, 503, 504]);

/** What a status other than 2xx says. */
function verdictOf(status: number): Verdict {
  if (status === 429 || status === 425) return { outcome: "retry", class: "throttled", scope: "sink" };
  if (status === 408) return { outcome: "retry", class: "timeout", scope: "sink" };
  if (AWAY.has(status) || status >= 520) return { outcome: "retry", class: "unavailable", scope: "sink" };
  if (status >= 500) return { outcome: "retry", class: "unavailable", scope: "message" };
  if (status === 401 || status === 403) return { outcome: "reject", class: "authentication", scope: "sink" };
  if (status === 413) return { outcome: "reject", class: "message_too_large", scope: "message" };
  if (status >= 400) return { outcome: "reject", class: "protocol_rejection", scope: "message" };
  return { outcome: "reject", class: "invalid_destination", scope: "sink" };
}

/** What an answer other than 2xx means for every event of the request `body`. */
export function refusalOf(response: HttpResponse, body: Buffer, clock: Clock): Disposition {
  const { status, retryAfter } = response;
  const verdict = verdictOf(status);
  const isRedirect = status >= 300 && status < 400;
  const says = isRedirect ? ", a redirect, which is not followed" : saysOf(response.text, body);
  const waitMs = verdict.outcome === "retry" ? retryAfterMs(retryAfter, clock.now()) : undefined;
  return { ...verdict, reason: `the endpoint answered ${status}${says}`, retryAfterMs: waitMs };
}

/** 24 letters and digits in a row that stand in the request too are an echo, however it is quoted. */
const ECHO_LENGTH = 24;
const ECHO_STEP = 4;
/** 256 KiB of the request are compared: an answer that quotes it begins at its beginning. */
const MAX_COMPARED_BYTES = 256 * 1024;

/** What the endpoint says of it, unless it only repeats the event: reasons are shown where payloads must not be. */
function saysOf(text: string, body: Buffer): string {
  if (text.trim() === "") return "";
  return repeats(text, body) ? " and repeated the request" : `: ${tameLine(text.trim())}`;
}

function repeats(text: string, body: Buffer): boolean {
  const said = lettersOf(text);
  const sent = lettersOf(body.toString("utf8", 0, MAX_COMPARED_BYTES));
  // Looked up, not searched for: an endpoint chooses its answers, and searches for a thousand of its words would keep
  // the process busy for 0.2 s a time.
  const length = ECHO_LENGTH - ECHO_STEP;
  const words = new Set<string>();
  for (let at = 0; at + length <= said.length; at++) words.add(said.slice(at, at + length));
  for (let at = 0; at + length <= sent.length; at += ECHO_STEP) {
    if (words.has(sent.slice(at, at + length))) return true;
  }
  return false;
}

function lettersOf(text: string): string {
  return text.replace(/[^A-Za-z0-9\u0080-\uffff]+/g, "");
}

/** What no answer means. `othersSucceeded`: the endpoint answered other requests with 2xx meanwhile. */
export function failureOf(error: HttpFailure, othersSucceeded: boolean): Disposition {
  if (error.kind === "timeout" && error.cause === undefined) {
    return { outcome: "retry", class: "timeout", scope: othersSucceeded ? "message" : "sink", reason: error.message };
  }
  const failureClass = classOf(error);
  const outcome = FAILURE_CLASSES[failureClass].isTransient ? "retry" : "reject";
  return { outcome, class: failureClass, scope: "sink", reason: reasonOf(error, failureClass) };
}

/** A connection that could not be made. The library's error is not kept: it holds the certificate. */
export function connectFailure(error: unknown): ConnectorFailure {
  const refusal = refusalIn(error);
  const failureClass = classOf(error);
  return new ConnectorFailure(failureClass, reasonOf(error, failureClass), refusal ? { cause: refusal } : {});
}

const CERTIFICATE_REFUSED = /ALERT_(?:CERTIFICATE_|UNKNOWN_CA|BAD_CERTIFICATE|HANDSHAKE_FAILURE)/;

function classOf(error: unknown): FailureClass {
  const code = codeIn(error);
  // The endpoint refuses our certificate, or asks for one.
  if (CERTIFICATE_REFUSED.test(code)) return "authentication";
  if (error instanceof HttpFailure && error.kind === "timeout") return "timeout";
  return networkClassOf(error) ?? "unavailable";
}

function reasonOf(error: unknown, failureClass: FailureClass): string {
  const refusal = refusalIn(error);
  if (refusal) return refusal.message;
  const code = codeIn(error);
  const words: Partial<Record<FailureClass, string>> = {
    tls_verification: "the endpoint's certificate does not verify",
    authentication: "the endpoint refuses our certificate, or wants one",
    timeout: "no connection in time",
  };
  const what = words[failureClass] ?? "the connection failed";
  return code === "" ? what : `${what} (${code})`;
}

/** The system's or library's code, from as deep as it lies. */
function codeIn(error: unknown): string {
  let code = "";
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") code = at.code;
  }
  return tameLine(code);
}
