/**
 * A relay in a process of its own: `node relay-process.mjs '{"server": ..., "database": ..., ...}'`.
 *
 * `sink`: "noop" answers at once without looking, anything else is the pipeline's own. `stamps`: file for the time of each
 * delivery to the no-op sink, by id. Prints one line of JSON when it has ended: events, milliseconds from the first
 * page to the last answer, CPU milliseconds.
 */
import { writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { catalogueParts } from "../../dist/relay/engine/catalogue-parts.js";
import { runRelay } from "../../dist/relay/engine/run.js";
import { DELIVERED } from "../../dist/relay/message.js";
import { open } from "./database.mjs";

const {
  server,
  database,
  group = "bench",
  sink,
  untilIdle = false,
  stamps,
  tag,
  environment = {},
} = JSON.parse(process.argv[2]);
const clock = { now: () => new Date(), monotonicMs: () => performance.now() };
const wallMs = () => performance.timeOrigin + performance.now();
const times = stamps ? [] : undefined;
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());

let events = 0;
let readingMs = 0;
let recordingMs = 0;
let firstMs;
let lastMs;
const report = (event) => {
  if (event.type === "relay.polled" && event.messages > 0) firstMs ??= performance.now() - event.durationMs;
  if (event.type === "relay.polled") readingMs += event.durationMs;
  if (event.type === "relay.checkpoint") recordingMs += event.durationMs;
  if (event.type === "relay.batch_settled") {
    events += event.delivered;
    lastMs = performance.now();
  }
  if (event.type === "relay.ownership" && event.event === "acquired") say({ acquired: wallMs(), tag });
  if (event.type === "relay.error" || (event.type === "relay.state" && event.state === "failed"))
    process.stderr.write(`${event.code}: ${event.reason}\n`);
};

/** Everything but the sink is the real thing. */
const noop = {
  ...catalogueParts,
  openOutlet: async (context) => ({
    ...(await catalogueParts.openOutlet(context)),
    openSink: async () => ({
      send: async (batch) => {
        if (times) for (const { message } of batch) times.push([String(message.id), wallMs()]);
        return batch.map(() => DELIVERED);
      },
      close: async () => undefined,
    }),
  }),
};

const started = process.cpuUsage();
await runRelay(
  {
    group,
    tenant: undefined,
    only: undefined,
    label: `bench ${process.pid}`,
    maxOwnedPipelines: 50,
    maxConnections: 60,
    discoveryIntervalMs: 30_000,
    takeoverIntervalMs: 2_000,
    leaseMs: 3_000,
    drainTimeoutMs: 10_000,
    sweepIntervalMs: 0,
    untilIdle,
    addresses: { allow: ["127.0.0.0/8", "localhost"] },
    secretRoots: [],
    environment,
    allowInsecure: true,
    allowInlineSecrets: true,
    openDatabase: () => open(server, database),
    resolveDatabase: (url) => resolveDatabase(url),
    streams: { input: new PassThrough(), output: new PassThrough().resume() },
    clock,
    signal: stop.signal,
    random: Math.random,
    report,
  },
  sink === "noop" ? noop : catalogueParts,
);
if (times) writeFileSync(stamps, JSON.stringify(times));
const { user, system } = process.cpuUsage(started);
say({ events, ms: lastMs - firstMs, cpuMs: (user + system) / 1_000, readingMs, recordingMs, tag });

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function resolveDatabase(url) {
  const { resolveConnection } = await import("../../dist/pg/connect/resolve.js");
  return resolveConnection(
    { connection: url },
    {
      environment: {},
      workingDirectory: process.cwd(),
      fileSettings: {},
      embedded: () => Promise.reject(new Error("not here")),
      warn: () => undefined,
      signal: stop.signal,
      clock,
      applicationName: "pgkeep bench",
    },
  );
}
