/**
 * The basic template, as `init` makes it, deployed to every supported major: what it creates, that its tests can fail,
 * that the application's role is as weak as promised, and what happens without the right to make that role.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import projectInit from "../../../src/operations/project.init.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/project.ts";
import { deploy, value } from "../deploy/run/harness.ts";

async function newProject(): Promise<TemporaryDirectory> {
  const project = temporaryDirectory();
  await runOperation(projectInit, { directory: project.path });
  return project;
}

function edit(project: TemporaryDirectory, path: string, change: (text: string) => string): void {
  writeFileSync(project.at(path), change(readFileSync(project.at(path), "utf8")));
}

describe.each(availableMajors())("on PostgreSQL %i the basic template", (major) => {
  let cluster: TestCluster;
  let database: string;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    database = await cluster.createDatabase();
  });
  afterAll(() => cluster.stop());

  it("deploys, passes its tests, keeps none of their rows, and deploys again", async () => {
    using project = await newProject();
    for (const _ of ["first", "again"]) {
      const { error, report, notices } = await deploy(cluster, database, project.path);
      expect(error).toBeUndefined();
      expect(report).toMatchObject({ status: "success", filesLoaded: 9, testMacros: 1 });
      expect(notices).toContain("migrations: 3 run, 0 unchanged");
      expect(notices.at(-1)).toMatch(/is deployed to database ".*", environment development$/);
      expect(notices.join("\n")).not.toMatch(/not proved|everybody may create/);
    }
    expect(await value(cluster, database, 'select array_agg(email) from "user"')).toEqual(["admin@example.com"]);
  });

  it("adds no administrator in production, and another address when told", async () => {
    using project = await newProject();
    const production = await cluster.createDatabase();
    const staging = await cluster.createDatabase();
    expect((await deploy(cluster, production, project.path, { param: ["env=production"] })).error).toBeUndefined();
    const param = ["env=staging", "admin_email=root@example.org"];
    expect((await deploy(cluster, staging, project.path, { param })).error).toBeUndefined();
    expect(await value(cluster, production, 'select count(*)::int from "user"')).toBe(0);
    expect(await value(cluster, staging, 'select email from "user"')).toBe("root@example.org");
  });

  it("names the file that fails, keeps the server's own words, and leaves nothing behind", async () => {
    using project = await newProject();
    const fresh = await cluster.createDatabase();
    edit(project, "migrations/002_user_crud.sql", (text) => `${text}\nselect public.no_such_function();`);
    const { error } = await deploy(cluster, fresh, project.path);
    expect(error?.message).toContain("Failed in ./migrations/002_user_crud.sql: function public.no_such_function()");
    expect(error?.parts.sqlstate).toBe("42883");
    expect(error?.parts.hint).toMatch(/No function matches/);
    expect(await value(cluster, fresh, `select to_regclass('public."user"') is null`)).toBe(true);
  });

  it("commits nothing when one of its tests fails", async () => {
    using project = await newProject();
    const fresh = await cluster.createDatabase();
    edit(project, "migrations/002_user_crud.sql", (text) =>
      text.replace("coalesce(excluded.name, u.name)", "excluded.name"),
    );
    const { error } = await deploy(cluster, fresh, project.path);
    expect(error?.message).toMatch(/test_user_crud\.sql.*NULL name replaced Ada/s);
    expect(error?.exit).toBe(13);
    expect(await value(cluster, fresh, `select to_regclass('public."user"') is null`)).toBe(true);
  });

  it.each([
    ["may create in the schema", "grant create on schema public to %I", /the application may: create table public/],
    ["may truncate", 'grant truncate on public."user" to %I', /the application may: truncate/],
    ["may make schemas", `grant create on database ${"%2$I"} to %1$I`, /the application may: create schema/],
  ])("fails its own test when the application's role %s", async (_, grant, message) => {
    using project = await newProject();
    const fresh = await cluster.createDatabase();
    const name = "coalesce(nullif(current_setting('pgmi.app_role', true), ''), current_database() || '_app')";
    const added = `\ndo $extra$ begin execute format('${grant}', ${name}, current_database()); end $extra$;\n`;
    edit(project, "migrations/003_app_role.sql", (text) => text + added);
    expect((await deploy(cluster, fresh, project.path)).error?.message).toMatch(message);
  });

  it("gives the application's role the functions and the rows, proved by becoming it", async () => {
    const role = `${database}_app`;
    const asApplication = (text: string) => cluster.sql(`set role "${role}"; ${text}`, { database });
    await asApplication("select public.upsert_user('x@example.org', 'X')");
    await expect(asApplication('drop table public."user"')).rejects.toThrow(/must be owner/);
    await expect(asApplication("create table public.x (id int)")).rejects.toThrow(/permission denied/);
    const stranger = `stranger_${database}`;
    await cluster.sql(`create role "${stranger}"`);
    const asStranger = cluster.sql(`set role "${stranger}"; select public.get_user('x')`, { database });
    await expect(asStranger).rejects.toThrow(/permission denied/);
  });

  it("skips unchanged files with the ledger on, and runs changed ones", async () => {
    using project = await newProject();
    const fresh = await cluster.createDatabase();
    edit(project, "project.json", (text) => text.replace("false", "true"));
    const counts = async () =>
      (await deploy(cluster, fresh, project.path)).notices.find((notice) => notice.startsWith("migrations:"));
    expect(await counts()).toBe("migrations: 3 run, 0 unchanged");
    expect(await counts()).toBe("migrations: 0 run, 3 unchanged");
    edit(project, "migrations/001_users.sql", (text) => `${text}\n-- only a comment`);
    expect(await counts()).toBe("migrations: 0 run, 3 unchanged");
    edit(project, "migrations/001_users.sql", (text) => `${text}\nselect 1;`);
    expect(await counts()).toBe("migrations: 1 run, 2 unchanged");
    copyFileSync(project.at("migrations/001_users.sql"), project.at("migrations/004_more.sql"));
    expect(await counts()).toBe("migrations: 1 run, 3 unchanged");
    expect(await value(cluster, fresh, "select count(*)::int from public._migration")).toBe(4);
  });

  it("needs no superuser: an owner without CREATEROLE deploys with a warning, one with it makes the role", async () => {
    using project = await newProject();
    for (const [attribute, expected] of [
      ["nocreaterole", /may not make it/],
      ["createrole", /^migrations: 3 run/m],
    ] as const) {
      const owner = `owner_${attribute}_${database}`;
      await cluster.sql(`create role "${owner}" login password 'owner-password' ${attribute}`);
      const owned = await cluster.createDatabase(undefined, `owner "${owner}"`);
      const { error, notices } = await deploy(cluster, owned, project.path, {
        user: owner,
        password: "owner-password",
      });
      expect(error).toBeUndefined();
      expect(notices.join("\n")).toMatch(expected);
      const made = await value(cluster, owned, `select exists (select from pg_roles where rolname = '${owned}_app')`);
      expect(made).toBe(attribute === "createrole");
    }
  });
});
