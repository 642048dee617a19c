/**
 * What a relay tells about itself while it runs. Metrics, log, traces and `relay tail` are made from these and nothing
 * else. No event holds a payload or a secret; free text is scrubbed by whoever shows it.
 */
import type { DeadLetterKind, FailureClass } from "../failures.ts";
import type { Direction } from "../pipeline/pipeline.ts";

interface OfPipeline {
  pipeline: string;
  direction: Direction;
  tenant: string;
}

export type RelayEvent =
  /** Discovery has run: what there is and what is ours. */
  | { type: "relay.reconciled"; owned: number; pipelines: number; durationMs: number; queries: number }
  | ({ type: "relay.ownership"; event: "acquired" | "lost" | "released" | "denied"; epoch: bigint } & OfPipeline)
  /** A worker's state changed. */
  | ({
      type: "relay.state";
      state: PipelineState;
      /** PGTIDE_... code and text of what is wrong, when something is. */
      code?: string | undefined;
      reason?: string | undefined;
      nextRetryMs?: number | undefined;
    } & OfPipeline)
  /** A batch ended, in whatever way. One per `send`. */
  | ({
      type: "relay.batch_settled";
      batch: string;
      connector: string;
      messages: number;
      delivered: number;
      retried: number;
      dead: number;
      dropped: number;
      bytes: number;
      attempt: number;
      durationMs: number;
      /** Milliseconds from created_at to now of the batch's oldest and newest message. */
      latencyMs: { oldest: number; newest: number };
      failure?: { class: FailureClass; reason: string } | undefined;
    } & OfPipeline)
  /** A page was read (forward) or a batch arrived (reverse). */
  | ({ type: "relay.polled"; messages: number; durationMs: number } & OfPipeline)
  /** The position moved. */
  | ({
      type: "relay.checkpoint";
      position: bigint;
      durationMs: number;
      receipts?: number | undefined;
      /** Dead letters that were tried again in vain. */
      deadAgain?: number | undefined;
    } & OfPipeline)
  /** Reverse: rows stored in the inbox. */
  | ({ type: "relay.stored"; stored: number; duplicates: number; rejected: number } & OfPipeline)
  | ({ type: "relay.dead_letters"; count: number; kind: DeadLetterKind } & OfPipeline)
  | ({ type: "relay.lag"; lag: number; oldestAgeMs: number | undefined; deadLetters: number } & OfPipeline)
  /** A transaction of somebody else holds events back: the low-water mark waits for it. */
  | ({ type: "relay.held"; processId: number | undefined; sinceMs: number } & OfPipeline)
  | ({
      type: "relay.error";
      component: ErrorComponent;
      code: string;
      reason: string;
      isTransient: boolean;
    } & OfPipeline)
  /** A session on the relay's database was opened or closed. */
  | { type: "relay.connections"; open: number; limit: number; openedInMs?: number | undefined }
  /** Something people should see once. */
  | ({ type: "relay.warning"; message: string } & OfPipeline)
  | { type: "relay.listening"; what: "metrics" | "webhook"; address: string; pipeline?: string | undefined }
  | { type: "relay.stopping"; reason: string }
  | { type: "relay.stopped"; forced: readonly string[] };

/** starting -> running <-> retrying | open (breaker) | paused -> stopped; failed needs somebody to change the configuration. */
export type PipelineState =
  | "starting"
  | "running"
  | "idle"
  | "retrying"
  | "breaker_open"
  | "paused"
  | "failed"
  | "stopped";

export type ErrorComponent = "config" | "database" | "connector" | "dead_letters" | "checkpoint" | "lease";
