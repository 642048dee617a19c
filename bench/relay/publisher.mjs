/**
 * Publishes in a process of its own: `node publisher.mjs '{"kind": "tide|plain|boss|graphile", "rate": 50, "count": 1000, ...}'`.
 *
 * With a rate, one event at a time at that many per second; prints the ids and when each commit was answered. Without, as
 * fast as `clients` connections can, one transaction each; prints events, milliseconds and the longest wait.
 */
import { createRequire } from "node:module";
import pg from "pg";
import { payload } from "./database.mjs";

const { server, database, kind, rate, count, clients = 1, bulk = false } = JSON.parse(process.argv[2]);
const peers = createRequire(new URL("./peers/package.json", import.meta.url));
const body = payload();
const settings = { host: server.host, port: server.port, user: "postgres", password: server.password, database };
const wallMs = () => performance.timeOrigin + performance.now();

if (bulk) await fillQueue(kind);
else {
  const publish = await publisherOf(kind);
  process.stdout.write(`${JSON.stringify(rate ? await atRate(publish) : await atFullSpeed(publish))}\n`);
}
process.exit(0);

/** Puts `count` jobs into a queue in the fastest way it has. */
async function fillQueue(name) {
  await publisherOf(name);
  const jobs = Array.from({ length: count }, (_, n) => ({ ...JSON.parse(body), n }));
  if (name === "boss") {
    const boss = new (peers("pg-boss"))({ ...settings, supervise: false, schedule: false });
    await boss.start();
    for (let from = 0; from < count; from += 1_000) {
      await boss.insert(jobs.slice(from, from + 1_000).map((data) => ({ name: "bench", data })));
    }
  } else {
    const client = new pg.Client(settings);
    await client.connect();
    const text = "select count(graphile_worker.add_job('bench', job)) from json_array_elements($1::json) as job";
    for (let from = 0; from < count; from += 1_000) {
      await client.query(text, [JSON.stringify(jobs.slice(from, from + 1_000))]);
    }
  }
  process.stdout.write(`${JSON.stringify({ events: count })}\n`);
}

async function publisherOf(name) {
  if (name === "boss") {
    const boss = new (peers("pg-boss"))({ ...settings, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue("bench");
    return (_, n) => boss.send("bench", { ...JSON.parse(body), n }).then(() => n);
  }
  if (name === "graphile") {
    const { makeWorkerUtils } = peers("graphile-worker");
    const utils = await makeWorkerUtils({ connectionString: urlOf(settings) });
    await utils.migrate();
    return (_, n) => utils.addJob("bench", { ...JSON.parse(body), n }).then(() => n);
  }
  const text =
    name === "tide"
      ? "select tide.outbox_publish_id('bench', $1, '{}')"
      : "insert into public.plain_messages (outbox_name, payload, headers) values ('bench', $1, '{}') returning id";
  return async (client, n) => {
    const { rows } = await client.query({
      name: "publish",
      text,
      values: [`{"n":${n},${body.slice(1)}`],
      rowMode: "array",
    });
    return rows[0][0];
  };
}

async function atRate(publish) {
  const client = new pg.Client(settings);
  await client.connect();
  const commits = [];
  const started = performance.now();
  for (let n = 0; n < count; n++) {
    const wait = started + (n * 1_000) / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const id = await publish(client, n);
    commits.push([String(id), wallMs()]);
  }
  return commits;
}

async function atFullSpeed(publish) {
  const connections = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new pg.Client(settings);
      await client.connect();
      return client;
    }),
  );
  let next = 0;
  let longestMs = 0;
  const started = performance.now();
  await Promise.all(
    connections.map(async (client) => {
      while (next < count) {
        const began = performance.now();
        await publish(client, next++);
        longestMs = Math.max(longestMs, performance.now() - began);
      }
    }),
  );
  return { events: count, ms: performance.now() - started, longestMs };
}

function urlOf({ host, port, user, password, database: name }) {
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${name}`;
}
