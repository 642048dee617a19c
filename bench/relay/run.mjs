/**
 * `npm run bench:relay`: how fast events leave, how soon, and what that costs, beside bare clients and the queues that
 * people use for it.
 *
 * Everything runs in processes of its own over loopback, on the server of the deploy benchmark with its durability as
 * it comes. Figures are medians of runs taken in turns; rates stand as ratios to a bare program in the same run. Brokers
 * are the real servers of the tests, with TLS and passwords.
 *
 * Options: --runs N (5), --events N (50000), --only drain,brokers,webhook,latency,idle,publisher,memory,takeover,
 * --brokers nats,redis,..., --no-peers.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../deploy/measure.mjs";
import { startServer } from "../deploy/server.mjs";
import { startBroker } from "./brokers.mjs";
import { fill, makeDatabase, PLAIN_TABLE, setPipeline, withClient } from "./database.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    events: { type: "string", default: "50000" },
    only: { type: "string" },
    brokers: { type: "string", default: "nats,redis,rabbitmq,mqtt,kafka,inbox" },
    "no-peers": { type: "boolean" },
  },
});
const runs = Number(options.runs);
const count = Number(options.events);
const wanted = (name) => !options.only || options.only.split(",").includes(name);
const work = mkdtempSync(join(tmpdir(), "pgkeep-bench-"));
const server = await startServer();
const address = { host: server.host, port: server.port, password: server.password };
const hasPeers = !options["no-peers"] && installPeers();

try {
  describeMachine();
  if (wanted("drain")) await drain();
  if (wanted("brokers")) for (const name of options.brokers.split(",")) await broker(name);
  if (wanted("webhook")) await webhook();
  if (wanted("latency")) await latency();
  if (wanted("idle")) await idle();
  if (wanted("publisher")) await publisher();
  if (wanted("memory")) await memory();
  if (wanted("takeover")) await takeover();
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}

/** All events of a full outbox to a sink that does nothing, and what queues make of as many jobs. */
async function drain() {
  const database = await makeDatabase(server, "bench_drain");
  await fill(server, database, count);
  await setPipeline(server, database, "stdout", {});
  const subjects = {
    "bare reader": () => bare("reader", { server: address, database }),
    pgkeep: (run) => relay({ database, sink: "noop", untilIdle: true, group: `drain-${run}` }),
  };
  const rates = await ratesInTurns(subjects);
  const peers = hasPeers ? await ratesInTurns(await queueSubjects(Math.min(count, 20_000))) : new Map();
  rateTable(`drain to a no-op sink: ${count} events of 1 KB (goal: 0.6 x bare reader, 50,000/s)`, [...rates, ...peers]);
}

async function queueSubjects(jobs) {
  const fresh = (kind) => async (run) => {
    const database = await emptyDatabase(`bench_${kind}_${run}`);
    await prepareQueue(kind, database);
    await script("publisher.mjs", [
      JSON.stringify({ server: address, database, kind, count: jobs, bulk: true }),
    ]).last();
    const result = await script("queue.mjs", [
      kind,
      JSON.stringify({ server: address, database, untilCount: jobs }),
    ]).last();
    await server.sql(`drop database ${database} with (force)`);
    return result;
  };
  return { "pg-boss": fresh("boss"), "graphile-worker": fresh("graphile") };
}

/** One broker: the relay beside its bare client and the bare reader. */
async function broker(name) {
  const database = await makeDatabase(server, `bench_${name}`);
  const events = count;
  await fill(server, database, events);
  const target = await startBroker(name, { server, database });
  if (target.missing) {
    console.log(`\n### ${name}: not measured, ${target.missing}`);
    return;
  }
  const { environment } = target;
  const subjects = {
    "bare reader": () => bare("reader", { server: address, database }),
    [`bare ${name} client`]: async (run) => bare(name, { ...(await target.bare(run)), count: events }),
    pgkeep: async (run) => {
      await setPipeline(server, database, target.sink, await target.config(run));
      return relay({ database, untilIdle: true, group: `run-${run}`, environment });
    },
  };
  try {
    const rates = await ratesInTurns(subjects);
    rateTable(`${name} (${target.description}): ${events} events of 1 KB (goal: 0.6 x the slower of the other two)`, [
      ...rates,
    ]);
  } finally {
    await target.stop();
  }
}

