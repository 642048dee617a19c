/** `pgkeep access` as a person or a pipeline runs it: words on the screen, exit status, signals, secrets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelFolder, shopDatabase, shopModel } from "../../support/access.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";

const CANARY = "c4nary pass-word";
const TABLES = 40;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({
    major: 18,
    settings: {
      log_statement: "all",
      log_min_duration_statement: "0",
      shared_preload_libraries: "pg_stat_statements",
      "pg_stat_statements.track": "all",
    },
  });
  await cluster.sql("create extension pg_stat_statements schema public; create role app_rw; create role app_r");
});
afterAll(() => cluster.stop());

const shop = (): Promise<string> => shopDatabase(cluster, TABLES);

const environment = (database: string, folder: string) => ({
  DATABASE_URL: cluster.url(database),
  WEB_PASSWORD: CANARY,
  HOME: join(folder, "home"),
});

describe("access plan and apply", () => {
  it("show the plan, say what to do next, apply it and end with 20, 0 and 0", async () => {
    const database = await shop();
    using folder = modelFolder(shopModel(database));
    const options = { cwd: folder.path, env: environment(database, folder.path) };
    const plan = await pgkeep(["access", "plan"], options);
    expect(plan.status, plan.stderr).toBe(20);
    expect(plan.stdout).toMatch(/^plan: \d+ to add, \d+ to change, \d+ to revoke, 0 blocked {10}read-only so far\n/);
    expect(plan.stdout).toMatch(/^ {2}\+ .*grant/im);
    expect(plan.stdout).toMatch(/^needs: /m);
    expect(plan.stdout).toMatch(/^locks: none {3}reversible: /m);
    expect(plan.stderr).toContain("next: pgkeep access apply");
    const unapproved = await pgkeep(["access", "apply"], options);
    expect(unapproved.status).toBe(12);
    expect(unapproved.stderr).toContain("STATE: nothing was changed");
    const applied = await pgkeep(["access", "apply", "--yes"], options);
    expect(applied.status, applied.stderr).toBe(0);
    expect(applied.stderr).toMatch(/✓ \S+: \d+ statements applied, looked at again, committed/);
    const again = await pgkeep(["access", "apply", "--yes"], options);
    expect(again.status).toBe(0);
    expect(again.stdout).toMatch(/^ +\d+ unchanged\n$/);
    expect(again.stderr).toContain("nothing to do");
  });

  it("write a script that psql runs unchanged, without the password", async () => {
    const database = await shop();
    using folder = modelFolder(shopModel(database));
    const env = environment(database, folder.path);
    const plan = await pgkeep(["access", "plan", "-o", "sql=plan.sql"], { cwd: folder.path, env });
    expect(plan.status).toBe(20);
    const run = await cluster.psql(["-q", "-v", "ON_ERROR_STOP=1", "-f", join(folder.path, "plan.sql")], { database });
    expect(run).toMatchObject({ status: 0 });
    const left = await pgkeep(["access", "diff", "--json"], { cwd: folder.path, env });
    const { data } = JSON.parse(left.stdout);
    expect([...data.missing, ...data.extra, ...data.different].map(({ what }: { what: string }) => what)).toEqual([
      "password",
    ]);
  });

  it("[ACC-06] show no secret on any stream, in any file, log or statistics", async () => {
    const database = await shop();
    using folder = modelFolder(shopModel(database));
    const options = { cwd: folder.path, env: environment(database, folder.path) };
    const runs = [
      await pgkeep(["access", "plan", "--json", "--save", "plan.json", "--save-undo", "undo.sql"], options),
      await pgkeep(["access", "plan", "--verbose"], options),
      await pgkeep(["access", "apply", "--plan", "plan.json", "--yes", "--format", "ndjson"], options),
      await pgkeep(["access", "apply", "--yes", "--rotate", "--json", "--verbose"], options),
      await pgkeep(["access", "diff", "--json"], options),
    ];
    expect(runs.map(({ status }) => status)).toEqual([20, 20, 0, 0, 0]);
    const [{ rolpassword }] = await cluster.sql("select rolpassword from pg_authid where rolname = $1", {
      values: [`web_${database}`],
    });
    expect(rolpassword, "positive control: the password was set").toMatch(/^SCRAM-SHA-256\$/);
    const log = readFileSync(cluster.logFile, "utf8");
    expect(log, "positive control: the log has our statements").toContain("pgkeep_passwords");
    const statistics = JSON.stringify(await cluster.sql("select query from public.pg_stat_statements"));
    const files = ["plan.json", "undo.sql", "home/.local/state/pgkeep/passwords.json"];
    const places = {
      runs: JSON.stringify(runs),
      log,
      statistics,
      ...Object.fromEntries(files.map((file) => [file, readFileSync(join(folder.path, file), "utf8")])),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.includes(CANARY), place).toBe(false);
      expect(/SCRAM-SHA-256\$\d/.test(text), place).toBe(false);
      expect(text.includes(rolpassword.slice(-30)), place).toBe(false);
    }
  });
});
