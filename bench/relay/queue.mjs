/**
 * Works off the jobs of a queue that people use for events, doing nothing with them, in a process of its own:
 * `node queue.mjs boss|graphile '{...}'`. Prints one line when it is ready and, on SIGTERM, when each job came.
 */
import { createRequire } from "node:module";

const [kind, given] = process.argv.slice(2);
const { server, database, untilCount } = JSON.parse(given);
const peers = createRequire(new URL("./peers/package.json", import.meta.url));
const url = `postgres://postgres:${encodeURIComponent(server.password)}@${server.host}:${server.port}/${database}`;
const times = [];
const startedMs = performance.now();
const done = (n) => {
  times.push([String(n), performance.timeOrigin + performance.now()]);
  if (times.length === untilCount) end();
};

if (kind === "boss") {
  const boss = new (peers("pg-boss"))({ connectionString: url, supervise: false, schedule: false });
  await boss.start();
  await boss.work("bench", { batchSize: untilCount ? 1_000 : 100, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    for (const { data } of jobs) done(data.n);
  });
} else {
  const { run } = peers("graphile-worker");
  const logger = new (peers("graphile-worker").Logger)(() => () => undefined);
  await run({
    connectionString: url,
    concurrency: 10,
    logger,
    noHandleSignals: true,
    taskList: { bench: async ({ n }) => done(n) },
  });
}
process.on("SIGTERM", end);
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);

function end() {
  const ms = performance.now() - startedMs;
  process.stdout.write(`${JSON.stringify(untilCount ? { events: times.length, ms } : times)}\n`, () => process.exit(0));
}