async function webhook() {
  const database = await makeDatabase(server, "bench_webhook");
  let filled = 0;
  const receiver = script("receiver.mjs", []);
  const { port } = await receiver.next();
  const url = `http://127.0.0.1:${port}/`;
  for (const inFlight of [1, 16, 64]) {
    // Opening the sink is part of the relay's time: where a request takes 0.1 ms, 10,000 of them would be too few.
    const events = inFlight === 1 ? Math.min(count, 10_000) : count;
    if (events > filled) await fill(server, database, events - filled);
    filled = Math.max(filled, events);
    const config = { url, allow_http: true, body: "single", lanes: inFlight };
    const order = inFlight === 1 ? {} : { order_key: "dedup" };
    const subjects = {
      "bare undici": () => bare("webhook", { url, count: events, inFlight }),
      pgkeep: async (run) => {
        await setPipeline(server, database, "webhook", config, { ...order, sink_max_inflight: inFlight });
        return relay({ database, untilIdle: true, group: `run-${inFlight}-${run}` });
      },
    };
    const rates = await ratesInTurns(subjects);
    rateTable(`webhook, ${inFlight} in flight: ${events} events of 1 KB (goal: 0.7 x bare undici)`, [...rates]);
    await (await fetch(url)).text();
  }
  receiver.end();
}

/** From the answer to the publisher's commit to the delivery, at 50 events per second. */
async function latency() {
  const events = 1_000;
  const rows = [];
  for (const sink of ["noop", "webhook"]) {
    const database = await makeDatabase(server, `bench_latency_${sink}`);
    const receiver = script("receiver.mjs", []);
    const { port } = await receiver.next();
    const url = `http://127.0.0.1:${port}/`;
    await setPipeline(
      server,
      database,
      sink === "noop" ? "stdout" : "webhook",
      sink === "noop" ? {} : { url, allow_http: true, body: "single" },
    );
    const stamps = join(work, "stamps.json");
    const process = relayProcess({
      database,
      sink: sink === "noop" ? "noop" : undefined,
      stamps: sink === "noop" ? stamps : undefined,
    });
    await process.until((line) => line.acquired);
    const commits = await script("publisher.mjs", [
      JSON.stringify({ server: address, database, kind: "tide", rate: 50, count: events }),
    ]).last();
    await pause(1_500);
    process.end();
    await process.closed;
    const times = sink === "noop" ? JSON.parse(readFileSync(stamps, "utf8")) : await (await fetch(url)).json();
    receiver.end();
    rows.push([
      sink === "noop" ? "pgkeep, no-op sink (goal: 1.5, 5)" : "pgkeep, webhook (goal: 5, 15)",
      ...percentiles(commits, times),
    ]);
  }
  for (const kind of hasPeers ? ["boss", "graphile"] : []) {
    const database = await emptyDatabase(`bench_latency_${kind}`);
    await prepareQueue(kind, database);
    const worker = script("queue.mjs", [kind, JSON.stringify({ server: address, database })]);
    await worker.next();
    const commits = await script("publisher.mjs", [
      JSON.stringify({ server: address, database, kind, rate: 50, count: events }),
    ]).last();
    await pause(1_500);
    worker.end();
    rows.push([kind === "boss" ? "pg-boss" : "graphile-worker", ...percentiles(commits, await worker.last())]);
  }
  table("commit to delivery at 50 events per second, ms", ["", "p50", "p99", "worst"], rows);
}

function percentiles(commits, times) {
  const arrived = new Map(times);
  const waits = commits.map(([id, at]) => Math.max(0, arrived.get(id) - at));
  if (waits.some(Number.isNaN))
    throw new Error(`${waits.filter(Number.isNaN).length} of ${waits.length} events were not delivered`);
  waits.sort((a, b) => a - b);
  const at = (share) => waits[Math.min(waits.length - 1, Math.floor(share * waits.length))].toFixed(2);
  return [at(0.5), at(0.99), at(1)];
}

/** What 20 pipelines cost that have nothing to do. */
async function idle() {
  const database = await makeDatabase(server, "bench_idle");
  await withClient(server, database, async (client) => {
    for (let n = 1; n <= 20; n++) {
      await client.query("select tide.outbox_create($1)", [`idle-${n}`]);
      const config = { name: `idle-${n}`, outbox: `idle-${n}`, sink_type: "stdout", config: {} };
      await client.query("select tide.relay_set_outbox_v2($1)", [JSON.stringify(config)]);
    }
  });
  const postmaster = await serverPid();
  const process = relayProcess({ database, sink: "noop" });
  for (let n = 0; n < 20; n++) await process.until((line) => line.acquired);
  // Resting is for hours: what is compiled in the first half minute is no part of it.
  await pause(45_000);
  const seconds = 30;
  const before = { relay: cpuSeconds([process.pid]), server: cpuSeconds(familyOf(postmaster)) };
  await pause(seconds * 1_000);
  const after = { relay: cpuSeconds([process.pid]), server: cpuSeconds(familyOf(postmaster)) };
  process.end();
  await process.closed;
  const share = (name) => `${((100 * (after[name] - before[name])) / seconds).toFixed(2)} %`;
  table(
    "20 idle pipelines: share of one core",
    ["", "relay (goal: 1 %)", "server (goal: 2 %)"],
    [["pgkeep", share("relay"), share("server")]],
  );
}

