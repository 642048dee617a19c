/**
 * Reads a row of the catalog into a `Pipeline`, or says everything that is wrong with it at once.
 *
 * Offline and without the process's secrets: references are not resolved, so a value that is one cannot be checked
 * here; `openable` checks it again when it is known. Whoever validates, lists or exports pipelines uses this too.
 */
import { createHash } from "node:crypto";
import type { CatalogueIndex } from "../../base/catalogue.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { nearestName } from "../../base/suggest.ts";
import { tameLine } from "../../base/tame.ts";
import { hasReferences } from "../../config/references.ts";
import type { ConnectorDefinition } from "../connector.ts";
import type { FormatDefinition } from "../formats/format.ts";
import { index as formats } from "../formats/index.ts";
import { isRecord, recordOf, textOf } from "../json/kinds.ts";
import { index as sinks } from "../sinks/index.ts";
import type { SinkDefinition } from "../sinks/sink.ts";
import { index as sources } from "../sources/index.ts";
import type { SourceDefinition } from "../sources/source.ts";
import { index as transforms } from "../transforms/index.ts";
import type { TransformDefinition } from "../transforms/transform.ts";
import { type Normalised, normalise } from "./normalise.ts";
import type { Direction, Pipeline, PipelineRow } from "./pipeline.ts";
import { invalid, problemsOf, refuseProblems, UNSUPPORTED_SURFACE } from "./problems.ts";
import { fieldsOf } from "./schema-node.ts";
import { inboxSinkShape, outboxSourceShape, shapeOf } from "./shape.ts";
import { templateProblem } from "./template.ts";

/** The sink of that catalogue name; undefined when there is none. */
export async function findSink(type: string): Promise<SinkDefinition | undefined> {
  return find<SinkDefinition>(sinks, type);
}

/** The source of that catalogue name; undefined when there is none. */
export async function findSource(type: string): Promise<SourceDefinition | undefined> {
  return find<SourceDefinition>(sources, type);
}

/**
 * The pipeline that a row describes.
 *
 * Throws RELAY_PIPELINE_INVALID whose detail has a line for each field that is wrong, and never a value. Fields that hold
 * references are checked by `openable`.
 */
export async function readPipeline(row: PipelineRow): Promise<Pipeline> {
  const raw = parseConfig(row);
  const normalised = await normalise(raw, row.direction, (type) => ownKeys(row.direction, type));
  const { z } = await import("zod");
  const reader = new Reader(z, row, normalised);
  const pipeline = await reader.read();
  refuseProblems(row.name, reader.problems);
  if (!pipeline) throw new Error("a pipeline without problems was not read");
  return { ...pipeline, configHash: hashOf(row, raw) };
}

/** Reads the parts one after the other and collects what is wrong with each. */
class Reader {
  readonly problems: string[];
  readonly #z: ZodNamespace;
  readonly #row: PipelineRow;
  readonly #normalised: Normalised;

  constructor(z: ZodNamespace, row: PipelineRow, normalised: Normalised) {
    this.#z = z;
    this.#row = row;
    this.#normalised = normalised;
    this.problems = [...normalised.problems];
  }

  async read(): Promise<Omit<Pipeline, "configHash"> | undefined> {
    const given = this.#normalised.common;
    const common = this.#parse(shapeOf(this.#z), given, "");
    const near = this.#near();
    const connector = await this.#connector();
    // What is wrong elsewhere must not hide what is wrong here.
    const wireFormat = await this.#wireFormat(textOf(given.wire_format), recordOf(given.wire_config));
    const chain = await this.#transforms(recordOf(given.transform), given.encryption);
    this.#unsupported(given);
    if (!common) return undefined;
    this.#templates(common.routing.rules, common.routing.default_template);
    if (!near || !connector || !wireFormat) return undefined;
    return {
      name: this.#row.name,
      direction: this.#row.direction,
      tenant: this.#row.tenant,
      enabled: this.#row.enabled,
      ...near,
      connector,
      ...this.#pace(common),
      orderKey: common.order_key,
      onDeadLetter: common.on_dead_letter,
      onSchemaChange: common.on_schema_change,
      wireFormat,
      transforms: chain,
      routing: {
        rules: common.routing.rules.map(({ match_field, match_value, subject }) => ({
          field: match_field,
          value: match_value,
          subject,
        })),
        fallback: common.routing.default_template,
      },
      dryRun: common.dry_run,
      autoResumeAfter: common.auto_resume_after,
      addresses: { allow: common.ssrf_allow, protection: common.ssrf_protection },
    };
  }

