/**
 * The program of `startRelayProcess`: a relay with the real sinks and sources in a process of its own, that tells what it
 * does over file descriptor 3, one JSON document per line.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/base/clock.ts";
import { Secret } from "../../../src/base/secrets.ts";
import { resolveStrictly } from "../../../src/operations/relay/sink-database.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayStep } from "../../../src/relay/engine/options.ts";
import { runRelay } from "../../../src/relay/engine/run.ts";

export interface Instructions {
  database: { host: string; port: number; user: string; password: string; database: string };
  label: string;
  only: readonly string[] | undefined;
  leaseMs: number;
  takeoverIntervalMs: number;
  /** For `${env:}` of pipelines. */
  environment: Record<string, string>;
  /** Kills itself, as `kill -9` would, when it reaches the step for the `at`th time. */
  killAt: { step: RelayStep; at: number } | undefined;
}

const TOLD = new Set([
  "relay.reconciled",
  "relay.ownership",
  "relay.checkpoint",
  "relay.error",
  "relay.state",
  "relay.listening",
  "relay.stored",
]);

const instructions: Instructions = JSON.parse(process.argv[2] ?? "");
const { database, killAt, ...given } = instructions;
const { host, port, password, ...who } = database;
const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());

function tell(event: { type: string }): void {
  const text = JSON.stringify({ at: Date.now(), ...event }, (_, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  writeSync(3, `${text}\n`);
}

let reached = 0;

function atStep(step: RelayStep): Promise<void> | undefined {
  if (step !== killAt?.step) return undefined;
  reached += 1;
  if (reached < killAt.at) return undefined;
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
}

tell({ type: "loaded" });
await runRelay(
  {
    ...given,
    group: "default",
    tenant: undefined,
    maxOwnedPipelines: 50,
    maxConnections: 52,
    discoveryIntervalMs: 30_000,
    drainTimeoutMs: 10_000,
    sweepIntervalMs: 0,
    untilIdle: false,
    addresses: { allow: ["127.0.0.0/8"] },
    secretRoots: [],
    allowInsecure: true,
    allowInlineSecrets: false,
    openDatabase: () =>
      openSession(
        {
          ...who,
          hosts: [{ host, port }],
          password: async () => new Secret(password),
          sslMode: "disable",
          sslNegotiation: "postgres",
          tlsFiles: {},
          tlsKeyPassphrase: undefined,
          channelBinding: "prefer",
          requireAuth: undefined,
          targetSessionAttrs: "any",
          connectTimeoutMs: 10_000,
          applicationName: given.label,
          serverSettings: {},
          loadBalanceHosts: false,
        },
        { signal: stopping.signal, clock: systemClock },
      ),
    resolveDatabase: (url) =>
      resolveStrictly(url, { workingDirectory: "/", signal: stopping.signal, clock: systemClock }),
    streams: { input: process.stdin, output: process.stdout },
    clock: systemClock,
    signal: stopping.signal,
    random: Math.random,
    report: (event) => {
      if (TOLD.has(event.type)) tell(event);
    },
    atStep,
  },
  catalogueParts,
);
// Standard input may be open still.
process.exit(0);
