/** The reference's grammar and streams, under its name and after `pgkeep pgmi`. */
import { symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { BIN, pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

const pgmi = (words: readonly string[], env: Record<string, string> = {}) => pgkeep(["pgmi", ...words], { env });

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

describe("the name pgmi", () => {
  it("[TL-08] means the reference's grammar when the program is started under it", async () => {
    using folder = temporaryDirectory();
    symlinkSync(BIN, folder.at("pgmi"));
    const named = await pgkeep(["version"], { bin: folder.at("pgmi") });
    expect(named.stdout).toBe((await pgmi(["version"])).stdout);
    expect(named.stdout.split("\n")[0]).toMatch(/^pgmi \d+\.\d+\.\d+ \(compat 1\)$/);
    expect(named.stdout.trimEnd().split("\n")).toHaveLength(4);
    expect((await pgmi(["--version"])).stdout).toBe(named.stdout);
  });

  it("has its commands and no others", async () => {
    const { stdout, status } = await pgmi([]);
    expect(status).toBe(0);
    for (const name of [
      "deploy",
      "init",
      "info",
      "metadata plan",
      "templates list",
      "completion",
      "serve",
      "ai",
      "help",
    ])
      expect(stdout).toContain(`  ${name} `);
    for (const name of ["doctor", "db", "plan", "test", "explain"]) expect((await pgmi([name])).status).toBe(2);
  });

  it("shows examples in its own grammar", async () => {
    expect((await pgmi(["config", "--help"])).stdout).toContain("\n  pgmi config ./shop\n");
    expect((await pgmi(["metadata", "plan", "--help"])).stdout).toContain("\n  pgmi metadata plan ./shop --json\n");
  });

  it.each([["--dry-run"], ["--require-auth=none"], ["--password=x"], ["--embedded"], ["--format=json"]])(
    "[CL-24] has no %s",
    async (flag) => {
      using project = temporaryProject();
      const { status, stdout, stderr } = await pgmi(["deploy", project.path, "-d", "x", flag, "--json"]);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^pgmi: error: unknown flag/);
    },
  );
});

describe("its texts for assistants", () => {
  it("[TL-10] are an overview, guides by name, examples by language and the contract as JSON", async () => {
    expect((await pgmi(["ai"])).stdout).toContain("deploy.sql");
    const guides = (await pgmi(["ai", "skills"])).stdout.trimEnd().split("\n");
    for (const guide of guides) expect((await pgmi(["ai", "skill", guide.split(" ")[0] ?? ""])).status).toBe(0);
    expect((await pgmi(["ai", "skill", "nothing"])).status).toBe(2);
    for (const language of ["typescript", "python", "go", "csharp", "rust"])
      expect((await pgmi(["ai", "client", language])).stdout.length).toBeGreaterThan(50);
    expect((await pgmi(["ai", "client", "cobol"])).status).toBe(2);
    const contract = JSON.parse((await pgmi(["ai", "contract"])).stdout);
    const keys = [
      "views",
      "functions",
      "types",
      "step_types",
      "step_types_note",
      "exit_codes",
      "macros",
      "execution_contract",
    ];
    expect(Object.keys(contract)).toEqual(keys);
    expect(contract.step_types).toEqual(["fixture", "test", "teardown"]);
    expect(contract.exit_codes.map(({ code }: { code: number }) => code)).toEqual([
      0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 130,
    ]);
  });
});

describe("its wizard", () => {
  it("[TL-06] without a terminal ends with 1", async () => {
    using project = temporaryProject();
    const { status, stdout, stderr } = await pgmi(["config", project.path]);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^pgmi: error: the wizard needs a terminal/);
  });
});

describe("its streams", () => {
  it("[CL-27] [CL-28] are the reference's lines on stderr and nothing on stdout", async () => {
    using project = temporaryProject({
      "a.sql": "select 1;",
      "deploy.sql": "do $$ begin raise notice 'hello'; end $$;",
    });
    const database = await cluster.createDatabase();
    const connection = cluster.url(database);
    const { status, stdout, stderr } = await pgmi([
      "deploy",
      project.path,
      "--connection",
      connection,
      "--param",
      "a=1",
    ]);
    expect([status, stdout]).toEqual([0, ""]);
    const [preparing, files, parameters, executing, notice, summary, ...more] = stderr.trimEnd().split("\n");
    expect([preparing, files, parameters, executing, notice, more]).toEqual([
      "Preparing session: scanning files, loading parameters",
      "Loaded 1 files",
      "Loaded 1 parameters",
      "Executing deploy.sql",
      "hello",
      [],
    ]);
    expect(summary).toMatch(new RegExp(`^✓ ${database}: 1 files loaded in \\d+\\.\\d\\ds$`));
  });

  it("[CL-27] are one JSON document with --json, also after a failure", async () => {
    using project = temporaryProject({ "deploy.sql": "select 1;\nselect nothing_like_it;" });
    const database = await cluster.createDatabase();
    const { status, stdout } = await pgmi(["deploy", project.path, "--connection", cluster.url(database), "--json"]);
    expect(status).toBe(13);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "failed",
      exitCode: 13,
      sqlstate: "42703",
      script: "deploy.sql",
      line: 2,
      column: 8,
      executionMode: "atomic",
      unitsCommitted: 0,
    });
  });

  it("[XC-17] tell a failure in the reference's lines", async () => {
    using project = temporaryProject({ "deploy.sql": "select 1;\nselect nothing_like_it;" });
    const database = await cluster.createDatabase();
    const { stderr } = await pgmi(["deploy", project.path, "--connection", cluster.url(database)]);
    const lines = stderr.trimEnd().split("\n");
    const begin = lines.findIndex((line) => line.startsWith("pgmi: error:"));
    expect(lines.slice(begin)).toEqual([
      'pgmi: error: execution failed: ERROR: column "nothing_like_it" does not exist (SQLSTATE 42703)',
      "LOCATION: deploy.sql line 2, column 8",
      "LINE 2: select nothing_like_it;",
      "               ^",
    ]);
    expect(lines[begin - 1]).toMatch(/^✗ .*: failed after \d+\.\d\ds$/);
  });

  it("[CL-29] use words for signs with NO_COLOR", async () => {
    using project = temporaryProject();
    const database = await cluster.createDatabase();
    const { stderr } = await pgmi(["deploy", project.path, "--connection", cluster.url(database)], { NO_COLOR: "1" });
    expect(stderr).toMatch(/^ok .*: 0 files loaded in/m);
  });

  it("[CL-12] never read an answer from a pipe", async () => {
    using project = temporaryProject();
    const database = await cluster.createDatabase();
    const words = [
      "pgmi",
      "deploy",
      project.path,
      "--connection",
      cluster.url("postgres"),
      "-d",
      database,
      "--overwrite",
    ];
    const { status } = await pgkeep(words, { input: `${database}\ny\n` });
    expect(status).toBe(12);
  });
});

describe("interrupting", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("by %s ends with 130 and leaves no session on the server", async (signal) => {
    using project = temporaryProject({ "deploy.sql": "select pg_sleep(60);" });
    const database = await cluster.createDatabase();
    const { child, finished } = pgkeepStarted([
      "deploy",
      project.path,
      "--connection",
      cluster.url(database),
      "--json",
    ]);
    const sessions = () =>
      cluster.sql(`select 1 from pg_stat_activity where datname = '${database}' and query ~ 'pg_sleep'`);
    while ((await sessions()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { status, stdout } = await finished;
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 130, code: "DEPLOY_INTERRUPTED" });
    expect(await sessions()).toEqual([]);
  });
});
