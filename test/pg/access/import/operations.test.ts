/** access init, import and bootstrap against real servers: what they write, where, and what becomes of it. */
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../../src/access/model/read.ts";
import apply from "../../../../src/operations/access.apply.ts";
import bootstrap from "../../../../src/operations/access.bootstrap.ts";
import importModel from "../../../../src/operations/access.import.ts";
import init from "../../../../src/operations/access.init.ts";
import plan from "../../../../src/operations/access.plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { runOperation } from "../../../support/operation.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const GUIDE = `
  grant select, insert, update, delete on all tables in schema public to guide_app;
  alter default privileges grant select, insert, update, delete on tables to guide_app;
  grant usage, select on all sequences in schema public to guide_app;
  alter default privileges grant usage, select on sequences to guide_app;
  revoke grant option for all privileges on all tables in schema public from guide_app;
  alter default privileges revoke grant option for all privileges on tables from guide_app;`;

/** Everything that the guide looks at, as the server writes it. */
const ACLS = `
  select c.relname as name, c.relacl::text as acl from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'S')
  union all select 'schema', nspacl::text from pg_namespace where nspname = 'public'
  union all select 'default ' || defaclobjtype::text || ' ' || defaclnamespace::text, defaclacl::text from pg_default_acl
  union all select 'owner', pg_get_userbyid(datdba)::text from pg_database where datname = current_database()
  order by 1`;

/** The same rights in the same words, in whatever order they were given. */
const sorted = (rows: { name: string; acl: string | null }[]) =>
  rows.map(({ name, acl }) => [
    name,
    (acl ?? "")
      .replace(/^\{|\}$/g, "")
      .split(",")
      .sort(),
  ]);

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  const at = (database: string, directory = "/") => ({
    input: { connection: cluster.url(database) },
    context: { workingDirectory: directory, environment: { HOME: directory, GUIDE_PASSWORD: "correct horse battery" } },
  });

  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  it("[ACC-01] init, then apply, leaves what the guide's own commands leave", async () => {
    using made = temporaryDirectory();
    const directory = made.path;
    const tables = "create table public.toto (id serial primary key, name text);";
    await cluster.sql("create role guide_mig login createdb createrole; create role guide_app login;");
    await cluster.createDatabase("by_hand", "owner guide_mig");
    await cluster.sql(`grant create on schema public to guide_mig; set role guide_mig; ${tables} ${GUIDE}`, {
      database: "by_hand",
    });
    await cluster.sql("revoke create on schema public from public; grant create on schema public to guide_mig", {
      database: "by_hand",
    });
    const wanted = await cluster.sql(ACLS, { database: "by_hand" });

    await cluster.createDatabase("by_model", "owner guide_mig");
    await cluster.sql(`grant create on schema public to guide_mig; set role guide_mig; ${tables}`, {
      database: "by_model",
    });
    const { input, context } = at("by_model", directory);
    const { output } = await runOperation(init, { ...input, file: "access.yaml", appRole: "guide_app" }, context);
    expect(output).toMatchObject({ file: "access.yaml", profile: "guide-001", roles: ["guide_mig", "guide_app"] });
    await runOperation(apply, { ...input, model: "access.yaml", yes: true }, context);

    expect(sorted(await cluster.sql(ACLS, { database: "by_model" }))).toEqual(sorted(wanted));
    const again = await runOperation(plan, { ...input, model: "access.yaml" }, context);
    expect(again.output.statements).toEqual([]);
  });

  it("[ACC-02] what bootstrap made is imported and planned again without a difference", async () => {
    using made = temporaryDirectory();
    const directory = made.path;
    const { context } = at("boot", directory);
    const input = { connection: cluster.url("postgres"), database: "boot" };
    const booted = await runOperation(
      bootstrap,
      { ...input, file: "access.yaml", appPassword: "${env:GUIDE_PASSWORD}", yes: true },
      context,
    );
    expect(booted.output.outcome).toBe("applied");
    expect(booted.output.passwords_set).toEqual(["boot_app"]);
    expect(JSON.stringify(booted)).not.toContain("correct horse battery");
    await cluster.sql(
      "set role boot_owner; create table app.orders (id serial primary key); create function app.f() returns integer language sql as 'select 1'",
      { database: "boot" },
    );
    const model = await runOperation(plan, { ...input, model: "access.yaml" }, context);
    expect(model.output.statements).toEqual([]);
    await runOperation(importModel, { ...input, file: "imported.yaml" }, context);
    const imported = await runOperation(plan, { ...input, model: "imported.yaml" }, context);
    expect(imported.output).toMatchObject({ statements: [], blocked: [] });
  });

  it("[ACC-04] a role without any right imports what it can see, and plans nothing of it", async () => {
    using made = temporaryDirectory();
    const directory = made.path;
    await cluster.sql("create role watcher login password 'watching'; create role w_app;");
    const database = await cluster.createDatabase();
    await cluster.sql(
      "create schema w; create table w.t (id integer); grant select on w.t to w_app; grant usage on schema w to w_app",
      { database },
    );
    const { context } = at(database, directory);
    const input = { connection: cluster.url(database).replace(/postgres:[^@]*@/, "watcher:watching@") };
    const { output } = await runOperation(importModel, { ...input, file: "seen.yaml" }, context);
    expect(output.unreadable).toContain("pg_authid (passwords)");
    const planned = await runOperation(plan, { ...input, model: "seen.yaml" }, context);
    expect(planned.output).toMatchObject({ statements: [], blocked: [] });
  });
});

