/**
 * `npm run bench:access`: what planning, applying, proving and searching access costs.
 *
 * Every figure is a whole process from spawn to exit, the median of runs taken in turns. Applying stands beside
 * `psql -X -q -1 -v ON_ERROR_STOP=1` over a script with the same grants, on databases that were made alike. The server is
 * the one of the deploy benchmark.
 *
 * Options: --runs N, --only plan,apply,verify,paths.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
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

const work = mkdtempSync(join(tmpdir(), "pgkeep-bench-"));
const server = await startServer();

try {
  describeMachine();
  if (wanted("plan")) await plan();
  if (wanted("apply")) await apply();
  if (wanted("verify")) await verify();
  if (wanted("paths")) await paths();
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}

/** Plans over 200 schemas, 10,000 tables and 300 roles: with everything to do, and with nothing. */
async function plan() {
  const size = { schemas: 200, tables: 10_000, roles: 300 };
  const database = "bench_plan";
  await makeDatabase(database, fixtures.objects(size));
  const file = modelFile(database, { ...size, granted: 5 });
  const results = await inTurns({ "everything to do": () => access("plan", database, [file]) }, runs);
  await access("apply", database, [file, "--yes"]);
  const again = await inTurns({ "nothing to do": () => access("plan", database, [file]) }, runs);
  table("plan: 200 schemas, 10,000 tables, 300 roles (goal: 3,000 ms, 300 MB)", new Map([...results, ...again]));
  await server.sql(`drop database ${database}`);
}

/** 10,000 grants: 2,000 tables, 5 roles. */
async function apply() {
  const size = { schemas: 10, tables: 2_000, roles: 5 };
  await makeDatabase("bench_template", fixtures.objects(size));
  const script = join(work, "grants.sql");
  writeFileSync(script, fixtures.grantScript(size));
  let count = 0;
  const fresh = (run) => async () => {
    count += 1;
    const database = `bench_apply_${count}`;
    await server.sql(`create database ${database} template bench_template`);
    const result = await run(database);
    await server.sql(`drop database ${database}`);
    return result;
  };
  const results = await inTurns(
    {
      "psql -1": fresh((database) =>
        timeProcess("psql", ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", script, url(database)]),
      ),
      "pgkeep access apply": fresh((database) => access("apply", database, [modelFile(database, size), "--yes"])),
    },
    runs,
  );
  table("apply: 10,000 grants (goal: 2 x psql)", results, "psql -1");
  await server.sql("drop database bench_template");
}

/** The matrix of 1,000 tables and 5 roles. */
async function verify() {
  const size = { schemas: 5, tables: 1_000, roles: 5 };
  const database = "bench_verify";
  await makeDatabase(database, fixtures.objects(size));
  const file = modelFile(database, size);
  await access("apply", database, [file, "--yes"]);
  const results = await inTurns({ "pgkeep access verify": () => access("verify", database, [file]) }, runs);
  table("verify: 1,000 tables, 5 roles (goal: 10,000 ms)", results);
  await server.sql(`drop database ${database}`);
}

/** Escalation paths among 1,000 roles with 5,000 memberships. */
async function paths() {
  await makeDatabase("bench_paths", fixtures.memberships({ roles: 1_000, memberships: 5_000 }));
  const results = await inTurns({ "pgkeep access paths": () => access("paths", "bench_paths", []) }, runs);
  table("paths: 1,000 roles, 5,000 memberships (goal: 2,000 ms)", results);
  await server.sql("drop database bench_paths");
}

function access(verb, database, words) {
  const connection = ["--connection", url(database)];
  return timeProcess(process.execPath, [pgkeep, "access", verb, ...words, ...connection, "--json"], {
    cwd: work,
    statuses: FOUND,
  });
}

function modelFile(database, size) {
  const path = join(work, `${database}.yaml`);
  writeFileSync(path, fixtures.model({ database, ...size }));
  return path;
}

function url(database) {
  return `postgresql://postgres:${server.password}@${server.host}:${server.port}/${database}`;
}

async function makeDatabase(name, sql) {
  await server.sql(`create database ${name}`);
  const client = new pg.Client({ connectionString: url(name) });
  await client.connect();
  await client.query(sql);
  await client.end();
}

function table(title, results, reference) {
  console.log(`\n## ${title}\n`);
  console.log(`| | ms | MB |${reference ? ` x ${reference} |` : ""}`);
  console.log(`|---|---|---|${reference ? "---|" : ""}`);
  for (const [name, { ms, peakMb, error }] of results) {
    if (error) {
      console.log(`| ${name} | did not run: ${error.message.replaceAll("\n", " ").slice(0, 200)} | |`);
      continue;
    }
    const ratio = reference ? ` ${(ms / results.get(reference).ms).toFixed(2)} |` : "";
    console.log(`| ${name} | ${ms.toFixed(0)} | ${peakMb.toFixed(0)} |${ratio}`);
  }
}

function describeMachine() {
  const date = new Date().toISOString().slice(0, 10);
  const psql = execFileSync("psql", ["--version"], { encoding: "utf8" }).trim();
  console.log(
    `${date}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}, Node ${process.version}, PostgreSQL ${server.version}, ${psql}; medians of ${runs} runs in turns`,
  );
}
