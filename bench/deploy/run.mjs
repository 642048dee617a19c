/**
 * `npm run bench:deploy`: what a deploy costs, beside psql and the tools people use.
 *
 * Every figure is a whole process from spawn to exit, the median of at least seven runs taken in turns, and stands as
 * a ratio to `psql -X -q -1 -v ON_ERROR_STOP=1` over the same files in the same run. The server is the embedded
 * PostgreSQL with its default durability settings, on loopback TCP, plain text and SCRAM for all alike.
 *
 * Options: --runs N (at least 7 for figures to publish), --only startup,small,large,ledger,trips,delay,tests,memory,
 * --no-peers.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import * as fixtures from "./fixtures.mjs";
import { inTurns, median, timeProcess } from "./measure.mjs";
import { startProxy } from "./proxy.mjs";
import { startServer } from "./server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const pgkeep = join(root, "bin", "pgkeep.js");
const { values: options } = parseArgs({
  options: { runs: { type: "string", default: "7" }, only: { type: "string" }, "no-peers": { type: "boolean" } },
});
const runs = Number(options.runs);
/** 150 ms each way: longer than it takes to send 1,000 files, so that no answer arrives meanwhile. */
const TRIP_DELAY_MS = 150;
const wanted = (name) => !options.only || options.only.split(",").includes(name);

const work = mkdtempSync(join(tmpdir(), "pgkeep-bench-"));
const server = await startServer();
let databases = 0;

try {
  describeMachine();
  if (wanted("startup")) await startup();
  if (wanted("small")) await size(10, { peers: true });
  if (wanted("small")) await size(100, { peers: true });
  if (wanted("large")) await size(1_000, { peers: true });
  if (wanted("large")) await size(3_000, { peers: false });
  if (wanted("ledger")) await ledger(1_000);
  if (wanted("trips")) await roundTrips();
  if (wanted("delay")) await delayed(100, 20);
  if (wanted("tests")) await tests(200);
  if (wanted("memory")) await memory();
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}

/** Start-up of the program itself. */
async function startup() {
  const node =
    (...args) =>
    () =>
      timeProcess(process.execPath, args, { cwd: work });
  const peer = (name, ...args) => [name, () => timeProcess(peerBin(name), args, { cwd: work })];
  const results = await inTurns(
    {
      "node -e 0": node("-e", "0"),
      "pgkeep --version": node(pgkeep, "--version"),
      "pgkeep --help": node(pgkeep, "--help"),
      "pgkeep deploy --help": node(pgkeep, "deploy", "--help"),
      ...Object.fromEntries(
        peers()
          ? [peer("node-pg-migrate", "--version"), peer("knex", "--version"), peer("drizzle-kit", "--version")]
          : [],
      ),
    },
    Math.max(runs, 9),
  );
  table("start-up", results, { reference: "node -e 0" });
}

/** First deploy of `count` files into an empty database. */
async function size(count, { peers: withPeers }) {
  const files = fixtures.plainFiles(join(work, `plain-${count}`), count);
  const list = join(work, `list-${count}.txt`);
  writeFileSync(list, files.join("\n"));
  const project = fixtures.pgkeepProject(join(work, `pgkeep-${count}`), count);
  const results = await inTurns(
    {
      psql: fresh((url) => timeProcess("psql", psqlArgs(url, files))),
      "bare script": fresh((url) =>
        timeProcess(process.execPath, [join(here, "bare.mjs"), list], { env: { DATABASE_URL: url } }),
      ),
      pgkeep: fresh((url) => deploy(project, url)),
      ...(withPeers && peers() ? peerSubjects(count) : {}),
    },
    runs,
  );
  table(`${count} files, first deploy`, results, { reference: "psql", second: "bare script" });
}

/** A second deploy with nothing to do, against psql's first run over the same files. */
async function ledger(count) {
  const files = fixtures.plainFiles(join(work, `ledger-plain-${count}`), count);
  const project = fixtures.pgkeepLedgerProject(join(work, `ledger-${count}`), count);
  const deployed = await freshDatabase();
  await deploy(project, deployed);
  const results = await inTurns(
    {
      "psql, first run": fresh((url) => timeProcess("psql", psqlArgs(url, files))),
      "pgkeep, nothing to do": () => deploy(project, deployed),
    },
    runs,
  );
  table(`${count} files, redeploy with a ledger in the project`, results, { reference: "psql, first run" });
}