async function publisher() {
  const rows = [];
  for (const { clients, withRelay } of [
    { clients: 1, withRelay: false },
    { clients: 8, withRelay: false },
    { clients: 8, withRelay: true },
  ]) {
    const database = await makeDatabase(server, "bench_publisher");
    await withClient(server, database, (client) => client.query(PLAIN_TABLE));
    await setPipeline(server, database, "stdout", {});
    const relaying = withRelay ? relayProcess({ database, sink: "noop" }) : undefined;
    await relaying?.until((line) => line.acquired);
    const events = 1_500 * clients;
    const run = (kind) => () =>
      script("publisher.mjs", [JSON.stringify({ server: address, database, kind, count: events, clients })]).last();
    const results = await inTurns({ plain: run("plain"), tide: run("tide") });
    const [plain, tide] = ["plain", "tide"].map((kind) => median(results.get(kind).map(({ ms }) => ms)) / events);
    const longest = Math.max(...results.get("tide").map(({ longestMs }) => longestMs));
    relaying?.end();
    await relaying?.closed;
    rows.push([
      `${clients} clients${withRelay ? ", relay running" : ""}`,
      us(plain),
      us(tide),
      (tide / plain).toFixed(2),
      longest.toFixed(1),
    ]);
  }
  table(
    "publishing: one transaction each (goal: 1.5 x a plain INSERT, never waits)",
    ["", "plain INSERT, µs", "outbox_publish, µs", "ratio", "longest, ms"],
    rows,
  );
}

function us(ms) {
  return (ms * 1_000).toFixed(0);
}

/** Peak resident memory over a backlog of small events and over one of large ones, to a receiver that takes its time. */
async function memory() {
  const rows = [];
  for (const { label, events, bytes } of [
    { label: "200,000 events of 1 KB", events: 200_000, bytes: 1_000 },
    { label: "300 events of 900 KB", events: 300, bytes: 900_000 },
  ]) {
    const database = await makeDatabase(server, "bench_memory");
    await fill(server, database, events, bytes);
    const receiver = script("receiver.mjs", []);
    const { port } = await receiver.next();
    const url = `http://127.0.0.1:${port}/`;
    await setPipeline(server, database, "webhook", { url, allow_http: true, body: "array" }, { order_key: "dedup" });
    const process = relayProcess({ database, untilIdle: true });
    const { events: sent } = await process.last();
    if (sent !== events) throw new Error(`${sent} of ${events} events were sent`);
    rows.push([label, process.peakMb().toFixed(0)]);
    receiver.end();
  }
  table("peak memory of the relay, MB (goal: 256)", ["backlog", "MB"], rows);
}

/** How long nobody owns a pipeline whose owner was killed or stopped. The lease is 3 s. */
async function takeover() {
  const database = await makeDatabase(server, "bench_takeover");
  await setPipeline(server, database, "stdout", {});
  const rows = [];
  for (const [label, signal, goal] of [
    ["killed", "SIGKILL", 1_000],
    ["paused", "SIGSTOP", 4_000],
  ]) {
    const times = [];
    for (let run = 0; run < runs; run++) {
      const relays = [1, 2].map(() => relayProcess({ database, sink: "noop" }));
      const acquired = relays.map((one) => one.until((line) => line.acquired));
      const index = await Promise.race(acquired.map((one, place) => one.then(() => place)));
      const [owner, other] = index === 0 ? relays : relays.toReversed();
      await pause(1_000 + Math.random() * 1_000);
      const began = performance.now();
      owner.signal(signal);
      await acquired[1 - index];
      times.push(performance.now() - began);
      owner.signal("SIGKILL");
      other.end();
      await other.closed;
    }
    rows.push([`owner ${label}`, median(times).toFixed(0), Math.max(...times).toFixed(0), goal]);
  }
  table("takeover, ms, lease 3,000", ["", "median", "worst", "goal"], rows);
}

// Processes ------------------------------------------------------------------------------------------------------------------

