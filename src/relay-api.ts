/**
 * The part of the library for applications that publish and consume events: `import { publish, consume } from "pgkeep/relay"`.
 *
 * It works over the application's own connections (`pg`, or anything with `query(text, values)`), opens none and loads no
 * driver. Running a relay is `pgkeep relay run`.
 */
export { PgkeepError } from "./base/errors.ts";
export type { Connection, Queryable } from "./relay/client/connection.ts";
export { type ConsumeOptions, type ConsumeSummary, consume, type InboxEvent } from "./relay/client/consume.ts";
export { type EncryptionKeys, PayloadEncryption } from "./relay/client/encryption.ts";
export { MAX_BATCH, type OutgoingEvent, type PublishOptions, publish, publishBatch } from "./relay/client/publish.ts";
export { EncryptionFailure } from "./relay/encryption/envelope.ts";
