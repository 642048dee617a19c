/** `pgkeep test`: every test is tried, nothing of it stays. */
import { beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { fakeServer } from "../../../support/fake-server.ts";
import { type RunOptions, test, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  await cluster.sql("create table t(a text)", { database });
});

const run = (files: Record<string, string>, options: RunOptions & { filter?: string; withDeploy?: boolean } = {}) =>
  test(cluster, database, { "deploy.sql": "", ...files }, options);
const summary = (result: { tests: { path: string; result: string }[] } | undefined) =>
  result?.tests.map(({ path, result: outcome }) => `${outcome} ${path}`);
const rows = () => value(cluster, database, "select count(*)::int from t");

describe("a test run", () => {
  it("tries every test in spite of failures, and names line and message of each", async () => {
    const { result } = await run({
      "__test__/test_1.sql": "insert into t values ('1');",
      "__test__/test_2.sql": "select 1;\ndo $$ begin raise exception 'two'; end $$;",
      "__test__/test_3.sql": "insert into t values ('3');",
      "__test__/test_4.sql": "select nosuch;",
      "__test__/test_5.sql": "do $$ begin assert (select count(*) from t) = 0; end $$;",
    });
    expect(summary(result)).toEqual([
      "passed ./__test__/test_1.sql",
      "failed ./__test__/test_2.sql",
      "passed ./__test__/test_3.sql",
      "failed ./__test__/test_4.sql",
      "passed ./__test__/test_5.sql",
    ]);
    expect(result).toMatchObject({ passed: 3, failed: 2, skipped: 0 });
    expect(result?.tests[1]).toMatchObject({ message: "two (SQLSTATE P0001)", line: 2 });
    expect(result?.tests[3]?.message).toContain('column "nosuch" does not exist (SQLSTATE 42703)');
    expect(result?.tests.every(({ ms }) => ms !== undefined)).toBe(true);
    expect(result?.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await rows()).toBe(0);
  });

  it("says what the server said when a test ends the session, and that nothing is kept", async () => {
    const { error } = await run({
      "__test__/test_1.sql": "insert into t values ('1');",
      "__test__/test_2.sql": "select pg_terminate_backend(pg_backend_pid());",
    });
    expect(error).toMatchObject({ code: "DEPLOY_SQL_FAILED", exit: 13 });
    expect(error?.message).toContain("FATAL: terminating connection");
    expect(error?.parts.state).toBe("rolled back; tests keep nothing");
    expect(await rows()).toBe(0);
  });

  it("says that it was not connected when its time passed before there was a session", async () => {
    await using silent = await fakeServer(async () => undefined);
    const { error } = await run({}, { port: silent.port, timeout: "200ms" });
    expect(error).toMatchObject({ code: "DEPLOY_TIMEOUT", message: "not finished after 200 ms" });
    expect(error?.parts.state).toBe("not connected");
  });

  it("gives each test its directory's fixture and those above, and nothing of other tests", async () => {
    const count = (n: number) =>
      `do $$ begin assert (select count(*) from t) = ${n}, (select count(*) from t)::text; end $$;`;
    const { result } = await run({
      "__test__/_setup.sql": "insert into t values ('outer');",
      "__test__/test_a.sql": `${count(1)} insert into t values ('a');`,
      "__test__/test_b.sql": count(1),
      "__test__/in/_setup.sql": "insert into t values ('inner');",
      "__test__/in/test_c.sql": `${count(2)} delete from t;`,
      "__test__/in/test_d.sql": count(2),
      "__test__/on/test_e.sql": count(1),
      "other/__tests__/test_f.sql": count(0),
    });
    expect(result?.tests.filter(({ result: outcome }) => outcome !== "passed")).toEqual([]);
    expect(result?.passed).toBe(6);
  });

  it("skips what stands on a fixture that failed, with the reason, and goes on beside it", async () => {
    const { result } = await run({
      "__test__/test_a.sql": "select 1;",
      "__test__/bad/_setup.sql": "select 1/0;",
      "__test__/bad/test_b.sql": "select 1;",
      "__test__/bad/deep/_setup.sql": "select 1;",
      "__test__/bad/deep/test_c.sql": "select 1;",
      "__test__/badly/test_d.sql": "select 1;",
      "__test__/good/test_e.sql": "select 1;",
    });
    expect(summary(result)).toEqual([
      "passed ./__test__/test_a.sql",
      "failed ./__test__/bad/_setup.sql",
      "skipped ./__test__/bad/test_b.sql",
      "skipped ./__test__/bad/deep/test_c.sql",
      "passed ./__test__/badly/test_d.sql",
      "passed ./__test__/good/test_e.sql",
    ]);
    expect(result?.tests[2]?.message).toBe("fixture ./__test__/bad/_setup.sql failed");
  });

  it("survives failures in the last test and in every test", async () => {
    const bad = "select 1/0;";
    const { result } = await run({
      "__test__/test_1.sql": bad,
      "__test__/x/test_2.sql": bad,
      "y/__test__/test_3.sql": bad,
    });
    expect(result).toMatchObject({ passed: 0, failed: 3 });
    expect(await rows()).toBe(0);
  });

  it("runs against the database as it is; with --with-deploy after the head of deploy.sql, of which nothing stays", async () => {
    const files = {
      "deploy.sql": `begin; create table made(a int); savepoint s; call pgmi_test('nothing-matches'); rollback to savepoint s;
        insert into made values (1); commit; create table tail(a int);`,
      "__test__/test_a.sql": "do $$ begin assert (select count(*) from made) = 1; end $$;",
    };
    expect((await run(files)).result).toMatchObject({ passed: 0, failed: 1 });
    const { result, events } = await run(files, { withDeploy: true });
    expect(result).toMatchObject({ passed: 1, failed: 0 });
    expect(events.filter(({ type }) => type === "deploy.notice")).toEqual([]);
    for (const table of ["made", "tail"])
      expect(await value(cluster, database, `select to_regclass('${table}') is null`)).toBe(true);
  });

  it("refuses a deploy.sql that would prepare a transaction, before anything of it runs", async () => {
    const { error } = await run(
      {
        "deploy.sql": "begin; create table aside(); prepare /* x */ transaction 'x'; create table stays(); commit;",
        "__test__/test_a.sql": "select 1;",
      },
      { withDeploy: true },
    );
    expect(error?.parts.detail).toMatch("PREPARE TRANSACTION");
    expect(await value(cluster, database, "select to_regclass('stays') is null")).toBe(true);
  });

  it("whose deploy fails says where, and runs no test", async () => {
    const { error } = await run(
      { "deploy.sql": "begin;\nselect nosuch;\ncommit;", "__test__/test_a.sql": "select 1;" },
      { withDeploy: true },
    );
    expect(error?.code).toBe("DEPLOY_SQL_FAILED");
    expect(error?.parts).toMatchObject({
      file: "deploy.sql",
      line: 2,
      column: 8,
      state: "rolled back; tests keep nothing",
    });
  });

  it.each([
    ["test_a*", ["./__test__/test_a.sql", "./x/__test__/test_ab.sql"]],
    ["test_?.sql", ["./__test__/test_a.sql", "./__test__/test_b.sql"]],
    ["__test__/*", ["./__test__/test_a.sql", "./__test__/test_b.sql"]],
    ["**/__test__/test_ab.sql", ["./x/__test__/test_ab.sql"]],
    ["x/**", ["./x/__test__/test_ab.sql", "./x/__test__/we+ird (1).sql"]],
    ["we+ird (1).sql", ["./x/__test__/we+ird (1).sql"]],
    ["./x/__test__/*b.sql", ["./x/__test__/test_ab.sql"]],
  ])("--filter %s takes exactly the tests it says", async (filter, paths) => {
    const names = ["__test__/test_a.sql", "__test__/test_b.sql", "x/__test__/test_ab.sql", "x/__test__/we+ird (1).sql"];
    const { result } = await run(Object.fromEntries(names.map((name) => [name, "select 1;"])), { filter });
    expect(result?.tests.map(({ path }) => path).sort()).toEqual(paths);
  });

  it("a filter is never a regular expression", async () => {
    for (const filter of ["(", "test_a.sq[", ".*", "^", "a{1,99999}", "\\"]) {
      const { error } = await run({ "__test__/test_a.sql": "select 1;" }, { filter });
      expect(error?.message).toBe("no test's path matches the filter");
    }
  });

  it("without tests is a failure, not a green run", async () => {
    const { error } = await run({});
    expect([error?.code, error?.exit]).toEqual(["DEPLOY_TESTS_FAILED", 13]);
  });

  it("names the server once it is connected", async () => {
    const { events } = await run({ "__test__/test_a.sql": "select 1;" });
    const connected = events.filter(({ type }) => type === "connected");
    expect(connected).toMatchObject([{ host: cluster.host, port: cluster.port, database, user: "postgres" }]);
    expect(connected[0]?.server_version).toMatch(/^18/);
  });

  it("does not make a missing database", async () => {
    const { error } = await test(cluster, "no_such_database", { "deploy.sql": "", "__test__/test_a.sql": "select 1;" });
    expect([error?.code, error?.exit, error?.parts.state]).toEqual(["CONNECT_DATABASE_MISSING", 11, "not connected"]);
  });

  it("ends with 16 at its time limit and leaves nothing running", async () => {
    const { error } = await run({ "__test__/test_a.sql": "select pg_sleep(30);" }, { timeout: "300ms" });
    expect(error?.exit).toBe(16);
    expect(
      await value(cluster, database, "select count(*)::int from pg_stat_activity where application_name = 'pgmi'"),
    ).toBe(0);
  });
});
