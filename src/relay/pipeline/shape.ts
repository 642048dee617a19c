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
  const text = textShape(z);
  return z.strictObject({
    schema_version: z.literal(1).optional().meta({ description: "Version of this grammar" }),
    batch_size: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(100)
      .meta({ description: "Most events of one batch; sinks have limits of their own" }),
    retry: retryShape(z).prefault({}),
    dlq: deadLetterShape(z).prefault({}),
    wire_format: text.optional().meta({ description: "How events are written or read; see Wire formats" }),
    wire_config: z.record(z.string(), z.unknown()).default({}).meta({ description: "Keys of the wire format" }),
    transform: z
      .record(z.string(), z.unknown())
      .default({})
      .meta({ description: "filter and payload, JMESPath expressions; see Transforms" }),
    routing: routingShape(z).prefault({}),
    rate_limit: rateLimitShape(z).prefault({}),
    circuit_breaker: circuitBreakerShape(z).prefault({}),
    poll_interval_ms: z
      .int()
      .min(1)
      .max(DAY_MS)
      .default(1_000)
      .meta({ description: "How often an idle pipeline looks without having been notified" }),
    max_poll_backoff_ms: z
      .int()
      .min(1)
      .max(DAY_MS)
      .default(60_000)
      .meta({ description: "Longest pause between looks that fail" }),
    sink_max_inflight: z
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .meta({ description: "Most events on their way at once; 0 leaves it to the sink" }),
    dry_run: z.boolean().default(false).meta({ description: "Do everything but send" }),
    db_role: text
      .optional()
      .meta({ description: "Refused: a relay works as the role it logged in as; run one for each role" }),
    auto_resume_after: text
      .optional()
      .meta({ description: "Interval after which a pipeline that was switched off by a failure goes on" }),
    encryption: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: "Keys that open encrypted payloads; see Transforms, decrypt" }),
    schema_registry: z.unknown().optional().meta({ description: "Refused: schema registries are not supported" }),
    serialization: serializationShape(z).optional(),
    on_schema_change: z.enum(["warn", "pause", "dlq", "continue"]).optional().meta({
      description:
        "What happens when the events of a topic change their fields: warn tells, pause switches the pipeline off, dlq makes dead letters, continue only notes them; by default nobody looks",
    }),
    order_key: z
      .string()
      .regex(
        /^(?:dedup|subject|(?:payload|headers)(?:\.[^.\s]+)+)$/,
        'must be "dedup", "subject", "payload.a.b" or "headers.x"',
      )
      .optional()
      .meta({
        description:
          "What events are kept in order by: dedup (no order), subject, payload.a.b, headers.x; by default all of the pipeline",
      }),
    on_dead_letter: z
      .enum(["block", "skip"])
      .default("skip")
      .meta({ description: "block holds back later events of the same order key until the dead letter is settled" }),
    ssrf_allow: z.array(text).max(1_000).default([]).meta({
      description:
        "Private networks and hosts that the pipeline may dial; counts only within --ssrf-allow of the process",
    }),
    ssrf_protection: z.boolean().default(true).meta({ description: "false asks for all that the process permits" }),
  });
}

/** How often and how soon an event is tried again. */
function retryShape(z: ZodNamespace) {
  return z.strictObject({
    max_retries: z
      .int()
      .min(0)
      .max(100_000)
      .optional()
      .meta({ description: "Attempts after the first; by default what dlq.max_retries says" }),
    backoff_ms: z
      .int()
      .min(0)
      .max(DAY_MS)
      .default(DEFAULT_RETRY.backoffMs)
      .meta({ description: "First pause; each further one is up to twice as long" }),
    max_backoff_ms: z
      .int()
      .min(0)
      .max(DAY_MS)
      .default(DEFAULT_RETRY.maxBackoffMs)
      .meta({ description: "Longest pause" }),
  });
}

/** What becomes of events that nothing helps. */
function deadLetterShape(z: ZodNamespace) {
  return z.strictObject({
    enabled: z.boolean().default(true).meta({ description: "false: a pipeline stops at an event that nothing helps" }),
    max_retries: z
      .int()
      .min(0)
      .max(100_000)
      .default(DEFAULT_RETRY.maxRetries)
      .meta({ description: "Attempts after the first before an event is a dead letter" }),
    retry_delay_seconds: z.int().min(0).max(INT32_MAX).default(60).meta({
      description: "Accepted because pg_tide has it; dead letters are delivered again when somebody asks for it",
    }),
    retention_days: z
      .int()
      .min(1)
      .max(36_500)
      .default(30)
      .meta({ description: "Days that a settled dead letter is kept; relays delete older ones when they sweep" }),
  });
}

