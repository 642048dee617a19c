/** A deploy that is held against an access model before it commits. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import deployRun from "../../../src/operations/deploy.run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { temporaryDirectory } from "../../support/project.ts";

const MODEL = `
version: 1
database: orders
gate: true
roles:
  gate_owner: { login: false }
  gate_app: { login: true }
schemas:
  public: { revoke_public: [create] }
  app:
    owner: gate_owner
    grants:
      - { to: gate_app, usage: true, tables: [select, insert] }
`;

const HEAD = `revoke create on schema public from public;
create schema app authorization gate_owner;
create table app.orders (id int, total int);
alter table app.orders owner to gate_owner;
grant usage on schema app to gate_app;
grant select, insert on app.orders to gate_app;
`;

describe.each(availableMajors())("a deploy with an access model on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role gate_owner; create role gate_app login");
  });
  afterAll(() => cluster.stop());

  async function deploy(database: string, files: Record<string, string>, extra: Record<string, unknown> = {}) {
    using project = temporaryDirectory(files);
    const input = { path: project.path, connection: cluster.url(database), sslmode: undefined, ...extra };
    try {
      const { output, events } = await runOperation(deployRun, input, { workingDirectory: project.path });
      return { output, events, error: undefined };
    } catch (error) {
      if (!(error instanceof PgkeepError)) throw error;
      return { output: undefined, events: [], error };
    }
  }

  const orders = (database: string) =>
    cluster.sql("select to_regclass('app.orders') is not null as there", { database }).then(([row]) => row.there);

  it("commits when every role has what the model says, and reports the probes", async () => {
    const { output, error } = await deploy("holds", { "deploy.sql": HEAD, "access.yaml": MODEL });

    expect(error?.parts.detail).toBeUndefined();
    expect(output).toMatchObject({ status: "success", state: "committed", access: { counts: { fail: 0 } } });
    expect(await orders("holds")).toBe(true);
  });

  it.each([
    [
      "with a transaction of its own",
      `begin;\n${HEAD}grant delete on app.orders to gate_app;\ncommit;\ncreate table public.tail ();`,
    ],
    ["without one", `${HEAD}grant delete on app.orders to gate_app;`],
  ])("rolls back a script %s when a role may do more than the model says", async (name, script) => {
    const database = await cluster.createDatabase();
    const { error } = await deploy(database, { "deploy.sql": script, "access.yaml": MODEL });

    expect(error?.code, name).toBe("ACCESS_VERIFY_FAILED");
    expect(error?.exit).toBe(20);
    expect(error?.parts.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(error?.parts.detail).toContain("gate_app: delete table app.orders must be refused and is allowed");
    expect(error?.parts.data?.access).toMatchObject({
      probes: [{ role: "gate_app", action: "delete", expected: "refused", actual: "allowed", result: "fail" }],
    });
    expect(await orders(database)).toBe(false);
    const [{ tail }] = await cluster.sql("select to_regclass('public.tail') as tail", { database });
    expect(tail).toBeNull();
  });

  it("[A-06] also sees what waits for the commit: a deferred trigger that grants more", async () => {
    const database = await cluster.createDatabase();
    const script = `begin;
${HEAD}create table app.later (id int); alter table app.later owner to gate_owner;
grant select, insert on app.later to gate_app;
create function app.sneak() returns trigger language plpgsql as 'begin grant delete on app.orders to gate_app; return null; end';
alter function app.sneak() owner to gate_owner; revoke execute on function app.sneak() from public;
create constraint trigger later after insert on app.later deferrable initially deferred
  for each row execute function app.sneak();
insert into app.later values (1);
commit;`;
    const { error } = await deploy(database, { "deploy.sql": script, "access.yaml": MODEL });

    expect(error?.code).toBe("ACCESS_VERIFY_FAILED");
    expect(error?.parts.detail).toContain("delete table app.orders must be refused");
    expect(await orders(database)).toBe(false);
  });

  it("[A-10] does not go on without the gate, nor wait for ever, when access.yaml is no file", async () => {
    for (const target of ["/dev/zero", "/proc/self/fd"]) {
      using project = temporaryDirectory({ "deploy.sql": HEAD });
      symlinkSync(target, join(project.path, "access.yaml"));
      const input = { path: project.path, connection: cluster.url("never_made"), sslmode: undefined };
      const error = await runOperation(deployRun, input, { workingDirectory: project.path }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: "ACCESS_MODEL_INVALID" });
    }
    expect(await cluster.sql("select 1 from pg_database where datname = 'never_made'")).toEqual([]);
  });

  it("rolls back when a role lacks what the model says", async () => {
    const database = await cluster.createDatabase();
    const script = HEAD.replace("select, insert on", "select on");
    const { error } = await deploy(database, { "deploy.sql": script, "access.yaml": MODEL });

    expect(error?.parts.detail).toContain("gate_app: insert table app.orders must be allowed and is refused");
    expect(await orders(database)).toBe(false);
  });

  it("runs what follows the first COMMIT only after the gate", async () => {
    const database = await cluster.createDatabase();
    const { output } = await deploy(database, {
      "deploy.sql": `begin;\n${HEAD}commit;\nvacuum app.orders;`,
      "access.yaml": MODEL,
    });

    expect(output).toMatchObject({ status: "success", executionUnits: 2, unitsCommitted: 2 });
  });

  it("with --require-access-clean commits only when a plan would have nothing to do", async () => {
    const files = { "access.yaml": MODEL };
    const clean = await deploy(
      await cluster.createDatabase(),
      { ...files, "deploy.sql": HEAD },
      { requireAccessClean: true },
    );
    const database = await cluster.createDatabase();
    // Allowed by way of PUBLIC, so every probe passes; the grant that the model names is missing.
    const script = HEAD.replace("select, insert on app.orders to gate_app", "select, insert on app.orders to public");
    const unclean = await deploy(database, { ...files, "deploy.sql": script }, { requireAccessClean: true });

    expect(clean.error?.parts.detail).toBeUndefined();
    expect(unclean.error?.code).toBe("ACCESS_VERIFY_FAILED");
    expect(unclean.error?.message).toBe("access is not as the model says");
    expect(unclean.error?.parts.detail).toMatch(/GRANT .* ON TABLE "app"\."orders" TO "gate_app"/i);
    expect(await orders(database)).toBe(false);
  });

  it("refuses --require-access-clean without a model", async () => {
    const { error } = await deploy("never_made", { "deploy.sql": HEAD }, { requireAccessClean: true });

    expect(error?.code).toBe("ACCESS_MODEL_INVALID");
  });

  it("takes the model from --verify-access, and reads it before a database is made", async () => {
    const files = { "deploy.sql": HEAD, "broken.yaml": "version: 1\nroels: {}\n" };
    const { error } = await deploy("never_made", files, { verifyAccess: "broken.yaml" });

    expect(error?.code).toBe("ACCESS_MODEL_INVALID");
    expect(await cluster.sql("select 1 from pg_database where datname = 'never_made'")).toEqual([]);
  });

  it("does not read an access.yaml that speaks of no gate", async () => {
    const database = await cluster.createDatabase();
    const { output } = await deploy(database, { "deploy.sql": "select 1;", "access.yaml": "whatever: [this is" });

    expect(output).toMatchObject({ status: "success" });
    expect(output).not.toHaveProperty("access");
  });

  it("does not commit what the script itself leaves open", async () => {
    const database = await cluster.createDatabase();
    const { error } = await deploy(database, { "deploy.sql": `begin;\n${HEAD}`, "access.yaml": MODEL });

    expect(error?.code).toBe("DEPLOY_TRANSACTION_OPEN");
    expect(await orders(database)).toBe(false);
  });

  it("refuses a script that prepares its transaction, before anything of it runs", async () => {
    const database = await cluster.createDatabase();
    const script = `begin;\n${HEAD}prepare transaction 'escape';\ncommit;`;
    const { error } = await deploy(database, { "deploy.sql": script, "access.yaml": MODEL });

    expect(error?.code).toBe("ACCESS_VERIFY_FAILED");
    expect(error?.parts.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await cluster.sql("select gid from pg_prepared_xacts")).toEqual([]);
  });

  it("refuses when what the model asks for by name cannot be answered", async () => {
    const database = await cluster.createDatabase();
    const model = `${MODEL}verify: { must_not: ["gate_app: select app.oders"] }\n`;
    const { error } = await deploy(database, { "deploy.sql": HEAD, "access.yaml": model });

    expect(error?.code).toBe("ACCESS_VERIFY_UNKNOWN");
    expect(error?.exit).toBe(21);
    expect(error?.parts.detail).toContain("gate_app: select app.oders, there is no such object");
    expect(await orders(database)).toBe(false);
  });

  it("also holds a head that ends in ROLLBACK", async () => {
    const database = await cluster.createDatabase();
    const files = { "deploy.sql": `begin;\n${HEAD}rollback;`, "access.yaml": MODEL };
    const { error } = await deploy(database, files);

    // Held before the first statement that ends a transaction, whatever that is.
    expect(error?.code).toBeUndefined();
    expect(await orders(database)).toBe(false);
  });

  it("looks again after statements that follow, so that an empty head cannot pass for them", async () => {
    const database = await cluster.createDatabase();
    const tail = `begin;\nrevoke create on schema public from public;\ncommit;\n${HEAD}grant delete on app.orders to gate_app;`;
    const { error } = await deploy(database, { "deploy.sql": tail, "access.yaml": MODEL });

    expect(error?.code).toBe("ACCESS_VERIFY_FAILED");
    expect(error?.message).toBe("access is not as the model says after the last statement");
    expect(error?.parts.state).toMatch(/^committed/);
    expect(await orders(database)).toBe(true);
  });

  it("says where the script failed, as without a gate", async () => {
    const database = await cluster.createDatabase();
    const { error } = await deploy(database, {
      "deploy.sql": "begin;\nselect 1;\nselect nonsense;\ncommit;",
      "access.yaml": MODEL,
    });

    expect(error?.code).toBe("DEPLOY_SQL_FAILED");
    expect(error?.parts).toMatchObject({ sqlstate: "42703", file: "deploy.sql", line: 3 });
    expect(error?.parts.state).toBe(`rolled back; database "${database}" is as before this run`);
  });

  it("leaves nothing of the gate in the session of the script", async () => {
    const database = await cluster.createDatabase();
    const script = `begin;\n${HEAD}set search_path = app;\ncommit;
do $$ begin
  if current_setting('search_path') <> 'app' or current_user <> 'postgres' then raise exception 'changed'; end if;
  if exists (select from pg_proc where proname like 'pgkeep_probe%') then raise exception 'left'; end if;
end $$;`;
    const { output, error } = await deploy(database, { "deploy.sql": script, "access.yaml": MODEL });

    expect(error?.message).toBeUndefined();
    expect(output).toMatchObject({ status: "success" });
  });
});