  #near(): Pick<Pipeline, "outbox" | "inbox" | "subjectTemplate"> | undefined {
    const { near, nearType } = this.#normalised;
    const isForward = this.#row.direction === "forward";
    const end = isForward ? "source" : "sink";
    if (nearType !== (isForward ? "outbox" : "inbox")) {
      this.problems.push(`${end}_type: ${UNSUPPORTED_SURFACE}: only "${isForward ? "outbox" : "inbox"}" is supported`);
    }
    if (isForward) {
      const source = this.#parse(outboxSourceShape(this.#z), near, end);
      const problem = source && templateProblem(source.subject_template);
      if (problem) this.problems.push(`source.subject_template: ${problem}`);
      return source && { outbox: source.outbox, inbox: undefined, subjectTemplate: source.subject_template };
    }
    const sink = this.#parse(inboxSinkShape(this.#z), near, end);
    return sink && { outbox: undefined, inbox: sink.inbox, subjectTemplate: "" };
  }

  async #connector(): Promise<Pipeline["connector"] | undefined> {
    const { type, config } = this.#normalised.connector;
    const end = this.#row.direction === "forward" ? "sink" : "source";
    if (type === undefined) {
      this.problems.push(`${end}_type: required`);
      return undefined;
    }
    const definition = await findConnector(this.#row.direction, type);
    if (!definition) {
      this.problems.push(`${end}_type: ${UNSUPPORTED_SURFACE}: ${unknownName(type, namesOf(end))}`);
      return undefined;
    }
    this.problems.push(...connectorProblems(definition.config(this.#z), config, end));
    return { type: definition.type, config };
  }

  async #wireFormat(named: string | undefined, options: Record<string, unknown>) {
    const column = this.#row.wireFormat;
    if (named !== undefined && column !== "native" && column !== named) {
      this.problems.push(`wire_format: differs from the row's own, which is "${tameLine(column)}"`);
    }
    const name = named ?? column;
    const definition = Object.hasOwn(formats, name) ? await find<FormatDefinition>(formats, name) : undefined;
    if (!definition) {
      this.problems.push(`wire_format: ${UNSUPPORTED_SURFACE}: ${unknownName(name, Object.keys(formats))}`);
      return undefined;
    }
    const isForward = this.#row.direction === "forward";
    if (isForward ? !definition.encode : !definition.decode) {
      this.problems.push(`wire_format: "${name}" can only be ${isForward ? "read" : "written"}`);
    }
    if (!mentionsReference(options)) this.#parse(definition.options(this.#z), options, "wire_config");
    return { name, options };
  }

  async #transforms(named: Record<string, unknown>, given: unknown) {
    const encryption = isRecord(given) && given.enabled !== false ? given : undefined;
    const chain = { ...named, ...(encryption ? { decrypt: encryption } : {}) };
    for (const [name, options] of Object.entries(chain)) {
      const definition = Object.hasOwn(transforms, name)
        ? await find<TransformDefinition>(transforms, name)
        : undefined;
      const place = name === "decrypt" && encryption ? "encryption" : `transform.${tameLine(name)}`;
      if (!definition) this.problems.push(`${place}: unknown key; ${unknownName(name, Object.keys(transforms))}`);
      else if (this.#row.direction === "reverse")
        this.problems.push(`${place}: ${UNSUPPORTED_SURFACE}: only forward pipelines transform`);
      else if (!mentionsReference(options)) this.#parse(definition.options(this.#z), options, place);
    }
    return chain;
  }

  #templates(rules: readonly { subject: string }[], fallback: string | undefined): void {
    const named = rules.map(({ subject }, index) => ({ place: `routing.rules.${index}.subject`, subject }));
    if (fallback !== undefined) named.push({ place: "routing.default_template", subject: fallback });
    for (const { place, subject } of named) {
      const problem = templateProblem(subject);
      if (problem) this.problems.push(`${place}: ${problem}`);
    }
  }

  /** What pg_tide's configuration can ask for and nothing here does: refused, because ignoring it would be a lie. */
  #unsupported({ schema_registry, serialization, on_schema_change, db_role }: Readonly<Record<string, unknown>>): void {
    const refuse = (place: string, what: string) => this.problems.push(`${place}: ${UNSUPPORTED_SURFACE}: ${what}`);
    if (schema_registry !== undefined) refuse("schema_registry", "schema registries are not supported");
    if (db_role !== undefined) {
      refuse(
        "db_role",
        "a relay works as the role it logged in as; run one for each role, with its own group or tenant",
      );
    }
    if ((textOf(recordOf(serialization).format) ?? "json") !== "json") {
      refuse("serialization.format", 'only "json" is supported');
    }
    if (this.#row.direction === "reverse" && (textOf(on_schema_change) ?? "continue") !== "continue") {
      refuse("on_schema_change", "only forward pipelines watch the fields of their events");
    }
  }

  #pace(common: Common) {
    const { retry, dlq, circuit_breaker: breaker } = common;
    return {
      batchSize: common.batch_size,
      pollIntervalMs: common.poll_interval_ms,
      maxPollBackoffMs: common.max_poll_backoff_ms,
      sinkMaxInflight: common.sink_max_inflight,
      retry: {
        maxRetries: retry.max_retries ?? dlq.max_retries,
        backoffMs: retry.backoff_ms,
        maxBackoffMs: Math.max(retry.max_backoff_ms, retry.backoff_ms),
      },
      deadLetters: { enabled: dlq.enabled, retentionDays: dlq.retention_days },
      rateLimit: rateLimitOf(common.rate_limit),
      circuitBreaker: {
        enabled: breaker.enabled,
        failureThreshold: breaker.failure_threshold,
        successThreshold: breaker.success_threshold,
        halfOpenTimeoutMs: breaker.half_open_timeout_seconds * 1_000,
        onOpen: breaker.on_open,
      },
    };
  }

  #parse<Schema extends import("zod").z.ZodType>(schema: Schema, value: unknown, at: string) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.problems.push(...problemsOf(parsed.error.issues, schema, at));
    return undefined;
  }
}