describe("a model that is written", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.stop();
  });
  const context = (workingDirectory: string) => ({ workingDirectory, environment: { HOME: workingDirectory } });

  it("goes to standard output when no file is named, and is a model", async () => {
    const { output } = await runOperation(init, { connection: cluster.url("postgres"), profile: "three-tier" });
    expect(output.file).toBeNull();
    const model = await readModel(output.text, { file: "init" });
    expect([...model.roles.keys()]).toEqual([
      "postgres_owner",
      "postgres_migrator",
      "postgres_rw",
      "postgres_r",
      "postgres_app",
    ]);
  });

  it("can be read by its owner only", async () => {
    using made = temporaryDirectory();
    const directory = made.path;
    await runOperation(importModel, { connection: cluster.url("postgres"), file: "new.yaml" }, context(directory));
    expect(statSync(join(directory, "new.yaml")).mode & 0o777).toBe(0o600);
  });

  it.each(["init", "import", "bootstrap"] as const)(
    "never replaces a file nor goes through a link: %s",
    async (verb) => {
      using made = temporaryDirectory();
      const directory = made.path;
      const given = (file: string) => ({ connection: cluster.url("postgres"), file });
      const run = {
        init: (file: string) => runOperation(init, given(file), context(directory)),
        import: (file: string) => runOperation(importModel, given(file), context(directory)),
        bootstrap: (file: string) => runOperation(bootstrap, given(file), context(directory)),
      }[verb];
      writeFileSync(join(directory, "there.yaml"), "mine");
      symlinkSync(join(directory, "target.yaml"), join(directory, "link.yaml"));
      for (const file of ["there.yaml", "link.yaml"]) {
        const failure = await failureOf(() => run(file));
        expect(failure.code).toBe("FILE_WRITE_FAILED");
        expect(failure.message).toContain("it exists");
      }
      expect(readFileSync(join(directory, "there.yaml"), "utf8")).toBe("mine");
      expect(existsSync(join(directory, "target.yaml"))).toBe(false);
    },
  );

  it("asks for names when somebody is there, and takes what is proposed for an empty answer", async () => {
    const answers = ["", "mover"];
    const questions: string[] = [];
    const prompt = {
      text: async (question: string) => {
        questions.push(question);
        return answers.shift() ?? "";
      },
      secret: async () => undefined,
      confirm: async () => false,
      choose: async () => undefined,
    };
    const { output } = await runOperation(
      init,
      { connection: cluster.url("postgres"), profile: "three-tier", appRole: "web" },
      { ...context("/"), prompt },
    );
    expect(questions).toEqual([
      "role that owns everything [postgres_owner]:",
      "role that changes the schema [postgres_migrator]:",
    ]);
    expect(output.roles).toEqual(["postgres_owner", "mover", "postgres_rw", "postgres_r", "web"]);
  });

  it("is for a database that apply will make, wherever the connection names it", async () => {
    const url = cluster.url("to_be_made");
    const { output } = await runOperation(init, { connection: url });
    const model = await readModel(output.text, { file: "init" });
    expect([model.database, [...model.roles.keys()]]).toEqual([
      "to_be_made",
      ["to_be_made_migrator", "to_be_made_app"],
    ]);
    const made = await runOperation(bootstrap, { connection: url, yes: true });
    expect(made.output.outcome).toBe("applied");
    const again = await runOperation(init, { connection: url, profile: "three-tier" });
    expect(again.output.roles).toContain("to_be_made_owner");
  });

  it("is for the schemas that hold tables", async () => {
    const database = await cluster.createDatabase();
    await cluster.sql('create schema "Shop"; create table "Shop".t (id integer); create schema empty;', { database });
    const { output } = await runOperation(init, { connection: cluster.url(database) });
    const { schemas } = await readModel(output.text, { file: "init" });
    expect([...schemas.keys()]).toEqual(["Shop"]);
  });

  it("[A-02] holds a name with a line break as a name, in the model and in its comments", async () => {
    const database = await cluster.createDatabase("evil\nversion: 2\n");
    const { output } = await runOperation(init, {
      connection: cluster.url("postgres").replace(/postgres$/, encodeURIComponent(database)),
    });
    expect(output.text.split("\n").filter((line) => line.startsWith("version"))).toEqual(["version: 1"]);
    expect((await readModel(output.text, { file: "init" })).database).toBe(database);
  });

  it("[A-05] takes no password, only where one is", async () => {
    const failure = await failureOf(() =>
      runOperation(bootstrap, { connection: cluster.url("postgres"), appPassword: "hunter2hunter2" }),
    );
    expect(failure.code).toBe("CONFIG_VALUE_INVALID");
    expect(JSON.stringify([failure.message, failure.parts])).not.toContain("hunter2");
  });

  it("refuses names that are too long, and flags that the profile has no place for", async () => {
    const connection = cluster.url("postgres");
    const long = await failureOf(() => runOperation(init, { connection, appRole: "x".repeat(64) }));
    expect(long.code).toBe("CONFIG_VALUE_INVALID");
    const owner = await failureOf(() => runOperation(init, { connection, profile: "guide-001", ownerRole: "o" }));
    expect(owner.message).toContain("has no place for --owner-role");
  });
});