/** Round trips, counted by a proxy; the handshake (SCRAM, no TLS) is counted by a session that does nothing. */
async function roundTrips() {
  const handshake = await countTrips(async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.end();
  });
  console.log(
    `\n## round trips\n\n| | connections | round trips in all | after the handshake (${handshake.roundTrips}) |\n|---|---|---|---|`,
  );
  const row = async (name, run) => {
    const { connections, roundTrips: all } = await countTrips(run);
    console.log(`| ${name} | ${connections} | ${all} | ${all - handshake.roundTrips} |`);
  };
  const files = fixtures.plainFiles(join(work, "trips-plain"), 10);
  await row("psql, 10 files", (url) => timeProcess("psql", psqlArgs(url, files)));
  for (const count of [1, 100, 1_000]) {
    const project = fixtures.pgkeepProject(join(work, `trips-${count}`), count);
    await row(`pgkeep, ${count} files`, (url) => deploy(project, url));
  }
}

/** `count` files over a network with `oneWayMs` each way. */
async function delayed(count, oneWayMs) {
  const files = fixtures.plainFiles(join(work, `delay-plain-${count}`), count);
  const list = join(work, `delay-list-${count}.txt`);
  writeFileSync(list, files.join("\n"));
  const project = fixtures.pgkeepProject(join(work, `delay-${count}`), count);
  const bare = (url) => timeProcess(process.execPath, [join(here, "bare.mjs"), list], { env: { DATABASE_URL: url } });
  const near = await inTurns({ pgkeep: fresh((url) => deploy(project, url)), bare: fresh(bare) }, runs);
  const proxy = await startProxy({ host: server.host, port: server.port, oneWayDelayMs: oneWayMs });
  const far = (run) => fresh((url) => run(url.replace(`:${server.port}/`, `:${proxy.port}/`)));
  const results = await inTurns(
    {
      psql: far((url) => timeProcess("psql", psqlArgs(url, files))),
      "bare script": far(bare),
      pgkeep: far((url) => deploy(project, url)),
    },
    runs,
  );
  await proxy.stop();
  table(`${count} files, ${oneWayMs} ms each way`, results, { reference: "psql" });
  const extra = results.get("pgkeep").ms - near.get("pgkeep").ms;
  console.log(
    `\npgkeep without delay ${near.get("pgkeep").ms.toFixed(0)} ms, so the delay costs ${extra.toFixed(0)} ms.`,
  );
}

/** SQL tests behind one fixture, each in a savepoint: of the usual weight, and so small that only starting counts. */
async function tests(count) {
  for (const weight of ["usual", "small"]) {
    const { project, psqlScript } = fixtures.testProjects(join(work, `tests-${weight}`), count, weight);
    const results = await inTurns(
      {
        psql: fresh((url) => timeProcess("psql", psqlArgs(url, [psqlScript]))),
        pgkeep: fresh((url) => deploy(project, url)),
      },
      runs,
    );
    table(`${count} ${weight} SQL tests`, results, { reference: "psql" });
  }
}

async function memory() {
  const many = fixtures.pgkeepProject(join(work, "memory-3000"), 3_000);
  const data = fixtures.dataProject(join(work, "memory-50mb"), 50);
  const env = { PGMI_MAX_FILE_SIZE: String(200 * 1024 * 1024) };
  const results = await inTurns(
    {
      "3,000 files": fresh((url) => deploy(many, url)),
      "one data file of 50 MB": fresh((url) => deploy(data, url, env)),
    },
    3,
  );
  console.log("\n## peak memory of the process\n\n| | MB |\n|---|---|");
  for (const [name, result] of results)
    console.log(`| ${name} | ${result.error ? brief(result.error) : result.peakMb.toFixed(0)} |`);
}

function deploy(project, url, env = {}) {
  // Each run is recorded, as usual, but not among the records of whoever measures.
  const own = { DATABASE_URL: url, XDG_STATE_HOME: join(work, "state") };
  return timeProcess(process.execPath, [pgkeep, "deploy", project], { env: { ...own, ...env } });
}

function psqlArgs(url, files) {
  return ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", ...files.flatMap((file) => ["-f", file]), url];
}