type Common = import("zod").z.output<ReturnType<typeof shapeOf>>;

/** A rate that is given and not switched off is meant. */
function rateLimitOf({ enabled, max_messages_per_second, messages_per_second, burst_size }: Common["rate_limit"]) {
  const perSecond = max_messages_per_second ?? messages_per_second ?? 0;
  if (enabled === false || perSecond <= 0) return undefined;
  return { perSecond, burst: burst_size ?? Math.max(1, Math.ceil(perSecond)) };
}

/** What the connector's own schema says of settings whose references are not resolved. */
function connectorProblems(
  schema: ReturnType<ConnectorDefinition["config"]>,
  config: Record<string, unknown>,
  at: string,
): string[] {
  const parsed = schema.safeParse(config);
  if (parsed.success) return [];
  const known = parsed.error.issues.filter(({ path }) => !mentionsReference(valueAt(config, path)));
  // Without a path an issue is about several fields; one that is a reference may be what it is about.
  const certain = known.filter(
    ({ path, code }) => path.length > 0 || code === "unrecognized_keys" || !mentionsReference(config),
  );
  return problemsOf(certain, schema, at);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Object.entries(at).find(([key]) => key === String(step))?.[1];
  }
  // A place that is missing or a whole object: only its own text can be a reference.
  return typeof at === "object" ? undefined : at;
}

function mentionsReference(value: unknown): boolean {
  if (typeof value === "string") return hasReferences(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(mentionsReference);
}

function parseConfig(row: PipelineRow): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(row.config);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid(row.name, ["configuration: must be a JSON object"]);
  }
  const problem = structureProblem(parsed);
  if (problem) throw invalid(row.name, [`configuration: ${problem}`]);
  return { ...parsed };
}

/** 32 levels: no connector has more than four. */
const MAX_DEPTH = 32;

function structureProblem(value: unknown, depth = 0): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
  // Copied to another object it would become that object's prototype, where no check looks for secrets.
  if (Object.hasOwn(value, "__proto__")) return '"__proto__" is not a key';
  for (const part of Object.values(value)) {
    const problem = structureProblem(part, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

/** Everything a worker depends on; equal for equal settings, however they are spaced and ordered. */
function hashOf(row: PipelineRow, raw: Record<string, unknown>): string {
  const parts = [row.name, row.direction, row.tenant, row.wireFormat, sorted(raw)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
}

async function ownKeys(direction: Direction, type: string): Promise<string[]> {
  const definition = await findConnector(direction, type);
  if (!definition) return [];
  const { z } = await import("zod");
  return Object.keys(fieldsOf(definition.config(z)) ?? {});
}

function findConnector(direction: Direction, type: string): Promise<ConnectorDefinition | undefined> {
  return direction === "forward" ? findSink(type) : findSource(type);
}

async function find<Definition>(index: CatalogueIndex<Definition>, name: string): Promise<Definition | undefined> {
  const load = Object.hasOwn(index, name) ? index[name] : undefined;
  return load && (await load()).default;
}

function namesOf(end: "sink" | "source"): string[] {
  return Object.keys(end === "sink" ? sinks : sources);
}

function unknownName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return `"${tameLine(name)}" is not supported; ${near ? `did you mean "${near}"?` : `known: ${known.join(", ")}`}`;
}
