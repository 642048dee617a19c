/** What every connector, sink or source, is given of the world, and what it declares about itself. */
import type { z as Zod } from "zod";
import type { Clock } from "../base/clock.ts";
import type { ZodNamespace } from "../base/operation.ts";
import type { AddressPolicy } from "../net/address-policy.ts";
import type { ResolvedConnection } from "../pg/connect/resolve.ts";
import type { Session } from "../pg/session.ts";

/** A package that is installed only by those who use the connector. */
export interface NeededPackage {
  name: string;
  /** npm range: "^6.0.0". */
  range: string;
}

export interface ConnectorContext {
  /** Name of the pipeline, for client ids and messages. */
  pipeline: string;
  /** The relay group, part of the names of durable consumers. */
  group: string;
  clock: Clock;
  /** Aborts when the pipeline stops; open and send end soon after. */
  signal: AbortSignal;
  /** Which addresses may be dialled, the pipeline's own wishes already taken in. Every address a broker advertises too. */
  addresses: AddressPolicy;
  /** Whether the process permits what a pipeline's `allow_insecure`, `allow_http` or unverified TLS asks for. */
  allowInsecure: boolean;
  /** Absolute directories of the operator's choice that the file sink may write below. Default: none. */
  fileRoots?: readonly string[] | undefined;
  /** A session on the relay's own database. The connector closes it. */
  openDatabase(): Promise<Session>;
  /** Resolves a connection string of the configuration (remote inbox), with the rules for sinks. */
  resolveDatabase(url: string): Promise<ResolvedConnection>;
  /** stdin, stdout of the process, for the connectors of these names only. */
  streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream };
  /** Says something people should see once: no secret, no payload. */
  warn(message: string): void;
}

/** What both kinds of connectors say about themselves. `type` is the file's name and what pipelines call it. */
export interface ConnectorDefinition<Config extends Zod.ZodObject = Zod.ZodObject> {
  type: string;
  /** One line, no full stop. */
  summary: string;
  /**
   * Shape of `sink` or `source` in the catalog: a strict object, snake_case. Every field has `.meta({ description })`;
   * `secret: true` marks fields that must hold one reference and nothing else (a literal is refused).
   */
  config: (z: ZodNamespace) => Config;
  package?: NeededPackage | readonly NeededPackage[];
  guarantees: {
    /** One sentence each, for the reference. */
    order: string;
    duplicates: string;
    acknowledgement: string;
  };
}