function peerSubjects(count) {
  const nodePgMigrate = fixtures.nodePgMigrateFolder(join(work, `npm-${count}`), count);
  const knex = fixtures.knexFolder(join(work, `knex-${count}`), count);
  const graphile = fixtures.graphileMigrateFolder(join(work, `graphile-${count}`), count);
  const dbmate = fixtures.dbmateFolder(join(work, `dbmate-${count}`), count);
  const drizzle = (url) => fixtures.drizzleFolder(join(work, `drizzle-${count}`), count, url);
  const NODE_PATH = join(here, "peers", "node_modules");
  return {
    "node-pg-migrate": fresh((url) =>
      timeProcess(peerBin("node-pg-migrate"), ["up", "-m", nodePgMigrate, "--no-verbose"], {
        cwd: join(here, "peers"),
        env: { DATABASE_URL: url },
      }),
    ),
    knex: fresh((url) =>
      timeProcess(peerBin("knex"), ["migrate:latest", "--knexfile", join(knex, "knexfile.cjs")], {
        cwd: join(here, "peers"),
        env: { DATABASE_URL: url, NODE_PATH },
      }),
    ),
    "graphile-migrate": fresh((url) =>
      timeProcess(peerBin("graphile-migrate"), ["migrate"], {
        cwd: graphile,
        env: {
          DATABASE_URL: url,
          SHADOW_DATABASE_URL: `${url}_shadow`,
          ROOT_DATABASE_URL: new URL("/postgres", url).href,
        },
      }),
    ),
    "drizzle-kit": fresh((url) => {
      const folder = drizzle(url);
      return timeProcess(peerBin("drizzle-kit"), ["migrate", "--config", join(folder, "drizzle.config.json")], {
        cwd: folder,
        env: { NODE_PATH },
      });
    }),
    dbmate: fresh((url) =>
      timeProcess(
        peerBin("dbmate"),
        ["--url", `${url}?sslmode=disable`, "--migrations-dir", dbmate, "--no-dump-schema", "up"],
        { cwd: work },
      ),
    ),
  };
}

function peerBin(name) {
  return join(here, "peers", "node_modules", ".bin", name);
}

function peers() {
  if (options["no-peers"]) return false;
  if (!existsSync(peerBin("knex"))) {
    console.error("installing the tools to compare with (bench/deploy/peers) …");
    // Not ci: the lock holds one platform's binaries, and others must be able to add theirs.
    execFileSync("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: join(here, "peers"),
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  return true;
}

/** Wraps a subject so that each run gets a new, empty database, made outside the measured time. */
function fresh(run) {
  return async () => {
    const url = await freshDatabase();
    const result = await run(url);
    await server.sql(`drop database "${new URL(url).pathname.slice(1)}" with (force)`);
    return result;
  };
}

async function freshDatabase() {
  databases += 1;
  const name = `bench_${databases}`;
  await server.sql(`create database "${name}"`);
  return `postgresql://postgres:${server.password}@${server.host}:${server.port}/${name}`;
}

async function countTrips(run) {
  const counts = [];
  for (let turn = 0; turn < 3; turn++) {
    const proxy = await startProxy({ host: server.host, port: server.port, oneWayDelayMs: TRIP_DELAY_MS });
    const url = (await freshDatabase()).replace(`:${server.port}/`, `:${proxy.port}/`);
    await run(url);
    counts.push({ ...proxy.counts });
    await proxy.stop();
  }
  return { connections: median(counts.map((c) => c.connections)), roundTrips: median(counts.map((c) => c.roundTrips)) };
}

function table(title, results, { reference, second }) {
  const base = results.get(reference).ms;
  const other = second ? results.get(second).ms : undefined;
  console.log(`\n## ${title}\n`);
  console.log(`| | ms | x ${reference} |${second ? ` x ${second} |` : ""}`);
  console.log(`|---|---|---|${second ? "---|" : ""}`);
  for (const [name, { ms, error }] of results) {
    if (error) console.log(`| ${name} | did not run: ${brief(error)} | |${second ? " |" : ""}`);
    else
      console.log(
        `| ${name} | ${ms.toFixed(0)} | ${(ms / base).toFixed(2)} |${second ? ` ${(ms / other).toFixed(2)} |` : ""}`,
      );
  }
}

function brief(error) {
  return error.message.replaceAll("\n", " ").slice(0, 160);
}

function describeMachine() {
  const date = new Date().toISOString().slice(0, 10);
  const psql = execFileSync("psql", ["--version"], { encoding: "utf8" }).trim();
  console.log(
    `${date}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}, Node ${process.version}, PostgreSQL ${server.version}, ${psql}; medians of ${runs} runs in turns`,
  );
}