function script(file, args) {
  const child = spawn(process.execPath, [join(here, file), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const lines = [];
  const waiting = [];
  let rest = "";
  let stderr = "";
  let peakKb = 0;
  const watch = setInterval(() => {
    peakKb = Math.max(peakKb, statusField(child.pid, "VmHWM"));
  }, 50);
  child.stderr.on("data", (chunk) => {
    stderr = `${stderr}${chunk}`.slice(-4_000);
  });
  child.stdout.on("data", (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      const next = waiting.shift();
      if (next) next.resolve(line);
      else lines.push(line);
    }
  });
  const closed = new Promise((resolve) => {
    child.on("close", (status, signal) => {
      clearInterval(watch);
      for (const { reject } of waiting.splice(0))
        reject(new Error(`${file} ended with ${status ?? signal}: ${stderr}`));
      resolve();
    });
  });
  const next = () =>
    lines.length > 0
      ? Promise.resolve(lines.shift())
      : new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  const until = async (matches) => {
    for (;;) {
      const line = await next();
      if (matches(line)) return line;
    }
  };
  const last = async () => {
    const kept = [];
    await closed;
    kept.push(...lines.splice(0));
    const line = kept.at(-1);
    if (line === undefined) throw new Error(`${file} said nothing: ${stderr}`);
    return line;
  };
  return {
    pid: child.pid,
    next,
    until,
    last,
    closed,
    signal: (name) => child.kill(name),
    end: () => child.kill("SIGTERM"),
    peakMb: () => peakKb / 1_024,
  };
}

function relayProcess({ database, ...more }) {
  return script("relay-process.mjs", [JSON.stringify({ server: address, database, ...more })]);
}

async function relay(given) {
  const { events, ms } = await relayProcess(given).last();
  return { events, ms };
}

function bare(what, given) {
  return script("bare.mjs", [what, JSON.stringify(given)]).last();
}

async function inTurns(subjects) {
  const results = new Map(Object.keys(subjects).map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, work] of Object.entries(subjects)) results.get(name).push(await work(run));
  }
  return results;
}

/** Median events per second by subject. */
async function ratesInTurns(subjects) {
  const results = await inTurns(subjects);
  return new Map(
    [...results].map(([name, list]) => [name, median(list.map(({ events, ms }) => (1_000 * events) / ms))]),
  );
}

function statusField(pid, field) {
  try {
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Processor time of processes so far; those that are gone count no more. */
function cpuSeconds(pids) {
  const ticks = pids.map((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
      return Number(fields[11]) + Number(fields[12]);
    } catch {
      return 0;
    }
  });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}

function familyOf(parent) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return [parent, ...pids.map(Number).filter((pid) => statusField(pid, "PPid") === parent)];
}

async function serverPid() {
  const { rows } = await server.sql("select pg_backend_pid() as pid");
  return statusField(rows[0].pid, "PPid");
}

// Databases ------------------------------------------------------------------------------------------------------------------

async function emptyDatabase(name) {
  await server.sql(`drop database if exists ${name} with (force)`);
  await server.sql(`create database ${name}`);
  return name;
}

/** Makes a queue's tables, which its own programs would otherwise do while they are measured. */
async function prepareQueue(kind, database) {
  const given = JSON.stringify({ server: address, database, kind, count: 0, clients: 0 });
  await script("publisher.mjs", [given]).last();
}

function installPeers() {
  if (existsSync(join(here, "peers", "node_modules", "pg-boss"))) return true;
  try {
    console.error("installing the queues to compare with (bench/relay/peers)");
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: join(here, "peers"),
      stdio: "ignore",
    });
    return true;
  } catch {
    console.error("they could not be installed, so pgkeep stands alone");
    return false;
  }
}

// What is printed ------------------------------------------------------------------------------------------------------------

function describeMachine() {
  const [cpu] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  console.log(
    `${date}, ${cpus().length} cores (${cpu.model.trim()}), Linux ${release()}, Node ${process.version}, PostgreSQL ${server.version}; medians of ${runs} runs in turns`,
  );
}

function rateTable(title, rates) {
  const of = (name) => new Map(rates).get(name);
  const ours = of("pgkeep");
  const rows = rates.map(([name, rate]) => [name, Math.round(rate).toLocaleString("en"), (ours / rate).toFixed(2)]);
  table(title, ["", "events/s", "pgkeep x this"], rows);
}

function table(title, head, rows) {
  console.log(`\n### ${title}\n`);
  console.log(`| ${head.join(" | ")} |`);
  console.log(`|${head.map(() => "---").join("|")}|`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
