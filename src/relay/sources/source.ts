/**
 * A source: where reverse pipelines get events for an inbox. One file per type, default export `defineSource({...})`.
 *
 * A source hands over what arrived and hears, after the commit, what became of it; only then does it acknowledge. When
 * `deliver` throws, nothing of that batch was stored: the source does not acknowledge and lets it come again.
 */
import type { z as Zod } from "zod";
import type { ConnectorContext, ConnectorDefinition } from "../connector.ts";

/** One event as it arrived. */
export interface Incoming {
  readonly body: Buffer;
  /** The sender's own id for it; undefined: the wire format's, else a hash of the body. */
  readonly eventId: string | undefined;
  /** Subject, topic, path: becomes the inbox row's `source` unless the wire format says better. */
  readonly subject: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export type IncomingOutcome =
  /** Committed now. */
  | { readonly outcome: "stored"; readonly eventId: string }
  /** Was there before. */
  | { readonly outcome: "duplicate"; readonly eventId: string }
  /** Cannot be decoded: kept as a dead letter, committed, so it may be acknowledged. `reason` holds no payload. */
  | { readonly outcome: "rejected"; readonly reason: string };

/** Stores a batch; one outcome per event, in order. May be called several times at once. Throws when nothing was stored. */
export type Deliver = (batch: readonly Incoming[], signal: AbortSignal) => Promise<readonly IncomingOutcome[]>;

export interface Source {
  /**
   * Hands events to `deliver` until the context's signal aborts, then returns. Throws ConnectorFailure when the source is gone;
   * the engine waits and opens it again.
   */
  run(deliver: Deliver): Promise<void>;
  /** Where a listener listens: "127.0.0.1:8080"; undefined for clients. */
  readonly address?: string | undefined;
  /** Ends connections, waiting at most two seconds. Never throws. */
  close(): Promise<void>;
}

export interface SourceDefinition<Config extends Zod.ZodObject = Zod.ZodObject> extends ConnectorDefinition<Config> {
  /** Connects or listens. `config` has its references resolved. Throws ConnectorFailure. */
  open(config: Zod.output<Config>, context: ConnectorContext): Promise<Source>;
}

/** Keeps the exact type of one source's configuration. */
export function defineSource<Config extends Zod.ZodObject>(
  definition: SourceDefinition<Config>,
): SourceDefinition<Config> {
  return definition;
}
