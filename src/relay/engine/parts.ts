/**
 * What the engine takes from the rest of the relay: reading configurations, shaping messages, opening sinks, running
 * reverse pipelines. Given as functions, so that the loop knows neither catalogues nor configuration, and can be run
 * with others.
 */
import type { Pipeline, PipelineRow } from "../pipeline/pipeline.ts";
import type { Shape } from "../pipeline/shaping.ts";
import type { Sink, SinkDefinition } from "../sinks/sink.ts";
import type { Worker, WorkerContext } from "./worker.ts";

/** Everything between the outbox and what a sink is sent, ready. */
export interface Outlet {
  shape: Shape;
  /** Catalogue name of the sink. */
  sinkType: string;
  /** How many sends may be on their way at once. */
  lanes: number;
  limits: SinkDefinition["limits"];
  /** Connects; again after the sink was lost. Throws ConnectorFailure, or PgkeepError for what only people can mend. */
  openSink(): Promise<Sink>;
}

export interface RelayParts {
  /** Throws PgkeepError RELAY_PIPELINE_INVALID. */
  readPipeline(row: PipelineRow): Promise<Pipeline>;
  /** Files that the pipeline's references name: when one changes, its worker starts again. */
  referencedFiles(pipeline: Pipeline): readonly string[];
  /** Resolves and compiles what the pipeline needs. Throws PgkeepError for a configuration that cannot work. */
  openOutlet(context: WorkerContext): Promise<Outlet>;
  reverseWorker(context: WorkerContext): Worker;
}
