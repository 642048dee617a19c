/**
 * A sink: where forward pipelines deliver. One file per type in this folder, default export `defineSink({...})`.
 *
 * The engine opens a sink once per owned pipeline and calls `send` with what is due, at most `limits.batchMessages`
 * and `limits.batchBytes` at a time, and as many calls at once as `lanes` says; deliveries of one order key are never
 * in two calls. A sink answers with one disposition per delivery, in order, and only when the destination has taken
 * (or refused) the message for good: an answer "delivered" is what moves the position.
 */
import type { z as Zod } from "zod";
import type { ConnectorContext, ConnectorDefinition } from "../connector.ts";
import type { Delivery, Disposition } from "../message.ts";

export interface Sink {
  /**
   * Delivers. Never throws for what happens to single messages; throws ConnectorFailure when the sink as a whole is
   * gone, which the engine takes for "retry, scope sink" of everything in the batch: some of it may have arrived.
   */
  send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]>;
  /** Ends connections, waiting at most two seconds. Never throws. */
  close(): Promise<void>;
}

export interface SinkDefinition<Config extends Zod.ZodObject = Zod.ZodObject> extends ConnectorDefinition<Config> {
  limits: {
    /** Messages in one `send`. */
    batchMessages: number;
    batchBytes: number;
    /** A larger body is a dead letter before it is sent. */
    messageBytes: number;
  };
  /** How many `send` calls may run at once; 1 keeps the order of the whole pipeline. */
  lanes(config: Zod.output<Config>): number;
  /** Fewer messages in one `send` than `limits.batchMessages`, where the configuration calls for it. */
  batchMessages?(config: Zod.output<Config>): number;
  /** Template of the subject, or undefined for a sink that has none. `routing` of the pipeline comes before it. */
  subject(config: Zod.output<Config>): string | undefined;
  /** Whether bodies are relay messages as `{dedup_key, subject, payload, ...}` when the pipeline names no wire_format. */
  wrapsNative: boolean;
  /** Connects and proves that it may deliver. `config` has its references resolved. Throws ConnectorFailure. */
  open(config: Zod.output<Config>, context: ConnectorContext): Promise<Sink>;
}

/** The sink, when it has proved that it may deliver; one that has not is closed. Throws ConnectorFailure. */
export async function proved(sink: Sink & { prove(): Promise<void> }): Promise<Sink> {
  try {
    await sink.prove();
    return sink;
  } catch (error) {
    await sink.close();
    throw error;
  }
}

/** Keeps the exact type of one sink's configuration. */
export function defineSink<Config extends Zod.ZodObject>(definition: SinkDefinition<Config>): SinkDefinition<Config> {
  return definition;
}
