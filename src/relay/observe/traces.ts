/**
 * Traces, for those who collect them: one span per step of a pipeline, made from the relay's events after the fact.
 *
 * OpenTelemetry's packages are installed by those who use them. Spans carry names, counts and failure classes, as the log
 * does; what an event brought is in none of them.
 */
import type { Clock } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { installCommand } from "../../base/install-command.ts";
import { scrub } from "../../base/secrets.ts";
import type { RelayEvent } from "../engine/events.ts";

/** One finished step. */
export interface RelaySpan {
  name: string;
  durationMs: number;
  attributes: Record<string, string | number | boolean>;
  error?: string | undefined;
}

/** The span that `event` ends; undefined when it ends none. */
export function spanOf(event: RelayEvent): RelaySpan | undefined {
  if (!("direction" in event)) return undefined;
  const attributes = { "pipeline.name": event.pipeline, "pipeline.direction": event.direction };
  switch (event.type) {
    case "relay.polled":
      return {
        name: "relay.source.poll",
        durationMs: event.durationMs,
        attributes: { ...attributes, "batch.size": event.messages },
      };
    case "relay.batch_settled":
      return {
        name: "relay.sink.publish",
        durationMs: event.durationMs,
        attributes: { ...attributes, "batch.size": event.messages, "batch.attempt": event.attempt },
        error: event.failure && `${event.failure.class}: ${scrub(event.failure.reason)}`,
      };
    case "relay.checkpoint":
      return { name: "relay.source.acknowledge", durationMs: event.durationMs, attributes };
    case "relay.dead_letters":
      return { name: "relay.dlq.insert", durationMs: 0, attributes: { ...attributes, "batch.size": event.count } };
    case "relay.state":
      return event.nextRetryMs === undefined
        ? undefined
        : { name: "relay.backoff.sleep", durationMs: event.nextRetryMs, attributes };
    default:
      return undefined;
  }
}

export interface RelayTraces extends AsyncDisposable {
  observe(event: RelayEvent): void;
}

const NEEDED = [
  "@opentelemetry/api@^1.9.1",
  "@opentelemetry/sdk-trace-node@^2.12.0",
  "'@opentelemetry/exporter-trace-otlp-http@>=0.223.0 <1'",
];

/** Sends spans to the OTLP receiver at `endpoint`; undefined without one. Throws CONFIG_VALUE_INVALID, RELAY_PACKAGE_MISSING. */
export async function openTraces(
  endpoint: string | undefined,
  { clock, load = importPackages }: { clock: Clock; load?: () => ReturnType<typeof importPackages> },
): Promise<RelayTraces | undefined> {
  if (endpoint === undefined || endpoint === "") return undefined;
  const url = readEndpoint(endpoint);
  const { api, sdk, exporter } = await loadPackages(load);
  if (url.pathname === "/" || url.pathname === "") url.pathname = "/v1/traces";
  const provider = new sdk.NodeTracerProvider({
    resource: serviceResource(),
    spanProcessors: [new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter({ url: url.href }))],
  });
  const tracer = provider.getTracer("pgkeep");
  return {
    observe: (event) => {
      const span = spanOf(event);
      if (!span) return;
      const end = clock.now().getTime();
      // A wait begins when it is announced; everything else ends when it is told.
      const start = span.name === "relay.backoff.sleep" ? end : end - span.durationMs;
      const started = tracer.startSpan(span.name, { startTime: start, attributes: span.attributes });
      if (span.error !== undefined) started.setStatus({ code: api.SpanStatusCode.ERROR, message: span.error });
      started.end(start + span.durationMs);
    },
    [Symbol.asyncDispose]: () => provider.shutdown().catch(() => undefined),
  };
}

function readEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the receiver of traces is no http or https URL", {
    hint: "Write it as --otel-endpoint https://collector:4318.",
    state: "nothing was started",
  });
}

/** Says whose spans these are, without a package of its own for one name. */
function serviceResource(): Resource {
  const attributes = { "service.name": "pg-tide-relay" };
  const resource: Resource = {
    attributes,
    merge: (other) => other ?? resource,
    getRawAttributes: () => Object.entries(attributes),
  };
  return resource;
}

type Resource = NonNullable<NonNullable<ConstructorParameters<Sdk["NodeTracerProvider"]>[0]>["resource"]>;
type Sdk = typeof import("@opentelemetry/sdk-trace-node");

async function importPackages() {
  return {
    api: await import("@opentelemetry/api"),
    sdk: await import("@opentelemetry/sdk-trace-node"),
    exporter: await import("@opentelemetry/exporter-trace-otlp-http"),
  };
}

async function loadPackages(load: () => ReturnType<typeof importPackages>) {
  try {
    return await load();
  } catch (error) {
    if (errorCodeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new PgkeepError("RELAY_PACKAGE_MISSING", "traces need OpenTelemetry's packages, which are not installed", {
      hint: installCommand(NEEDED),
      state: "nothing was started",
    });
  }
}
