/** The auditor's role is made once, can answer what it is for, and nothing else. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import bootstrap from "../../../src/operations/audit.bootstrap.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";

async function failureOf(work: Promise<unknown>): Promise<PgkeepError> {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof PgkeepError) return error;
  throw new Error("it did not fail as expected", { cause: error });
}

describe.each(availableMajors())("the auditor's role on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-auditor-"));
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create database shop");
    await cluster.sql("create table public.orders (id int)", { database: "shop" });
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const run = (input: Record<string, unknown> = {}, environment: Record<string, string> = {}) =>
    runOperation(
      bootstrap,
      { connection: cluster.url("shop"), yes: true, ...input },
      { workingDirectory: directory, environment: { HOME: directory, ...environment } },
    );
  const as = (password: string, sql: string, user = "pgkeep_auditor") =>
    cluster.sql(sql, { database: "shop", user, password });

  it("is planned and not made with --dry-run", async () => {
    const { output, exitCode } = await run({ dryRun: true, passwordFile: "unused" });
    expect([output.outcome, exitCode]).toEqual(["not applied", 0]);
    expect(output.plan.statements.map(({ sql }) => sql)).toContainEqual(
      expect.stringContaining('grant "pg_monitor" to "pgkeep_auditor"'),
    );
    expect(await cluster.sql("select from pg_roles where rolname = 'pgkeep_auditor'")).toEqual([]);
    expect(existsSync(join(directory, "unused"))).toBe(false);
  });

  it("reads how the server lets people in, with a password that only its file has", async () => {
    const { output } = await run({ passwordFile: "auditor.secret" });
    expect(output).toMatchObject({
      outcome: "applied",
      passwords_set: ["pgkeep_auditor"],
      password_file: "auditor.secret",
    });
    expect(output.command).toMatch(/^pgkeep audit -h \S+ -p \d+ -d shop -U pgkeep_auditor$/);
    const path = join(directory, "auditor.secret");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const password = readFileSync(path, "utf8").trim();
    expect(JSON.stringify(output)).not.toContain(password);
    const [stored] = await cluster.sql(
      "select rolpassword, rolconnlimit from pg_authid where rolname = 'pgkeep_auditor'",
    );
    expect(stored.rolpassword).toMatch(/^SCRAM-SHA-256\$/);
    expect(stored.rolconnlimit).toBe(3);
    const views = ["pg_hba_file_rules", "pg_file_settings", ...(major >= 15 ? ["pg_ident_file_mappings"] : [])];
    for (const view of views) await as(password, `select * from pg_catalog.${view}`);
    expect(await as(password, "select current_setting('data_directory') <> '' as shown")).toEqual([{ shown: true }]);
    for (const refused of [
      "select * from public.orders",
      "select rolpassword from pg_catalog.pg_authid",
      "create role mine",
      "alter system set work_mem = '1MB'",
      "select pg_catalog.pg_read_file('/etc/passwd')",
    ]) {
      await expect(as(password, refused)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("is left alone by a second run", async () => {
    const { output, exitCode } = await run();
    expect([output.outcome, output.applied, exitCode]).toEqual(["nothing to do", [], 0]);
  });

  it("loses what it was given beyond its work", async () => {
    await cluster.sql(
      "alter role pgkeep_auditor connection limit 9; grant select (rolpassword) on pg_authid to postgres",
    );
    await cluster.sql("grant update on pg_catalog.pg_file_settings to pgkeep_auditor", { database: "shop" });
    const { output } = await run();
    expect(output.applied.map(({ sql }) => sql)).toEqual([
      expect.stringMatching(/^alter role "pgkeep_auditor".* connection limit 3/),
      'revoke update on table "pg_catalog"."pg_file_settings" from "pgkeep_auditor"',
    ]);
  });

  it("has a password of yours by reference only", async () => {
    expect((await failureOf(run({ auditorPassword: "plain text" }))).code).toBe("CONFIG_VALUE_INVALID");
    const both = { auditorPassword: "${env:ONE}", passwordFile: "other" };
    expect((await failureOf(run(both))).code).toBe("CONFIG_CONFLICT");
    await run({ role: "second auditor", auditorPassword: "${env:ONE}" }, { ONE: "a password of mine" });
    await as("a password of mine", "select * from pg_catalog.pg_hba_file_rules", "second auditor");
  });

  it("is not made of a role that can do more, and keeps no password that no role has", async () => {
    await cluster.sql("create role maker createrole login");
    const error = await failureOf(run({ role: "maker", passwordFile: "maker.secret" }));
    expect([error.code, error.parts.state]).toEqual(["CONFIG_VALUE_INVALID", "nothing was changed"]);
    expect((await failureOf(run({ role: "postgres" }))).parts.detail).toContain("superuser");
    expect(existsSync(join(directory, "maker.secret"))).toBe(false);
  });

  it("cannot be made whole by a role with CREATEROLE, which is told what an administrator has to run", async () => {
    await cluster.sql("create role deputy createrole login password 'deputy of the house'");
    const url = new URL(cluster.url("shop"));
    [url.username, url.password] = ["deputy", "deputy of the house"];
    const deputy = { connection: url.href };
    const error = await failureOf(run({ ...deputy, role: "third", passwordFile: "third.secret" }));
    expect([error.code, error.parts.state]).toEqual(["ACCESS_BLOCKED", "nothing was changed"]);
    expect(error.parts.detail).toContain('grant select on table "pg_catalog"."pg_file_settings"');
    expect(existsSync(join(directory, "third.secret"))).toBe(false);
    expect(await cluster.sql("select from pg_roles where rolname = 'third'")).toEqual([]);
    const { output, exitCode } = await run({ ...deputy, role: "third", partial: true });
    expect([output.outcome, exitCode]).toEqual(["applied", 0]);
    expect(await cluster.sql("select rolconnlimit from pg_roles where rolname = 'third'")).toEqual([
      { rolconnlimit: 3 },
    ]);
  });

  it("may enter a database that is closed to everybody else", async () => {
    await cluster.sql("create database closed");
    await cluster.sql("revoke connect on database closed from public");
    await run(
      { connection: cluster.url("closed"), role: "fourth", auditorPassword: "${env:ONE}" },
      { ONE: "pass of the fourth" },
    );
    const rows = await cluster.sql("select count(*)::int as n from pg_catalog.pg_hba_file_rules", {
      database: "closed",
      user: "fourth",
      password: "pass of the fourth",
    });
    expect(rows[0].n).toBeGreaterThan(0);
  });
});
