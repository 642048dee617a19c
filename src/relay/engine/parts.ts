/**
 * What the engine takes from the rest of the relay: reading configurations, shaping messages, opening sinks, running reverse
 * pipelines. Given as functions, so that the loop knows neither catalogues nor configuration, and can be run with
 * others.
 */
import type { Delivery, Message } from "../message.ts";
import type { Pipeline, PipelineRow } from "../pipeline/pipeline.ts";
import type { Sink, SinkDefinition } from "../sinks/sink.ts";
import type { WorkerContext } from "./worker.ts";

/**
 * Transforms, routes and writes one message. None: it was filtered out, which counts as delivered. More than one only
 * where the format calls for it. Throws when the message cannot be shaped: a dead letter of kind "decode", with
 * the error's message, which holds nothing of the payload.
 */
export type Shape = (message: Message) => readonly Delivery[];

export interface Shaping {
  shape: Shape;
  /** Catalogue name of the sink. */
  sinkType: string;
  /** How many sends may be on their way at once. */
  lanes: number;
  limits: SinkDefinition["limits"];
}

export interface RelayParts {
  /** Throws PgkeepError RELAY_PIPELINE_INVALID. */
  readPipeline(row: PipelineRow): Promise<Pipeline>;
  /** Files that the pipeline's references name: when one changes, its worker starts again. */
  secretFiles(pipeline: Pipeline): readonly string[];
  /** Everything between the outbox and the sink, ready. Throws PgkeepError for a configuration that cannot work. */
  openShaping(context: WorkerContext): Promise<Shaping>;
  /** Throws ConnectorFailure, or PgkeepError for what only a change of the configuration can help. */
  openSink(context: WorkerContext): Promise<Sink>;
  runReverse(context: WorkerContext): Promise<void>;
}
