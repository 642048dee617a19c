/** What a relay process is told once, at its start. Everything else stands in the catalog and may change while it runs. */
import type { Clock } from "../../base/clock.ts";
import type { AddressRules } from "../../net/address-rules.ts";
import type { ResolvedConnection } from "../../pg/connect/resolve.ts";
import type { Session } from "../../pg/session.ts";
import type { RelayEvent } from "./events.ts";

export interface RelayOptions {
  /** Relays of one group share its pipelines; another group has positions of its own and delivers everything again. */
  group: string;
  /** Only pipelines of this tenant; undefined: all. */
  tenant: string | undefined;
  /** Only the pipelines of these names; undefined: all. */
  only: readonly string[] | undefined;
  /** Shown to people as the owner: host name and process id. */
  label: string;
  maxOwnedPipelines: number;
  /** Sessions on the relay's database, at most. */
  maxConnections: number;
  /** Reads the catalog again even when nothing was notified. */
  discoveryIntervalMs: number;
  /** How often pipelines owned by somebody else are asked for. */
  takeoverIntervalMs: number;
  /** How long an owner that is not heard of keeps its pipelines. */
  leaseMs: number;
  drainTimeoutMs: number;
  /** 0: never sweeps. */
  sweepIntervalMs: number;
  /** Delivers what is due, then ends. */
  untilIdle: boolean;
  /** Until idle: a sink or source that has been away for so long is given up. Default: 60 s. */
  patienceMs?: number | undefined;
  /** Upper bound of what pipelines may dial. */
  addresses: AddressRules;
  /** Directories that `${file:}` of a pipeline may read below. */
  secretRoots: readonly string[];
  /** Absolute directories that file sinks may write below. Default: none. */
  fileRoots?: readonly string[] | undefined;
  /** For `${env:}`. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Permits `allow_http`, `allow_insecure` and unverified TLS where a pipeline asks for it. */
  allowInsecure: boolean;
  allowInlineSecrets: boolean;
  /** A new session on the relay's database. */
  openDatabase(): Promise<Session>;
  resolveDatabase(url: string): Promise<ResolvedConnection>;
  streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream };
  clock: Clock;
  /** Whoever wants the catalog, files and references read again now (SIGHUP) calls what is handed over here. */
  onReload?: ((reload: () => void) => void) | undefined;
  /** Aborts: drain, then end. */
  signal: AbortSignal;
  random: () => number;
  report(event: RelayEvent): void;
  /** Tests only: called at the named steps of the loop; a rejection or a kill there is a crash at that step. */
  atStep?: ((step: RelayStep, pipeline: string) => Promise<void> | void) | undefined;
}

/** How long a run until idle waits for a sink or source that is away. */
export const PATIENCE_MS = 60_000;

/** The steps of the forward loop, in order. */
export const RELAY_STEPS = [
  "lease_acquired",
  "page_read",
  "durable",
  "encoded",
  "publish_started",
  "sink_acknowledged",
  "dead_letters_written",
  "checkpoint_committed",
  "lease_released",
] as const;

export type RelayStep = (typeof RELAY_STEPS)[number];

/** What a run did, when it has ended. */
export interface RelaySummary {
  delivered: number;
  stored: number;
  deadLetters: number;
  /** Pipelines that had not drained when the time was up. */
  forced: readonly string[];
  pipelines: readonly { name: string; direction: "forward" | "reverse"; state: string; reason: string | undefined }[];
}