/** Where events go by what stands in them. */
function routingShape(z: ZodNamespace) {
  const text = textShape(z);
  return z.strictObject({
    rules: z
      .array(
        z.strictObject({
          match_field: text.meta({ description: "Place in the event: payload.a.b or headers.x" }),
          match_value: z
            .union([z.string().max(1_024), z.number(), z.boolean()])
            .transform(String)
            .meta({ description: "Value that fits, compared as text" }),
          subject: text.meta({ description: "Template of the subject" }),
        }),
      )
      .max(1_000)
      .default([]),
    default_template: text.optional().meta({ description: "Subject of events that no rule fits" }),
  });
}

/** How fast events leave. */
function rateLimitShape(z: ZodNamespace) {
  return z.strictObject({
    enabled: z.boolean().optional().meta({ description: "false switches the limit off" }),
    max_messages_per_second: z
      .number()
      .min(0)
      .max(10_000_000)
      .optional()
      .meta({ description: "Events a second; 0 is no limit" }),
    messages_per_second: z
      .number()
      .min(0)
      .max(10_000_000)
      .optional()
      .meta({ description: "Another name of max_messages_per_second" }),
    burst_size: z
      .int()
      .min(1)
      .max(10_000_000)
      .optional()
      .meta({ description: "Events that may leave at once after a pause; by default those of one second" }),
  });
}

/** When a sink that fails is left alone, and for how long. */
function circuitBreakerShape(z: ZodNamespace) {
  return z.strictObject({
    enabled: z.boolean().default(true).meta({ description: "false: the sink is asked all the time" }),
    failure_threshold: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(5)
      .meta({ description: "Failures of the sink in a row that open the breaker" }),
    success_threshold: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(3)
      .meta({ description: "Successes in a row that close it again" }),
    half_open_timeout_seconds: z
      .number()
      .min(0.001)
      .max(86_400)
      .default(30)
      .meta({ description: "How long it stays open before one attempt is made" }),
    on_open: z
      .enum(["pause", "dlq"])
      .default("pause")
      .meta({ description: "What becomes of events meanwhile: they wait, or become dead letters" }),
  });
}

/** How pg_tide's other wire formats would be written. */
function serializationShape(z: ZodNamespace) {
  const text = textShape(z);
  return z.strictObject({
    format: text.default("json").meta({ description: "Only json is supported" }),
    subject_name_strategy: text.optional().meta({ description: "Accepted because pg_tide has it" }),
  });
}

/** A short text for people or names: not blank, on one line. */
function textShape(z: ZodNamespace) {
  return (
    z
      .string()
      .min(1)
      .max(1_024)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse.
      .regex(/^[^\u0000-\u001f\u007f]*$/, "must hold no control characters")
      .refine((value) => value.trim() !== "", "must not be blank")
  );
}

/** `source` of a forward pipeline: the outbox. */
export function outboxSourceShape(z: ZodNamespace) {
  return z.strictObject({
    outbox: z.string().min(1).max(63).meta({ description: "Outbox to read" }),
    subject_template: z
      .string()
      .min(1)
      .max(1_024)
      .default(DEFAULT_SUBJECT)
      .meta({ description: "Subject for sinks that have no template of their own" }),
    consumer_group: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Accepted because pg_tide has it; a pipeline has a position of its own" }),
    consumer_id: z.string().min(1).default("pg-tide").meta({ description: "Accepted because pg_tide has it" }),
    visibility_seconds: z
      .int()
      .min(1)
      .max(INT32_MAX)
      .default(30)
      .meta({ description: "Accepted because pg_tide has it" }),
  });
}

/** `sink` of a reverse pipeline: the inbox. */
export function inboxSinkShape(z: ZodNamespace) {
  return z.strictObject({
    inbox: z.string().min(1).max(63).meta({ description: "Inbox to write; it must exist" }),
    max_retries: z
      .int()
      .min(0)
      .max(100_000)
      .default(3)
      .meta({ description: "Accepted because pg_tide has it; attempts are counted by the inbox" }),
    idempotent: z
      .boolean()
      .default(true)
      .meta({ description: "Accepted because pg_tide has it; an event id is stored once, always" }),
  });
}

/** The subject of sinks that name none. */
export const DEFAULT_SUBJECT = "{outbox}.{op}";
