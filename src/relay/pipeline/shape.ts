/**
 * What the configuration of a pipeline may say, as schemas: the part that is the same for every connector.
 *
 * The keys are pg_tide's (schema_version 1) plus a few of ours: `order_key`, `on_dead_letter`, `ssrf_allow`,
 * `ssrf_protection`, `retry.max_backoff_ms`, `circuit_breaker.on_open`. An unknown key is an error everywhere, because a
 * misspelt limit is no limit.
 */
import type { ZodNamespace } from "../../base/operation.ts";

/** Keys of the top level besides those that say what is connected with what. */
export const COMMON_KEYS = [
  "schema_version",
  "batch_size",
  "retry",
  "dlq",
  "wire_format",
  "wire_config",
  "transform",
  "routing",
  "rate_limit",
  "circuit_breaker",
  "poll_interval_ms",
  "max_poll_backoff_ms",
  "sink_max_inflight",
  "dry_run",
  "db_role",
  "auto_resume_after",
  "encryption",
  "schema_registry",
  "serialization",
  "on_schema_change",
  "order_key",
  "on_dead_letter",
  "ssrf_allow",
  "ssrf_protection",
] as const;

/** 32 bits: what pg_tide's numbers fit into. */
const INT32_MAX = 2_147_483_647;
/** 1 day: a longer pause between two tries is a disabled pipeline. */
const DAY_MS = 86_400_000;

const DEFAULT_RETRY = { maxRetries: 5, backoffMs: 1_000, maxBackoffMs: 60_000 };

/** The top level, connectors left as they are. */
export function shapeOf(z: ZodNamespace) {
  const text = z
    .string()
    .min(1)
    .max(1_024)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse.
    .regex(/^[^\u0000-\u001f\u007f]*$/, "must hold no control characters")
    .refine((value) => value.trim() !== "", "must not be blank");
  const count = z.int().min(0).max(INT32_MAX);
  return z.strictObject({
    schema_version: z.literal(1).optional(),
    batch_size: z.int().min(1).max(1_000_000).default(100),
    retry: z
      .strictObject({
        max_retries: z.int().min(0).max(100_000).optional(),
        backoff_ms: z.int().min(0).max(DAY_MS).default(DEFAULT_RETRY.backoffMs),
        max_backoff_ms: z.int().min(0).max(DAY_MS).default(DEFAULT_RETRY.maxBackoffMs),
      })
      .prefault({}),
    dlq: z
      .strictObject({
        enabled: z.boolean().default(true),
        max_retries: z.int().min(0).max(100_000).default(DEFAULT_RETRY.maxRetries),
        retry_delay_seconds: count.default(60),
        retention_days: z.int().min(1).max(36_500).default(30),
      })
      .prefault({}),
    wire_format: text.optional(),
    wire_config: z.record(z.string(), z.unknown()).default({}),
    transform: z.record(z.string(), z.unknown()).default({}),
    routing: z
      .strictObject({
        rules: z
          .array(
            z.strictObject({
              match_field: text,
              match_value: z.union([z.string().max(1_024), z.number(), z.boolean()]).transform(String),
              subject: text,
            }),
          )
          .max(1_000)
          .default([]),
        default_template: text.optional(),
      })
      .prefault({}),
    rate_limit: z
      .strictObject({
        enabled: z.boolean().optional(),
        max_messages_per_second: z.number().min(0).max(10_000_000).optional(),
        messages_per_second: z.number().min(0).max(10_000_000).optional(),
        burst_size: z.int().min(1).max(10_000_000).optional(),
      })
      .prefault({}),
    circuit_breaker: z
      .strictObject({
        enabled: z.boolean().default(true),
        failure_threshold: z.int().min(1).max(1_000_000).default(5),
        success_threshold: z.int().min(1).max(1_000_000).default(3),
        half_open_timeout_seconds: z.number().min(0.001).max(86_400).default(30),
        on_open: z.enum(["pause", "dlq"]).default("pause"),
      })
      .prefault({}),
    poll_interval_ms: z.int().min(1).max(DAY_MS).default(1_000),
    max_poll_backoff_ms: z.int().min(1).max(DAY_MS).default(60_000),
    sink_max_inflight: z.int().min(0).max(1_000_000).default(0),
    dry_run: z.boolean().default(false),
    db_role: text.optional(),
    auto_resume_after: text.optional(),
    encryption: z.record(z.string(), z.unknown()).optional(),
    schema_registry: z.unknown().optional(),
    serialization: z.strictObject({ format: text.default("json"), subject_name_strategy: text.optional() }).optional(),
    on_schema_change: text.optional(),
    order_key: z
      .string()
      .regex(
        /^(?:dedup|subject|(?:payload|headers)(?:\.[^.\s]+)+)$/,
        'must be "dedup", "subject", "payload.a.b" or "headers.x"',
      )
      .optional(),
    on_dead_letter: z.enum(["block", "skip"]).default("skip"),
    ssrf_allow: z.array(text).max(1_000).default([]),
    ssrf_protection: z.boolean().default(true),
  });
}

/** `source` of a forward pipeline: the outbox. */
export function outboxSourceShape(z: ZodNamespace) {
  return z.strictObject({
    outbox: z.string().min(1).max(63),
    subject_template: z.string().min(1).max(1_024).default(DEFAULT_SUBJECT),
    consumer_group: z.string().min(1).optional(),
    consumer_id: z.string().min(1).default("pg-tide"),
    visibility_seconds: z.int().min(1).max(INT32_MAX).default(30),
  });
}

/** `sink` of a reverse pipeline: the inbox. */
export function inboxSinkShape(z: ZodNamespace) {
  return z.strictObject({
    inbox: z.string().min(1).max(63),
    max_retries: z.int().min(0).max(100_000).default(3),
    idempotent: z.boolean().default(true),
  });
}

/** The subject of sinks that name none. */
export const DEFAULT_SUBJECT = "{outbox}.{op}";
