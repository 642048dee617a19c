/** `pgkeep deploy` and `pgkeep test` as processes: lines, documents, exit statuses, signals, memory. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { BIN, pgkeep } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

let cluster: TestCluster;
let environment: Record<string, string>;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.sql("create role deployer login createdb password 'deployer-password'");
  environment = {
    PGHOST: cluster.host,
    PGPORT: String(cluster.port),
    PGUSER: "deployer",
    PGPASSWORD: "deployer-password",
    PGSSLMODE: "disable",
  };
});

afterAll(() => cluster.stop());

const run = (words: string[], env: Record<string, string> = {}) => pgkeep(words, { env: { ...environment, ...env } });

const PROJECT = {
  "deploy.sql": `begin;
do $$ declare f record; begin
  for f in select content from pg_temp.pgmi_plan_view where pg_temp.pgmi_is_sql_file(path) order by execution_order loop
    execute f.content;
  end loop;
end $$;
call pgmi_test();
commit;
do $$ begin raise notice 'tail' using detail = 'the detail', hint = 'the hint'; end $$;`,
  "schema/010.sql": "create table if not exists t(a int);",
  "README.md": "text",
  "__test__/test_a.sql": "select 1;",
};

const REFERENCE_LINES = (database: string, summary: string): string[] => [
  `Database "${database}" does not exist; creating`,
  "Preparing session: scanning files, loading parameters",
  "Loaded 3 files",
  "Loaded 2 parameters",
  "Executing deploy.sql",
  "[pgmi] Test suite started",
  "[pgmi] Test: ./__test__/test_a.sql",
  "[pgmi] Test suite completed (2 steps)",
  "tail",
  "DETAIL: the detail",
  "HINT: the hint",
  summary,
];

describe("a deploy", () => {
  it("[CL-27, CL-28] says the reference's lines in its order on stderr and nothing on stdout", async () => {
    using project = temporaryDirectory(PROJECT);
    for (const [words, database, macros] of [
      [["deploy"], "cl28", "1 test macro"],
      [["pgmi", "deploy"], "cl28_pgmi", "1 test macro(s)"],
    ] as const) {
      const { status, stdout, stderr } = await run([
        ...words,
        project.path,
        "-d",
        database,
        "--param",
        "a=1",
        "--param",
        "b=2",
      ]);
      expect([status, stdout]).toEqual([0, ""]);
      const lines = stderr
        .trimEnd()
        .replace(/\d+\.\d\ds$/, "0.00s")
        .split("\n");
      expect(lines).toEqual(REFERENCE_LINES(database, `✓ ${database}: 3 files loaded, ${macros} expanded in 0.00s`));
    }
  });

  it("[CL-27] with --json prints one document indented by two, on success and failure", async () => {
    using project = temporaryDirectory(PROJECT);
    const good = await run(["deploy", project.path, "-d", "cl27", "--json"]);
    const document = JSON.parse(good.stdout);
    expect(good.stdout).toBe(`${JSON.stringify(document, null, 2)}\n`);
    expect(document).toMatchObject({
      status: "success",
      exitCode: 0,
      filesLoaded: 3,
      testMacros: 1,
      database: "cl27",
      executionUnits: 2,
      unitsCommitted: 2,
      state: "committed",
      files: [{ path: "./schema/010.sql" }],
      tests: [{ path: "./__test__/test_a.sql", name: "test_a", result: "passed" }],
      warnings: [],
    });
    expect(document.durationMs).toBeGreaterThan(0);
    expect(document).not.toHaveProperty("error");
    expect(good.stderr).not.toContain("✓");

    using failing = temporaryProject({ "deploy.sql": "select 1;\nselect nosuch;" });
    const bad = await run(["deploy", failing.path, "-d", "cl27", "--json"]);
    expect(bad.status).toBe(13);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      status: "failed",
      exitCode: 13,
      error: 'execution failed: ERROR: column "nosuch" does not exist (SQLSTATE 42703)',
      sqlstate: "42703",
      script: "deploy.sql",
      line: 2,
      column: 8,
      sourceLine: "select nosuch;",
      executionMode: "atomic",
      executionUnits: 1,
      unitsCommitted: 0,
      scriptExpanded: false,
      state: 'rolled back; database "cl27" is as before this run',
    });
    const unreachable = await run(["deploy", project.path, "-d", "cl27", "--json", "-p", "1"]);
    expect(JSON.parse(unreachable.stdout)).toMatchObject({ status: "failed", exitCode: 11, state: "not connected" });
    expect(JSON.parse(unreachable.stdout)).not.toHaveProperty("filesLoaded");
  });

  it("[CL-29] marks success and failure by sign, with NO_COLOR by word, and uses no escape codes without a terminal", async () => {
    using failing = temporaryProject({ "deploy.sql": "commit; create table cl29(a int); select nosuch;" });
    const signs = await run(["deploy", failing.path, "-d", "cl29"]);
    expect(signs.stderr).toMatch(
      /^✗ cl29: failed after \d+\.\d\ds \(unit 3 of 3 failed; 2 earlier unit\(s\) already committed\)$/m,
    );
    const words = await run(["deploy", failing.path, "-d", "cl29"], { NO_COLOR: "1" });
    expect(words.stderr).toMatch(/^FAILED cl29: failed after/m);
    expect(`${signs.stderr}${words.stderr}`).not.toContain("\u001b");
    using good = temporaryProject();
    expect((await run(["deploy", good.path, "-d", "cl29"], { NO_COLOR: "1" })).stderr).toMatch(
      /^ok cl29: 0 files loaded in/m,
    );
  });

  it("[CL-29] on a terminal adds its own lines, in colour; not under the name pgmi", async () => {
    using project = temporaryDirectory(PROJECT);
    const own = onTerminal(["deploy", project.path, "-d", "cl29t"]);
    expect(own).toContain("\u001b[32m✓\u001b[39m cl29t: 3 files loaded");
    expect(own).toMatch(/^ {2}schema\/010\.sql +\d+ ms/m);
    expect(own).toMatch(/^ {2}tests +1 passed, 0 failed, \d+ ms/m);
    expect(onTerminal(["pgmi", "deploy", project.path, "-d", "cl29t"])).not.toMatch(/^ {2}\S/m);
  });

  it("[XC-17] shows a failure with its place, state, hint and code", async () => {
    using project = temporaryDirectory({
      ...PROJECT,
      "schema/010.sql": "create table u(a int);\nselect nosuch from u;",
    });
    const { stderr } = await run(["deploy", project.path, "-d", "xc17"]);
    const end = stderr.slice(stderr.indexOf("pgkeep: error"));
    expect(end).toMatch(/^pgkeep: error: execution failed: ERROR: column "nosuch" does not exist \(SQLSTATE 42703\)\n/);
    expect(end).toContain(
      "LOCATION: ./schema/010.sql line 2, column 8\nLINE 2: select nosuch from u;\n               ^\n",
    );
    expect(end).toContain('STATE: rolled back; database "xc17" was created by this run and is empty\n');
    expect(end).toContain("CODE: DEPLOY_SQL_FAILED   (pgkeep explain DEPLOY_SQL_FAILED)\n");
    const pgmi = await run(["pgmi", "deploy", project.path, "-d", "xc17"]);
    expect(pgmi.stderr).not.toMatch(/^(STATE|CODE):/m);
  });

  it("writes reports beside its result, and GitHub's summary page", async () => {
    using project = temporaryDirectory({
      ...PROJECT,
      "__test__/test_b.sql": "do $$ begin raise 'a%%b\n::error::c'; end $$;",
    });
    using out = temporaryDirectory({ "summary.md": "before\n" });
    const { status, stdout } = await run(
      [
        "deploy",
        project.path,
        "-d",
        "reports",
        "--format",
        "github",
        "-o",
        `junit=${out.at("j.xml")}`,
        "-o",
        `tap=${out.at("t.tap")}`,
      ],
      { GITHUB_STEP_SUMMARY: out.at("summary.md") },
    );
    expect(status).toBe(13);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(
        /^::error file=__test__\/test_b\.sql,line=1,(col=\d+,)?title=DEPLOY_TESTS_FAILED::a%25b%0A:\\:error::c$/,
      ),
      "",
    ]);
    expect(readFileSync(out.at("j.xml"), "utf8")).toContain('<testcase name="test_b" classname="./__test__/"');
    expect(readFileSync(out.at("t.tap"), "utf8")).toMatch(
      /^TAP version 14\n1\.\.2\nok 1 - \.\/__test__\/test_a\.sql\n/,
    );
    expect(lstatSync(out.at("j.xml")).mode & 0o777).toBe(0o600);
    const summary = readFileSync(out.at("summary.md"), "utf8");
    expect(summary).toMatch(/^before\n### pgkeep: reports ✗ failed\n/);
    expect(summary).toContain("1 passed, 1 failed, 0 skipped");
    symlinkSync(out.at("j.xml"), out.at("link.md"));
    const refused = await run(["deploy", project.path, "-d", "reports", "--format", "github"], {
      GITHUB_STEP_SUMMARY: out.at("link.md"),
    });
    expect(refused.stderr).toContain("FILE_WRITE_FAILED");
  });
});

describe("pgkeep test", () => {
  it("ends with 13 when a test fails and 0 when none does, and prints each test", async () => {
    using project = temporaryProject({ "__test__/test_a.sql": "select 1;", "__test__/test_b.sql": "select 1/0;" });
    await run(["deploy", project.path, "-d", "tests"]);
    const bad = await run(["test", project.path, "-d", "tests"]);
    expect(bad.status).toBe(13);
    expect(bad.stdout).toMatch(
      /^✓ __test__\/test_a\.sql {2}\d+ ms\n✗ __test__\/test_b\.sql {2}\d+ ms\n {4}division by zero \(SQLSTATE 22012\)\n✗ tests: 1 passed, 1 failed in/,
    );
    const good = await run(["test", project.path, "-d", "tests", "--filter", "test_a*", "--json"]);
    expect(good.status).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      ok: true,
      data: { passed: 1, failed: 0, skipped: 0, database: "tests" },
    });
  });
});

describe("signals", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("[CL-10] %s cancels the statement and ends with 130", async (signal) => {
    using project = temporaryProject({ "deploy.sql": `select pg_sleep(600) /* ${signal} */;` });
    const child = start(["deploy", project.path, "-d", "signals", "--json"]);
    await untilRunning(signal, 1);
    child.process.kill(signal);
    const { status, stdout, stderr } = await child.finished;
    expect(status).toBe(130);
    expect(stderr).toMatch(/^interrupted, cancelling deployment\.\.\.$/m);
    expect(JSON.parse(stdout)).toMatchObject({ status: "failed", exitCode: 130, code: "DEPLOY_INTERRUPTED" });
    await untilRunning(signal, 0);
  });

  it("[D-15] kill -9 leaves no statement behind", async () => {
    using project = temporaryProject({ "deploy.sql": "select pg_sleep(60) /* killed */;" });
    const child = start(["deploy", project.path, "-d", "signals"]);
    await untilRunning("killed", 1);
    child.process.kill("SIGKILL");
    await child.finished;
    await untilRunning("killed", 0);
  });
});

describe("secrets on the command line", () => {
  it("[D-01] of --param are in no process list while the deploy runs", async () => {
    using project = temporaryProject({ "deploy.sql": "select pg_sleep(1) /* listed */;" });
    const child = start(["deploy", project.path, "-d", "listed", "--param", "password=param-canary-777"]);
    await untilRunning("listed", 1);
    const list = spawnSync("ps", ["axww", "-o", "args"], { encoding: "utf8" }).stdout;
    const own = readFileSync(`/proc/${child.process.pid}/cmdline`, "utf8");
    const { status, stderr } = await child.finished;
    expect(status).toBe(0);
    expect(own).toContain("pgkeep");
    expect(`${list}${own}${stderr}`).not.toContain("param-canary-777");
    expect(stderr).toContain("warning: ");
  });
});

describe("[D-02] a secret that the project's own SQL prints", () => {
  const CANARY = "d02 'canary' <&> \"é\" 12345";
  const forms = [
    CANARY,
    CANARY.replaceAll("'", "''"),
    JSON.stringify(CANARY).slice(1, -1),
    Buffer.from(CANARY).toString("hex"),
    Buffer.from(CANARY).toString("base64").slice(0, -4),
    "canary",
  ];
  const value = "current_setting('pgmi.password')";
  const shapes = {
    message: `do $$ begin raise notice '%', ${value}; raise exception 'no %', ${value}; end $$;`,
    "detail and hint": `do $$ begin raise exception 'no' using detail = ${value}, hint = ${value}; end $$;`,
    context: `do $$ begin execute format('select %L::int', ${value}); end $$;`,
    test: `begin; call pgmi_test(); commit;`,
    encoded: `do $$ begin raise exception '% %', encode(convert_to(${value}, 'UTF8'), 'hex'), encode(convert_to(${value}, 'UTF8'), 'base64'); end $$;`,
  };

  it.each(Object.entries(shapes))("as %s is in none of the outputs", async (_name, script) => {
    using project = temporaryProject({
      "deploy.sql": script,
      "__test__/test_a.sql": `do $$ begin raise exception 'Failed %', ${value}; end $$;`,
    });
    using out = temporaryDirectory({ "params.env": `password=${CANARY}\n` });
    const base = ["deploy", project.path, "-d", "d02", "--params-file", out.at("params.env")];
    const reports = [
      "-o",
      `junit=${out.at("j.xml")}`,
      "-o",
      `tap=${out.at("t.tap")}`,
      "-o",
      `github=${out.at("g.txt")}`,
    ];
    const runs = [
      await run([...base, ...reports], { GITHUB_STEP_SUMMARY: out.at("s.md") }),
      await run([...base, "--json"]),
      await run([...base, "--verbose"]),
      await run([...base, "--format", "ndjson"]),
      await run(["pgmi", ...base]),
      await run(["test", ...base.slice(1)]),
    ];
    for (const { status } of runs) expect(status).toBe(13);
    const files = ["j.xml", "t.tap", "g.txt", "s.md"].map((name) => readFileSync(out.at(name), "utf8"));
    const texts = [...runs.flatMap(({ stdout, stderr }) => [stdout, stderr]), ...files];
    for (const text of texts) for (const form of forms) expect(text).not.toContain(form);
    expect(texts.filter((text) => text.includes("[secret]")).length).toBeGreaterThanOrEqual(5);
  });
});

describe("[D-02] a secret of several lines that the project's own SQL prints", () => {
  it("is in none of the outputs, though they indent and break lines", async () => {
    const lines = ["-----BEGIN FIRST-CANARY-----", "second-canary/AbCdEf0123456789".repeat(3), "third-canary+xyz"];
    using project = temporaryProject({
      "deploy.sql": `do $$ declare v text := current_setting('pgmi.key_file'); begin
        raise notice 'n %', v using detail = v;
        raise exception '% %', v, encode(convert_to(v, 'UTF8'), 'base64') using detail = v, hint = v; end $$;`,
    });
    const base = ["deploy", project.path, "-d", "d02", "--param", `key_file=${lines.join("\n")}`];
    const runs = [await run(base), await run([...base, "--json"]), await run(["pgmi", ...base])];
    const encoded = Buffer.from(lines.join("\n")).toString("base64");
    for (const { status, stdout, stderr } of runs) {
      expect(status).toBe(13);
      expect(`${stdout}${stderr}`).not.toMatch(/first-canary|second-canary|third-canary/i);
      for (let at = 0; at + 30 < encoded.length; at += 30)
        expect(`${stdout}${stderr}`).not.toContain(encoded.slice(at, at + 30));
    }
  });
});

describe("[D-08] a flood", () => {
  it.each([
    [
      "of 300,000 notices",
      "do $$ begin for n in 1..300000 loop raise notice 'notice % %', n, repeat('x', 60); end loop; end $$;",
      0,
    ],
    ["of 5,000,000 rows", "select n, repeat('x', 50) from generate_series(1, 5000000) as n;", 0],
    ["of one error of 200 MB", "do $$ begin raise exception '%', repeat('0123456789', 20000000); end $$;", 13],
  ])("%s stays under 400 MiB of memory", async (_name, script, status) => {
    using project = temporaryProject({ "deploy.sql": script });
    const child = start(["deploy", project.path, "-d", "flood", "--json", "--timeout", "100s"], "ignore");
    const peak = await peakMemoryMiB(child.process);
    const finished = await child.finished;
    expect(finished.status).toBe(status);
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(400);
    expect(finished.stdout.length).toBeLessThan(1_000_000);
  });
});

function start(words: string[], stderr: "pipe" | "ignore" = "pipe") {
  const child: ChildProcess = spawn(process.execPath, [BIN, ...words], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", ...environment },
    stdio: ["ignore", "pipe", stderr],
  });
  const text = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (chunk) => (text.stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk) => (text.stderr += chunk));
  const finished = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once("close", (status) => resolve({ status, ...text })),
  );
  return { process: child, finished };
}

async function untilRunning(marker: string, count: number): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const [row] = await cluster.sql(
      "select count(*)::int as n from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like $1",
      { values: [`%/* ${marker} */%`] },
    );
    if (row.n === count) return;
    if (performance.now() > end) throw new Error(`${row.n} statements run, expected ${count}`);
  }
}

/** The process' high-water mark, read until it ends. */
async function peakMemoryMiB(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, "utf8") : "";
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return peak;
}

/** Output of the program on a pseudo-terminal. */
function onTerminal(words: string[]): string {
  const line = [process.execPath, BIN, ...words].map((word) => `'${word}'`).join(" ");
  const { stdout } = spawnSync("script", ["-qec", line, "/dev/null"], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: "/nonexistent", TERM: "xterm", ...environment },
  });
  return stdout.replaceAll("\r\n", "\n");
}
