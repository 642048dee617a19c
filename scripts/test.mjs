/**
 * `npm test`: everything that can be checked on this machine, from a fresh clone, as root or not.
 *
 * Order: bootstrap, system packages (only as root on Debian), lint, types, then every test project. A failing step does
 * not stop the others; the last lines say which servers were real, what was not run and why, and count everything:
 *
 *   812 passed, 0 failed, 3 skipped
 *
 * Arguments are handed to vitest: `npm test -- --project unit`.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { bootstrap, ROOT } from "./bootstrap.mjs";

/** Debian packages that let more tests run; each has a file that tells whether it is there. */
const SYSTEM_PACKAGES = [
  { name: "postgresql-15", file: "/usr/lib/postgresql/15/bin/postgres", gives: "tests on PostgreSQL 15" },
  {
    name: "postgresql-15-pgaudit",
    file: "/usr/lib/postgresql/15/lib/pgaudit.so",
    gives: "checks of pgAudit against a server that has it",
  },
  { name: "fish", file: "/usr/bin/fish", gives: "completion in a real fish" },
  { name: "zsh", file: "/usr/bin/zsh", gives: "completion in a real zsh" },
  { name: "nats-server", file: "/usr/sbin/nats-server", gives: "the NATS connectors against a real server" },
  { name: "redis-server", file: "/usr/bin/redis-server", gives: "the Redis connectors against a real server" },
  {
    name: "rabbitmq-server",
    file: "/usr/lib/rabbitmq/bin/rabbitmq-server",
    gives: "the RabbitMQ connectors against a real server",
  },
  { name: "mosquitto", file: "/usr/sbin/mosquitto", gives: "the MQTT connectors against a real broker" },
  { name: "kcat", file: "/usr/bin/kcat", gives: "Kafka as another client sees it" },
  { name: "libxml2-utils", file: "/usr/bin/xmllint", gives: "JUnit reports against the schema of their readers" },
  { name: "chromium", file: "/usr/bin/chromium", gives: "pages in a real browser" },
  { name: "prometheus", file: "/usr/bin/promtool", gives: "metrics and alerts read by Prometheus itself" },
];
/** 300 s for each: RabbitMQ brings Erlang over a slow mirror; without it the run is complete in everything else. */
const APT_TIMEOUT_MS = 300_000;

const STEPS = [
  { name: "lint", command: ["node_modules/@biomejs/biome/bin/biome", "ci", "--colors=off", "."] },
  { name: "unused code and packages", command: ["node_modules/knip/bin/knip.js", "--no-progress"] },
  { name: "types", command: ["node_modules/typescript/bin/tsc", "-p", "test", "--noEmit"] },
];

const startedMs = performance.now();
const tally = { passed: 0, failed: 0, skipped: 0 };
const notRun = [];
const failures = [];
/** "sink redis: redis-server 7.0.15" */
const tested = [];

bootstrap();
installSystemPackages();
const vitestArguments = process.argv.slice(2);
if (vitestArguments.length === 0) for (const step of STEPS) await runStep(step);
await runVitest(vitestArguments);
conclude();

function say(line) {
  process.stdout.write(`${line}\n`);
}

function installSystemPackages() {
  const missing = SYSTEM_PACKAGES.filter(({ file }) => !existsSync(file));
  if (missing.length === 0) return;
  const canInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (canInstall) {
    say(`system packages: apt-get install ${missing.map(({ name }) => name).join(" ")}`);
    const allowServices = keepDebianFromStartingServers();
    try {
      apt("update", "-qq");
      for (const { name } of missing) apt("install", "-y", "-qq", "--no-install-recommends", name);
    } finally {
      allowServices();
    }
  }
  for (const { name, file, gives } of missing) {
    if (existsSync(file)) continue;
    notRun.push(`${gives}: Debian package ${name} is not installed${canInstall ? " and could not be" : ""}`);
  }
}

