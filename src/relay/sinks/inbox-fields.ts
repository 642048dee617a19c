/** What the two sinks that end in an inbox have in common. */
import type { ZodNamespace } from "../../base/operation.ts";
import { MESSAGE_BYTES } from "./inbox-delivery.ts";

export function inboxFields(z: ZodNamespace) {
  return {
    inbox: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,56}$/, "must be the name of an inbox")
      .meta({ description: "Name of the inbox, which must exist" }),
    postgres_url: z
      .string()
      .regex(/^postgres(?:ql)?:\/\//, "must start with postgres:// or postgresql://")
      .meta({ description: "Connection string of the database that holds the inbox; its password as a reference" }),
  };
}

export const INBOX_GUARANTEES = {
  order: "Rows are inserted in the order of the outbox.",
  duplicates: "None: event_id is the dedup_key, and a second delivery of it changes nothing.",
  acknowledgement: "When the transaction that holds the whole batch has committed and is on the server's disk.",
};

export const INBOX_LIMITS = {
  batchMessages: 1_000,
  batchBytes: 16 * 1024 * 1024,
  messageBytes: MESSAGE_BYTES,
};
