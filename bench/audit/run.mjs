/**
 * `npm run bench:audit`: what auditing a server costs, in time, memory and connections.
 *
 * Every figure is a whole process from spawn to exit, the median of runs taken in turns, beside `psql -X` that sends the
 * same catalog queries from one file per database: what the questions alone cost. The server is the one of the deploy
 * benchmark. Connections are counted in the server's log.
 *
 * Options: --runs N, --only small,large,probe.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { checkEntries } from "../../dist/audit/checks/catalogue.js";
import { inTurns, timeProcess } from "../deploy/measure.mjs";
import { startServer } from "../deploy/server.mjs";
import * as fixtures from "./fixtures.mjs";

const pgkeep = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "bin", "pgkeep.js");
const { values: options } = parseArgs({
  options: { runs: { type: "string", default: "5" }, only: { type: "string" } },
});
const runs = Number(options.runs);
const wanted = (name) => !options.only || options.only.split(",").includes(name);

/** What pgkeep says when it finds something; that is no failure of a run. */
const FOUND = [0, 20, 21];

/** The queries of the checks, once read. */
let asked;

const work = mkdtempSync(join(tmpdir(), "pgkeep-bench-"));
const server = await startServer();

try {
  describeMachine();
  await server.sql("alter system set log_connections = on");
  await server.sql("select pg_reload_conf()");
  if (wanted("small")) await small();
  if (wanted("large")) await large();
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}

/** A server with three databases of a usual size. */
async function small() {
  const names = ["bench_a", "bench_b", "bench_c"];
  for (const name of names) await makeDatabase(name, fixtures.objects({ schemas: 5, tables: 100, roles: 10 }));
  const results = await inTurns(
    {
      "process start alone (pgkeep version)": () => timeProcess(process.execPath, [pgkeep, "version"], { cwd: work }),
      "psql, the same queries": () => psqlAll(names),
      "pgkeep audit": () => audit(names[0], []),
      "pgkeep audit --probe": () => audit(names[0], ["--probe"]),
    },
    runs,
  );
  table("three databases of 100 tables (goal: 2,000 ms beyond process start, 12 connections)", results);
  for (const words of [[], ["--probe"]]) {
    const before = connections();
    await audit(names[0], words);
    console.log(`\nconnections of one \`pgkeep audit ${words.join(" ")}\`: ${connections() - before}`);
  }
  for (const name of names) await server.sql(`drop database ${name}`);
}

/** One database of 10,000 tables on a server with 1,000 roles. */
async function large() {
  await makeDatabase("bench_large", fixtures.objects({ schemas: 50, tables: 10_000, roles: 1_000 }));
  const results = await inTurns(
    {
      "psql, the same queries": () => psqlAll(["bench_large"]),
      "pgkeep audit": () => audit("bench_large", ["--this-database"]),
    },
    runs,
  );
  table("10,000 tables, 1,000 roles (goal: 6,000 ms, 300 MB)", results);
  await server.sql("drop database bench_large");
}

function audit(database, words) {
  return timeProcess(process.execPath, [pgkeep, "audit", "--connection", url(database), "--json", ...words], {
    cwd: work,
    statuses: FOUND,
    env: { XDG_STATE_HOME: work },
  });
}

/** Every query of the catalogue by psql: cluster checks once, database checks in each database. */
async function psqlAll(names) {
  const { cluster, database } = await queries();
  const started = performance.now();
  let peakMb = 0;
  for (const [index, name] of names.entries()) {
    const file = join(work, `queries_${index}.sql`);
    writeFileSync(file, [...(index === 0 ? cluster : []), ...database].map((sql) => `${sql};\n`).join(""));
    const run = await timeProcess("psql", ["-X", "-q", "-o", "/dev/null", "-f", file, url(name)]);
    peakMb = Math.max(peakMb, run.peakMb);
  }
  return { ms: performance.now() - started, peakMb };
}

/** The SQL of the checks, as they send it. */
async function queries() {
  if (asked !== undefined) return asked;
  asked = { cluster: [], database: [] };
  for (const entry of checkEntries()) {
    const check = await entry.load();
    const texts = await fixtures.queriesOf(check, 18);
    if (check.scope !== "template") asked[check.scope].push(...texts);
  }
  return asked;
}

function connections() {
  const log = readFileSync(server.logFile, "utf8");
  return log.split("connection received").length - 1;
}

function url(database) {
  return `postgresql://postgres:${server.password}@${server.host}:${server.port}/${database}`;
}

/** `sql`: statements, each a transaction of its own. */
async function makeDatabase(name, sql) {
  await server.sql(`create database ${name}`);
  const client = new pg.Client({ connectionString: url(name) });
  await client.connect();
  client.on("error", () => {});
  try {
    for (const statement of sql) await client.query(statement);
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}

function table(title, results) {
  console.log(`\n## ${title}\n`);
  console.log("| | ms | MB | x psql |");
  console.log("|---|---|---|---|");
  const psql = results.get("psql, the same queries");
  for (const [name, { ms, peakMb, error }] of results) {
    if (error) console.log(`| ${name} | did not run: ${error.message.replaceAll("\n", " ").slice(0, 200)} | | |`);
    else console.log(`| ${name} | ${ms.toFixed(0)} | ${peakMb.toFixed(0)} | ${(ms / psql.ms).toFixed(2)} |`);
  }
}

function describeMachine() {
  const date = new Date().toISOString().slice(0, 10);
  const psql = execFileSync("psql", ["--version"], { encoding: "utf8" }).trim();
  console.log(
    `${date}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}, Node ${process.version}, PostgreSQL ${server.version}, ${psql}; medians of ${runs} runs in turns`,
  );
}
