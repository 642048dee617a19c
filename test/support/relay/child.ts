/**
 * A relay in a process of its own, to be stopped, continued and killed: delivers to its standard output, one line per
 * event, `{"key": ..., "n": ...}`; events with a field "bad" are refused for good.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RelayStep } from "../../../src/relay/engine/options.ts";
import type { Tide } from "../tide-session.ts";

export interface RelayChild extends AsyncDisposable {
  pid: number;
  /** Keys in the order in which they were delivered. */
  delivered: string[];
  events: { type: string; event?: string }[];
  /** Resolves with the signal that ended it, or its exit status. */
  ended: Promise<string | number>;
  signal(name: NodeJS.Signals): void;
}

export interface RelayChildOptions {
  leaseMs?: number;
  /** Kills itself, as `kill -9` would, when it reaches the step for the `at`th time. */
  killAt?: { step: RelayStep; at: number };
}

const PROGRAM = `
import { writeSync } from "node:fs";
import { systemClock } from "./base/clock.js";
import { Secret } from "./base/secrets.js";
import { openSession } from "./pg/connect/open.js";
import { catalogueParts } from "./relay/engine/catalogue-parts.js";
import { runRelay } from "./relay/engine/run.js";

const { settings, password, leaseMs, killAt } = JSON.parse(process.argv[2]);
const say = (value) => writeSync(1, JSON.stringify(value, (key, v) => (typeof v === "bigint" ? String(v) : v)) + "\\n");
const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());
const answer = ({ message }) => {
  const { n, bad } = JSON.parse(message.payload);
  if (bad) return { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "bad" };
  say({ key: message.dedupKey, n });
  return { outcome: "delivered" };
};
const deliveryOf = (message) => ({
  message, subject: undefined, orderKey: "", key: message.dedupKey, body: message.payload,
  contentType: "application/json", headers: {}, bytes: message.payload.length,
});
const openOutlet = async () => ({
  shape: (message) => ({ kind: "deliveries", deliveries: [deliveryOf(message)] }),
  sinkType: "child", lanes: 1,
  limits: { batchMessages: 10, batchBytes: 1e6, messageBytes: 1e6 },
  openSink: async () => ({ send: async (batch) => batch.map(answer), close: async () => {} }),
});
let reached = 0;
const atStep = (step) => {
  if (step !== killAt?.step || ++reached < killAt.at) return;
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
};
await runRelay({
  group: "default", tenant: undefined, only: undefined, label: "child", maxOwnedPipelines: 50, maxConnections: 52,
  discoveryIntervalMs: 30000, takeoverIntervalMs: 300, leaseMs, drainTimeoutMs: 5000, sweepIntervalMs: 0, untilIdle: false,
  addresses: { allow: [] }, secretRoots: [], environment: {}, allowInsecure: false, allowInlineSecrets: false,
  openDatabase: () => openSession({ ...settings, password: async () => new Secret(password) },
    { signal: new AbortController().signal, clock: systemClock }),
  resolveDatabase: () => Promise.reject(new Error("none")),
  streams: { input: process.stdin, output: process.stdout },
  clock: systemClock, signal: stopping.signal, random: Math.random,
  report: (event) => { if (event.type === "relay.ownership") say(event); },
  atStep,
}, { ...catalogueParts, openOutlet });
`;

/** `compiled`: the directory of compileSources. */
export function startChild(compiled: string, tide: Tide, options: RelayChildOptions = {}): RelayChild {
  const program = join(compiled, "relay-child.js");
  writeFileSync(program, PROGRAM);
  const { cluster, database } = tide;
  const { leaseMs = 3_000, killAt } = options;
  const settings = {
    hosts: [{ host: cluster.host, port: cluster.port }],
    user: cluster.superuser,
    database,
    sslMode: "disable",
    sslNegotiation: "postgres",
    tlsFiles: {},
    channelBinding: "prefer",
    targetSessionAttrs: "any",
    connectTimeoutMs: 10_000,
    applicationName: "child",
    serverSettings: {},
    loadBalanceHosts: false,
  };
  const argument = JSON.stringify({ settings, password: cluster.password, leaseMs, killAt });
  const child = spawn(process.execPath, [program, argument], { stdio: ["ignore", "pipe", "inherit"] });
  return handle(child);
}

function handle(child: ChildProcess): RelayChild {
  const delivered: string[] = [];
  const events: RelayChild["events"] = [];
  if (child.stdout === null || child.pid === undefined) throw new Error("the child did not start");
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    const said: { key?: string; type?: string; event?: string } = JSON.parse(line);
    if (said.key !== undefined) delivered.push(said.key);
    else if (said.type !== undefined) events.push({ type: said.type, ...(said.event ? { event: said.event } : {}) });
  });
  const ended = new Promise<string | number>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code ?? 0));
  });
  return {
    pid: child.pid,
    delivered,
    events,
    ended,
    signal: (name) => child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
