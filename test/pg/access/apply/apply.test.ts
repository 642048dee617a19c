/** Applying a plan: all of it or nothing, and every failure says what state things are in. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { ProgressEvent } from "../../../../src/base/operation.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { applying, planned, planOf } from "../../../support/hand-made-plan.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  await cluster.sql("create role app_rw; create role plain login; create role third login; create role fifth");
});
afterAll(() => cluster.stop());

async function database(setup = "select 1"): Promise<string> {
  const name = await cluster.createDatabase();
  await cluster.sql(setup, { database: name });
  return name;
}

async function failureOf(work: Promise<unknown>): Promise<PgkeepError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof PgkeepError) return error;
  throw error;
}

const aclOf = async (name: string, table: string): Promise<string | null> =>
  (await cluster.sql(`select relacl::text as acl from pg_class where relname = '${table}'`, { database: name }))[0].acl;

const ownerOf = async (name: string, table: string): Promise<string> =>
  (
    await cluster.sql(`select relowner::regrole::text as owner from pg_class where relname = '${table}'`, {
      database: name,
    })
  )[0].owner;

describe("a plan that fits", () => {
  it("is run in one transaction, and every statement is reported", async () => {
    const name = await database("create table orders (id int)");
    const plan = planOf(
      name,
      [planned("grant select on orders to app_rw"), planned("grant insert on orders to app_rw")].map(inPublic),
    );
    const { report, events } = await applying({ cluster, plan });
    expect(report).toMatchObject({ retries: 0, remaining: [], wasDone: false });
    expect(report.statements).toHaveLength(2);
    expect(events.filter(({ type }) => type === "access.statement_done")).toHaveLength(2);
    expect(await aclOf(name, "orders")).toContain("app_rw=ar/postgres");
  });

  it("costs few round trips however many statements it has", async () => {
    const name = await database(
      "do $$ begin for i in 1..1200 loop execute format('create table t%s ()', i); end loop; end $$",
    );
    const sql = (index: number) => `grant select on public.t${index + 1} to app_rw`;
    const plan = planOf(
      name,
      Array.from({ length: 1_200 }, (_, index) => planned(sql(index))),
    );
    let session: Session | undefined;
    const open = async () => {
      session = await connectTo(cluster, { database: name });
      return session;
    };
    await applying({ cluster, plan, changes: { open } });
    expect(session?.roundTrips).toBeLessThanOrEqual(12);
  });
});

const inPublic = <T extends { sql: string }>(statement: T): T => ({
  ...statement,
  sql: statement.sql.replace(" on ", " on public."),
});

describe("a statement that fails", () => {
  it("undoes those before it, and is named with what it needs", async () => {
    const name = await database("create table a (); create table b ()");
    const plan = planOf(name, [
      planned("grant select on public.a to app_rw"),
      planned("grant select on public.missing to app_rw", { object: "table missing" }),
    ]);
    const failure = await failureOf(applying({ cluster, plan }));
    expect(failure.code).toBe("ACCESS_SQL_FAILED");
    expect(failure.message).toBe("statement 2 of 2 failed");
    expect(failure.parts.detail).toContain("grant select on public.missing to app_rw");
    expect(failure.parts.state).toBe(`rolled back; database "${name}" is as before this run`);
    expect(await aclOf(name, "a")).toBeNull();
  });

  it("is named whatever the server's reason is", async () => {
    const name = await database();
    const inUse = "do $$ begin raise exception using errcode = 'object_in_use', message = 'it is in use'; end $$";
    const failure = await failureOf(applying({ cluster, plan: planOf(name, [planned("select 1"), planned(inUse)]) }));
    expect(failure.message).toBe("statement 2 of 2 failed");
    expect(failure.parts.detail).toContain(inUse);
  });

  it("for lack of a right has the exact text for an administrator", async () => {
    const name = await database("create table a ()");
    await cluster.sql("alter role plain password 'plain-password'");
    const { Secret } = await import("../../../../src/base/secrets.ts");
    const as = { user: "plain", password: async () => new Secret("plain-password") };
    const plan = planOf(name, [
      planned('alter table public.a owner to "plain"', { kind: "owner", requires: "ownership of the table" }),
    ]);
    const failure = await failureOf(applying({ cluster, plan, as }));
    expect(failure.code).toBe("ACCESS_RIGHT_MISSING");
    expect(failure.parts.detail).toContain("ownership of the table");
    expect(failure.parts.hint).toContain('alter table public.a owner to "plain";');
    expect(failure.parts.state).toContain("rolled back");
  });
});

describe("[A-08] a lock that somebody else holds", () => {
  it("ends the run after lock_timeout, names the process, and nothing is applied", async () => {
    const name = await database("create table a (); create table b ()");
    await using other = await connectTo(cluster, { database: name, applicationName: "long report" });
    await other.script("begin; lock table public.b in access share mode");
    const plan = planOf(name, [
      planned("grant select on public.a to app_rw"),
      planned("alter table public.b owner to app_rw", { kind: "owner", lock: "access exclusive" }),
    ]);
    const failure = await failureOf(applying({ cluster, plan, changes: { options: { lockTimeoutMs: 500 } } }));
    expect(failure.code).toBe("ACCESS_LOCK_TIMEOUT");
    expect(failure.parts.detail).toContain(`process ${other.processId}`);
    expect(failure.parts.detail).toContain("long report");
    expect(failure.parts.hint).toContain(`pg_terminate_backend(${other.processId})`);
    expect(await aclOf(name, "a")).toBeNull();
  });

  it("[A-08] one by one, only the table that is locked stays as it was", async () => {
    const name = await database("create table a (); create table b ()");
    await using other = await connectTo(cluster, { database: name });
    await other.script("begin; lock table public.b in access share mode");
    const own = { kind: "owner", lock: "access exclusive" } as const;
    const plan = planOf(name, [
      planned("alter table public.a owner to app_rw", { ...own, object: "a" }),
      planned("alter table public.b owner to app_rw", { ...own, object: "b" }),
    ]);
    const options = { lockTimeoutMs: 300, oneByOne: true };
    const failure = await failureOf(applying({ cluster, plan, changes: { options } }));
    expect(failure.parts.state).toBe(
      "1 statement is committed; the one that failed and those after it changed nothing",
    );
    const owners = await cluster.sql(
      "select relowner::regrole::text as owner from pg_class where relname in ('a', 'b') order by relname",
      { database: name },
    );
    expect(owners).toEqual([{ owner: "app_rw" }, { owner: "postgres" }]);
  });
});

describe("[A-06] a result that is not as planned", () => {
  const plan = (name: string) => planOf(name, [planned("revoke select on public.a from app_rw", { kind: "revoke" })]);
  const setup = `create table a (); grant select on a to third with grant option; set role third; grant select on a to app_rw`;

  it("is found before the commit: everything is rolled back, with what is left and what the server warned", async () => {
    const name = await database(`${setup}`);
    await cluster.sql("revoke all on table a from plain", { database: name });
    const both = planOf(name, [
      planned("grant insert on public.a to plain"),
      planned("revoke select on public.a from app_rw", { kind: "revoke" }),
    ]);
    const failure = await failureOf(applying({ cluster, plan: both, left: plan(name) }));
    expect(failure.code).toBe("ACCESS_RESULT_DIFFERS");
    expect(failure.exit).toBe(23);
    expect(failure.parts.detail).toContain("still to do: revoke select on public.a from app_rw");
    expect(failure.parts.state).toContain("rolled back");
    expect(await aclOf(name, "a")).not.toContain("plain=a");
  });

  it("is committed and reported when that is wanted", async () => {
    const name = await database(`${setup}`);
    const { report } = await applying({
      cluster,
      plan: plan(name),
      left: plan(name),
      changes: { options: { keepPartial: true } },
    });
    expect(report.remaining.map(({ sql }) => sql)).toEqual(["revoke select on public.a from app_rw"]);
  });

  it("carries the server's warnings, each with the statement that it was given to", async () => {
    const name = await database("create table a (); create table b (); grant select on a to plain with grant option");
    await cluster.sql("alter role plain password 'plain-password'");
    const { Secret } = await import("../../../../src/base/secrets.ts");
    const as = { user: "plain", password: async () => new Secret("plain-password") };
    const partly = planOf(name, [
      planned("grant select on public.a to app_rw"),
      planned("grant select, insert on public.a to app_rw"),
    ]);
    const { report } = await applying({ cluster, plan: partly, as });
    expect(report.notices).toEqual([
      { n: 2, code: "01007", severity: "WARNING", message: 'not all privileges were granted for "a"' },
    ]);
  });
});

describe("[A-03] a plan that no longer fits", () => {
  it("is refused inside the transaction, and nothing is run", async () => {
    const name = await database("create table a ()");
    const plan = planOf(name, [planned("grant select on public.a to app_rw")]);
    const failure = await failureOf(applying({ cluster, plan, fresh: () => ({ ...plan, stateHash: "other" }) }));
    expect(failure.code).toBe("ACCESS_PLAN_STALE");
    expect(failure.exit).toBe(22);
    expect(failure.parts.state).toBe("nothing was changed");
    expect(await aclOf(name, "a")).toBeNull();
  });

  it("never brings a statement of its own: what is run is what a new plan has", async () => {
    const name = await database("create table a ()");
    const honest = planOf(name, [planned("grant select on public.a to app_rw")]);
    const tampered = planOf(name, [planned("alter role plain superuser")]);
    const failure = await failureOf(applying({ cluster, plan: tampered, fresh: () => honest }));
    expect(failure.code).toBe("ACCESS_PLAN_STALE");
    expect(await cluster.sql("select rolsuper from pg_roles where rolname = 'plain'")).toEqual([{ rolsuper: false }]);
  });

  it("is made anew when the model was approved and not one plan", async () => {
    const name = await database("create table a ()");
    const plan = planOf(name, [planned("grant select on public.a to app_rw")]);
    const done = { ...plan, statements: [], stateHash: "other" };
    const { report } = await applying({ cluster, plan, fresh: () => done, changes: { approval: "model" } });
    expect(report.wasDone).toBe(true);
  });
});

describe("what other sessions do to the same roles", () => {
  it("makes the transaction start again, and the person sees none of it", async () => {
    const name = await database("create table a ()");
    const raise = (code: string) =>
      planned(
        `do $$ begin if (select count(*) from pg_stat_activity where application_name = 'obstacle') > 0 then raise exception using errcode = '${code}', message = 'tuple concurrently updated'; end if; end $$`,
      );
    for (const code of ["XX000", "40001", "40P01"]) {
      const other = await connectTo(cluster, { database: name, applicationName: "obstacle" });
      const plan = planOf(name, [raise(code), planned("grant select on public.a to app_rw")]);
      const { report } = await applying({
        cluster,
        plan,
        fresh: () => {
          return plan;
        },
        changes: {
          replan: async () => plan,
          report: (event) => {
            if (event.type === "access.retry") void other.close();
          },
          options: { keepPartial: true },
        },
      });
      expect(report.retries).toBeGreaterThan(0);
    }
  });

  it("is given up after five times, with everything rolled back", async () => {
    const name = await database();
    const plan = planOf(name, [
      planned("do $$ begin raise exception using errcode = 'XX000', message = 'tuple concurrently updated'; end $$"),
    ]);
    const failure = await failureOf(applying({ cluster, plan, changes: { replan: async () => plan } }));
    expect(failure.code).toBe("ACCESS_SQL_FAILED");
    expect(failure.parts.detail).toContain("started 6 times");
    expect(failure.parts.state).toContain("rolled back");
  });
});

describe("a plan that is committed one statement by one", () => {
  const own = { kind: "owner", lock: "access exclusive" } as const;
  const options = { oneByOne: true };
  const blockedWhile = (application: string) =>
    planned(
      `do $$ begin if exists (select from pg_stat_activity where application_name = '${application}') then raise exception using errcode = 'XX000', message = 'tuple concurrently updated'; end if; end $$`,
      { ...own, object: "b" },
    );

  it("starts only the transaction again that met another session, and looks at the result of all", async () => {
    const name = await database("create table a ()");
    const other = await connectTo(cluster, { database: name, applicationName: "in the way" });
    const plan = planOf(name, [
      planned("alter table public.a owner to app_rw", { ...own, object: "a" }),
      blockedWhile("in the way"),
    ]);
    const report = (event: ProgressEvent): void => {
      if (event.type === "access.retry") void other.close();
    };
    const applied = await applying({ cluster, plan, changes: { options, report } });
    expect(applied.report.retries).toBeGreaterThan(0);
    expect(applied.report.statements).toEqual(plan.statements);
    expect(await ownerOf(name, "a")).toBe("app_rw");
  });

  it("says what is committed when somebody interrupts it between two statements", async () => {
    const name = await database("create table a (); create table b ()");
    const interrupt = new AbortController();
    const plan = planOf(name, [
      planned("alter table public.a owner to app_rw", { ...own, object: "a" }),
      planned("alter table public.b owner to app_rw", { ...own, object: "b" }),
    ]);
    const report = ({ type }: ProgressEvent): void => {
      if (type === "access.checking") interrupt.abort(new PgkeepError("COMMAND_INTERRUPTED", "interrupted"));
    };
    const failure = await failureOf(
      applying({ cluster, plan, changes: { options, report, signal: interrupt.signal } }),
    );
    expect(failure.code).toBe("COMMAND_INTERRUPTED");
    expect(failure.parts.state).toContain("1 statement is committed");
    expect([await ownerOf(name, "a"), await ownerOf(name, "b")]).toEqual(["app_rw", "postgres"]);
  });

  it("says what is committed when it gives up", async () => {
    const name = await database("create table a ()");
    await using _other = await connectTo(cluster, { database: name, applicationName: "always in the way" });
    const plan = planOf(name, [
      planned("alter table public.a owner to app_rw", { ...own, object: "a" }),
      blockedWhile("always in the way"),
    ]);
    const failure = await failureOf(applying({ cluster, plan, changes: { options } }));
    expect(failure.parts.detail).toContain("started 6 times");
    expect(failure.parts.state).toContain("1 statement is committed");
  });
});

describe("an interrupt", () => {
  it("cancels the running statement and leaves the database as it was", async () => {
    const name = await database("create table a ()");
    const controller = new AbortController();
    const plan = planOf(name, [planned("grant select on public.a to app_rw"), planned("select pg_sleep(600)")]);
    setTimeout(() => controller.abort(new PgkeepError("COMMAND_INTERRUPTED", "interrupted")), 300);
    const failure = await failureOf(applying({ cluster, plan, changes: { signal: controller.signal } }));
    expect(failure.code).toBe("COMMAND_INTERRUPTED");
    expect(failure.parts.state).toContain("rolled back");
    expect(await aclOf(name, "a")).toBeNull();
  });
});

describe("[A-09] who changed what", () => {
  it("stands in the server's log: login, model, state before and after, statements", async () => {
    const name = await database('create table "a$pgkeep$; select 1/0; --" ()');
    const plan = planOf(name, [planned('grant select on public."a$pgkeep$; select 1/0; --" to app_rw')]);
    await applying({ cluster, plan, left: { ...plan, statements: [], stateHash: "state after" } });
    const lines = readFileSync(cluster.logFile, "utf8")
      .split("\n")
      .filter((line) => line.includes("LOG:  pgkeep access apply"));
    const records = lines.slice(-2).map((line) => JSON.parse(line.slice(line.indexOf("{"))));
    expect(records).toMatchObject([
      {
        event: "begins",
        session_user: "postgres",
        model: "model",
        before: "state",
        count: 1,
        statements: [plan.statements[0]?.sql],
      },
      { event: "committed", session_user: "postgres", after: "state after" },
    ]);
    expect(records[0].run).toBe(records[1].run);
  });

  it("has a beginning without an end when the run was rolled back", async () => {
    const name = await database();
    const plan = planOf(name, [planned("select 1/0")]);
    await failureOf(applying({ cluster, plan }));
    const last = readFileSync(cluster.logFile, "utf8")
      .split("\n")
      .filter((line) => line.includes("LOG:  pgkeep access apply"))
      .at(-1);
    expect(last).toContain('"begins"');
  });
});

describe("a plan over several databases", () => {
  it("makes the database first, and works in others and at roles last", async () => {
    const other = await database("create table kept (); alter table kept owner to fifth");
    const fresh = `made_${Math.trunc(performance.now())}`;
    const plan = planOf(fresh, [
      planned(`create database ${fresh}`, { kind: "create database", stage: "before", database: "postgres" }),
      planned("revoke all on schema public from public", { database: fresh }),
      planned("reassign owned by fifth to postgres", { stage: "after", database: other }),
      planned("drop role fifth", { kind: "drop", stage: "after", database: fresh }),
    ]);
    const { report } = await applying({ cluster, plan });
    expect(report.statements.map(({ sql }) => sql)).toEqual(plan.statements.map(({ sql }) => sql));
    expect(await cluster.sql("select 1 from pg_roles where rolname = 'fifth'")).toEqual([]);
    expect(
      await cluster.sql("select relowner::regrole::text as owner from pg_class where relname = 'kept'", {
        database: other,
      }),
    ).toEqual([{ owner: "postgres" }]);
  });

  it("says which databases are done when a later one fails", async () => {
    await cluster.sql("create role fourth");
    const other = await database("create table kept (); alter table kept owner to fourth");
    const name = await database("create table a ()");
    const plan = planOf(name, [
      planned("grant select on public.a to app_rw", { database: name }),
      planned("drop role fourth", { kind: "drop", object: 'role "fourth"', stage: "after", database: name }),
    ]);
    const failure = await failureOf(applying({ cluster, plan }));
    expect(failure.code).toBe("ACCESS_ROLE_OWNS_OBJECTS");
    expect(failure.parts.detail).toContain(`1 object in database ${other}`);
    expect(failure.parts.state).toContain("committed: the plan's own transaction");
    expect(await aclOf(name, "a")).toContain("app_rw=r");
  });

  it.each([
    ["gives up", "do $$ begin raise exception using errcode = 'XX000', message = 'updated'; end $$", undefined],
    ["cannot be reached", "select 1", "no_such_database"],
  ])("says what is committed when one of them %s", async (_case, sql, missing) => {
    const other = missing ?? (await database());
    const name = await database("create table a ()");
    const plan = planOf(name, [
      planned("grant select on public.a to app_rw", { database: name }),
      planned(sql, { stage: "after", database: other }),
    ]);
    const failure = await failureOf(applying({ cluster, plan }));
    expect(failure.parts.state).toBe(`database "${other}" is as before; committed: the plan's own transaction`);
    expect(await aclOf(name, "a")).toContain("app_rw=r");
  });
});

describe("[A-01] an event trigger whose function belongs to somebody else", () => {
  const TRAP = `create role trapper; create schema trap authorization trapper;
    create function trap.fire() returns event_trigger language plpgsql as
      'begin if current_user = ''postgres'' then alter role trapper superuser; end if; end';
    alter function trap.fire() owner to trapper; create table orders (id int);
    create event trigger trap on ddl_command_end execute function trap.fire()`;

  it("stops an apply before anything fires it, and says who can take the function over", async () => {
    const name = await database(TRAP);
    const plan = planOf(name, [planned("grant select on public.orders to app_rw")]);
    const error = await failureOf(applying({ cluster, plan }));
    expect(error.code).toBe("ACCESS_BLOCKED");
    expect(error.parts.detail).toContain('trap.fire() belongs to role "trapper"');
    expect(error.parts.hint).toContain('alter function trap.fire() owner to "postgres"');
    expect((await cluster.sql("select rolsuper from pg_roles where rolname = 'trapper'"))[0].rolsuper).toBe(false);
    expect(await aclOf(name, "orders")).toBeNull();
  });

  it("stops nothing once its function belongs to a superuser", async () => {
    const name = await database(`create schema own; create table orders (id int);
      create function own.fire() returns event_trigger language plpgsql as 'begin end';
      create event trigger own on ddl_command_end execute function own.fire()`);
    const plan = planOf(name, [planned("grant select on public.orders to app_rw")]);
    expect((await applying({ cluster, plan })).report.statements).toHaveLength(1);
  });
});
