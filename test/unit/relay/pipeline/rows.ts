/** Pipelines of tests: a row of the catalog from a configuration, and what becomes of it. */
import { PgkeepError } from "../../../../src/base/errors.ts";
import { type OpenOptions, openable } from "../../../../src/relay/pipeline/open.ts";
import type { Pipeline, PipelineRow } from "../../../../src/relay/pipeline/pipeline.ts";
import { findSink, findSource, readPipeline } from "../../../../src/relay/pipeline/read.ts";

export function row(config: unknown, changes: Partial<PipelineRow> = {}): PipelineRow {
  return {
    name: "p",
    direction: "forward",
    enabled: true,
    config: typeof config === "string" ? config : JSON.stringify(config),
    tenant: "default",
    wireFormat: "native",
    owner: null,
    ...changes,
  };
}

/** The canonical form of a pipeline from outbox "orders" to standard output, with `more` beside. */
export function toStdout(more: Record<string, unknown> = {}): PipelineRow {
  return row({ source_type: "outbox", source: { outbox: "orders" }, sink_type: "stdout", sink: {}, ...more });
}

/** The lines of the detail with which a row is refused. */
export async function problemsWith(config: PipelineRow): Promise<string[]> {
  return refusal(readPipeline(config)).then(({ parts }) => (parts.detail ?? "").split("\n"));
}

export async function refusal(attempt: Promise<unknown>): Promise<PgkeepError> {
  const error = await attempt.then(
    () => new Error("it was not refused"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof PgkeepError) return error;
  throw error;
}

export const NOTHING: OpenOptions = { environment: {}, secretRoots: [], allowInlineSecrets: false };

export async function openRow(config: PipelineRow, options: Partial<OpenOptions> = {}) {
  return openPipeline(await readPipeline(config), options);
}

export async function openPipeline(pipeline: Pipeline, options: Partial<OpenOptions> = {}) {
  const { type } = pipeline.connector;
  const definition = pipeline.direction === "forward" ? await findSink(type) : await findSource(type);
  if (!definition) throw new Error("no such connector");
  return openable(pipeline, definition, { ...NOTHING, ...options });
}
