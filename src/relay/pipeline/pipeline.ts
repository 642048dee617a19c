/**
 * A pipeline as its row in the catalog describes it, read and checked.
 *
 * Rows are written by several generations of SQL functions and by hand; `readPipeline` takes them all into this one shape or says
 * what is wrong. References (`${env:}`, `${file:}`) are still references here: `openable` resolves them, in the
 * process, when a worker starts.
 */

export type Direction = "forward" | "reverse";

/** A row of relay_outbox_config (forward) or relay_inbox_config (reverse). */
export interface PipelineRow {
  name: string;
  direction: Direction;
  enabled: boolean;
  /** JSON text. */
  config: string;
  tenant: string;
  wireFormat: string;
  owner: string | null;
}

export interface RetryPolicyConfig {
  /** Attempts after the first before a message is a dead letter. */
  maxRetries: number;
  /** First wait; doubled each time, full jitter. */
  backoffMs: number;
  maxBackoffMs: number;
}

/** What happens when the events of a topic change their fields. */
export type SchemaPolicy = "warn" | "pause" | "dlq" | "continue";

export interface Pipeline {
  name: string;
  direction: Direction;
  tenant: string;
  enabled: boolean;
  /** SHA-256 over everything a worker depends on: another hash means a restart. */
  configHash: string;
  /** Forward: the outbox read. Reverse: the inbox written. */
  outbox: string | undefined;
  inbox: string | undefined;
  /** Catalogue name of the sink (forward) or source (reverse) and its configuration, references unresolved. */
  connector: { type: string; config: Readonly<Record<string, unknown>> };
  /** Forward: template of the subject for sinks that have none of their own (`source.subject_template`). */
  subjectTemplate: string;
  batchSize: number;
  pollIntervalMs: number;
  maxPollBackoffMs: number;
  /** Most messages on their way at once; 0: the sink's own. */
  sinkMaxInflight: number;
  retry: RetryPolicyConfig;
  deadLetters: { enabled: boolean; retentionDays: number };
  /** What happens to later events of a key whose event is a dead letter or waits for one. */
  onDeadLetter: "block" | "skip";
  /** undefined: nobody looks at the fields. */
  onSchemaChange: SchemaPolicy | undefined;
  /** "dedup": every message its own key; "subject"; "payload.a.b"; "headers.x"; undefined: whole pipeline is one key. */
  orderKey: string | undefined;
  wireFormat: { name: string; options: Readonly<Record<string, unknown>> };
  transforms: Readonly<Record<string, unknown>>;
  routing: { rules: readonly { field: string; value: string; subject: string }[]; fallback: string | undefined };
  rateLimit: { perSecond: number; burst: number } | undefined;
  circuitBreaker: {
    enabled: boolean;
    failureThreshold: number;
    successThreshold: number;
    halfOpenTimeoutMs: number;
    /** "pause" (default) waits; "dlq" makes dead letters of what arrives while open. */
    onOpen: "pause" | "dlq";
  };
  dryRun: boolean;
  /** ISO 8601 interval text or undefined. */
  autoResumeAfter: string | undefined;
  /** What the pipeline asks of the address guard; only what the process permits counts. */
  addresses: { allow: readonly string[]; protection: boolean };
}