/**
 * Debian's packages start what they bring, and PostgreSQL's makes a cluster first, unless told not to; the tests bring
 * theirs. Returns what undoes it for the services: what else is installed on this machine is not our business.
 */
function keepDebianFromStartingServers() {
  const cluster = "/etc/postgresql-common/createcluster.conf";
  if (!existsSync(cluster)) {
    mkdirSync("/etc/postgresql-common", { recursive: true });
    writeFileSync(cluster, "create_main_cluster = false\n");
  }
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  return () => rmSync(policy, { force: true });
}

function apt(...words) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("apt-get", words, { stdio: "ignore", timeout: APT_TIMEOUT_MS, env });
}

async function runStep({ name, command }) {
  const { status, seconds } = await run(command);
  const passed = status === 0;
  tally[passed ? "passed" : "failed"] += 1;
  if (!passed) failures.push(name);
  say(`${passed ? "ok" : "FAILED"}  ${name}  ${seconds} s`);
}

async function runVitest(extra) {
  const folder = mkdtempSync(join(tmpdir(), "pgkeep-test-"));
  const results = join(folder, "results.json");
  try {
    const reporters = ["--reporter=default", "--reporter=./scripts/test-reporter.mjs"];
    const env = { PGKEEP_TEST_RESULTS: results };
    const { status } = await run(["node_modules/vitest/vitest.mjs", "run", ...reporters, ...extra], env);
    countTests(existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : undefined, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A skip that gives no reason is a failure: nobody could tell whether it is meant. */
function countTests(results, status) {
  if (results === undefined) {
    tally.failed += 1;
    failures.push("vitest ended without results");
    return;
  }
  tally.passed += results.passed;
  listConnectors(results.connectors);
  for (const { test, reason } of results.skipped) {
    tally[reason ? "skipped" : "failed"] += 1;
    if (reason) notRun.push(`${test}: ${reason}`);
    else failures.push(`${test}: skipped without a reason`);
  }
  tally.failed += results.failed.length;
  failures.push(...results.failed);
  if (status !== 0 && results.failed.length === 0) {
    tally.failed += 1;
    failures.push("vitest failed outside of a test; its message is above");
  }
}

/** What each connector of the catalogues was tested against; in a whole run also those that were not. */
function listConnectors(connectors) {
  const known = new Map(connectors.map((connector) => [connector.name, connector]));
  if (vitestArguments.length === 0) {
    for (const name of catalogued()) if (!known.has(name)) known.set(name, { name, reason: "its suite did not run" });
  }
  for (const name of [...known.keys()].sort()) {
    const { server, reason } = known.get(name);
    if (server) tested.push(`${name}: ${server}`);
    else notRun.push(`${name}: ${reason || "its server did not start"}`);
  }
}

/** "sink file", "source nats": the members of the catalogues, by their indexes. */
function catalogued() {
  return ["sink", "source"].flatMap((kind) => {
    const index = readFileSync(join(ROOT, `src/relay/${kind}s/index.ts`), "utf8");
    return [...index.matchAll(/^ {2}(\w+): \(\) => import/gm)].map(([, type]) => `${kind} ${type}`);
  });
}

function run(command, variables = {}) {
  const begun = performance.now();
  // Debian keeps the server's programs off the PATH.
  const PATH = [process.env.PATH, "/usr/lib/postgresql/15/bin"].join(delimiter);
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, PATH, ...variables };
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: "inherit", env });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      resolve({ status: code ?? 1, seconds: ((performance.now() - begun) / 1000).toFixed(1) });
    });
  });
}

function conclude() {
  say("");
  if (tested.length > 0) say("connectors, and the servers they were tested against");
  for (const line of tested) say(`  - ${line}`);
  if (failures.length > 0) say("failed");
  for (const line of failures) say(`  - ${line}`);
  say(notRun.length > 0 ? "not run, and why" : "not run: nothing");
  for (const line of notRun) say(`  - ${line}`);
  say(`${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  say(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
  process.exitCode = tally.failed > 0 ? 1 : 0;
}
