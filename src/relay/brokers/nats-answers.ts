/** What a JetStream stream answers to a message: that it is stored, or why it is refused and what that means for it. */
import type { FailureClass } from "../failures.ts";
import { DELIVERED, type Disposition, rejectMessage, retryBySink } from "../message.ts";
import { reasonOf } from "../network.ts";

/** Whose fault a refused destination is: everybody's when all messages share it. */
export type DestinationScope = "message" | "sink";

/** What the answer of a stream means for its message. */
export function dispositionOf(answered: Uint8Array, scope: DestinationScope): Disposition {
  const answer = parseAnswer(answered);
  if (answer === undefined) {
    return { outcome: "retry", class: "unknown", scope: "message", reason: "something else than a stream answered" };
  }
  return answer.error === undefined ? DELIVERED : refusalOf(answer.error, scope);
}

interface StreamError {
  code: number;
  err_code: number;
  description: string;
}

/** JetStream's error codes. Source: nats-server, server/errors.json. */
const REFUSALS: Readonly<Record<number, FailureClass>> = {
  10023: "throttled", // insufficient resources
  10028: "throttled", // resource limits exceeded for account
  10047: "throttled", // insufficient storage resources available
  10077: "throttled", // the stream is full and discards new messages
  10054: "message_too_large",
  10097: "message_too_large", // headers over 64 KiB
  10035: "authorization", // no permission
  10039: "authorization", // JetStream not enabled for account
  10059: "invalid_destination", // stream not found
  10060: "invalid_destination", // expected stream does not match
  10109: "invalid_destination", // stream is sealed
};

function refusalOf({ code, err_code: number, description }: StreamError, scope: DestinationScope): Disposition {
  const reason = `JetStream refuses: ${reasonOf(description)} (${number})`;
  const known = REFUSALS[number];
  if (known === "message_too_large") return rejectMessage(known, reason);
  if (known === "invalid_destination" || known === "authorization") {
    return { outcome: "reject", class: known, scope, reason };
  }
  if (known === "throttled") return retryBySink("throttled", reason);
  return code >= 500 || code === 408 || code === 429
    ? retryBySink("unavailable", reason)
    : rejectMessage("protocol_rejection", reason);
}

/** The answer of a stream, or undefined for something else. */
function parseAnswer(data: Uint8Array): { error?: StreamError } | undefined {
  try {
    const answer: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (typeof answer !== "object" || answer === null) return undefined;
    if ("error" in answer) return { error: streamError(answer.error) };
    return "stream" in answer && typeof answer.stream === "string" && answer.stream !== "" ? {} : undefined;
  } catch {
    return undefined;
  }
}

function streamError(error: unknown): StreamError {
  const fields: Record<string, unknown> = typeof error === "object" && error !== null ? { ...error } : {};
  return {
    code: Number(fields.code ?? 500),
    err_code: Number(fields.err_code ?? 0),
    description: String(fields.description ?? "no reason given"),
  };
}
