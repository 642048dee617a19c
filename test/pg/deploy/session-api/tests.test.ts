/** The test run: its plan, the statements it becomes, its events, its failures. */
import { describe, expect, it } from "vitest";
import { findMacros } from "../../../../src/deploy/script/macros.ts";
import { SourceMap } from "../../../../src/deploy/script/source-map.ts";
import { readMarkers } from "../../../../src/deploy/session/markers.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, sharedCluster } from "../../../support/cluster.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { failureOf } from "../../../support/project.ts";
import { column, type PreparedSession, prepared, projectOf } from "./fixture.ts";

const TREE = {
  "./__test__/_setup.sql": "create table top (n int); insert into top values (1);",
  "./__test__/b.sql": "do $$ begin assert (select count(*) from top) = 1; insert into top values (2); end $$",
  "./__test__/a.sql": "do $$ begin assert (select count(*) from top) = 1; insert into top values (2); end $$",
  "./__test__/a/_SETUP.psql": "create table inner_a as select n from top",
  "./__test__/a/t.sql": "do $$ begin assert (select count(*) from inner_a) = 1; end $$",
  "./__test__/a-b/t.sql":
    "do $$ begin assert to_regclass('inner_a') is null; assert (select count(*) from top) = 1; end $$",
  "./__test__/a/README.md": "not loaded",
  "./__test__/only_fixture/_setup.sql": "select 1/0",
  "./x/__tests__/deep/er/t.sql": "select 1",
  "./docs/__test__/README.md": "only text",
};

async function plan(session: Session, argument = "") {
  const rows = await session.query(`select * from pg_temp.pgmi_test_plan(${argument}) order by ordinal`);
  return rows.map(
    ({ step_type, script_path, directory, depth }) => `${step_type} ${script_path ?? directory} ${depth}`,
  );
}

/** Runs the project's deploy.sql with its macros expanded, as one message. */
async function deploy({ session, prepared: { expansions }, project: { deployScript } }: PreparedSession) {
  const edits = findMacros(deployScript).map(({ start, end }, index) => ({
    start,
    end,
    replacement: expansions[index]?.text ?? "",
    kind: "macro" as const,
  }));
  return await session.script(new SourceMap(deployScript, edits).text);
}

describe.each(availableMajors())("tests of a project on PostgreSQL %i", (major) => {
  it("[SA-13] lists directories that hold a file, loads only SQL, and knows fixtures by name", async () => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf(TREE) });
    expect(await run.session.query('select * from pg_temp.pgmi_test_directory_view order by path collate "C"')).toEqual(
      [
        { path: "./__test__/", parent_path: null, depth: "0" },
        { path: "./__test__/a-b/", parent_path: "./__test__/", depth: "1" },
        { path: "./__test__/a/", parent_path: "./__test__/", depth: "1" },
        { path: "./__test__/only_fixture/", parent_path: "./__test__/", depth: "1" },
        { path: "./docs/__test__/", parent_path: null, depth: "0" },
        { path: "./x/__tests__/deep/er/", parent_path: null, depth: "2" },
      ],
    );
    expect(
      await column(
        run.session,
        'select path from pg_temp.pgmi_test_source_view where is_fixture order by path collate "C"',
      ),
    ).toEqual(["./__test__/_setup.sql", "./__test__/a/_SETUP.psql", "./__test__/only_fixture/_setup.sql"]);
    expect(await column(run.session, "select path from pg_temp.pgmi_test_source_view where path like '%.md'")).toEqual(
      [],
    );
    expect(
      await column(run.session, "select filename from pg_temp.pgmi_test_source_view where path like '%er/t.sql'"),
    ).toEqual(["t.sql"]);
  });

  it("[SA-14] plans depth first: fixture, tests by name, directories by path, teardown", async () => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf(TREE) });
    expect(await plan(run.session)).toEqual([
      "fixture ./__test__/_setup.sql 0",
      "test ./__test__/a.sql 0",
      "test ./__test__/b.sql 0",
      "test ./__test__/a-b/t.sql 1",
      "teardown ./__test__/a-b/ 1",
      "fixture ./__test__/a/_SETUP.psql 1",
      "test ./__test__/a/t.sql 1",
      "teardown ./__test__/a/ 1",
      "teardown ./__test__/ 0",
      "test ./x/__tests__/deep/er/t.sql 2",
      "teardown ./x/__tests__/deep/er/ 2",
    ]);
    expect(await column(run.session, "select ordinal from pg_temp.pgmi_test_plan() order by 1")).toHaveLength(11);
  });

  it("[SA-15] a pattern filters tests and keeps the fixtures above them", async () => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf(TREE) });
    expect(await plan(run.session, "'/a/'")).toEqual([
      "fixture ./__test__/_setup.sql 0",
      "fixture ./__test__/a/_SETUP.psql 1",
      "test ./__test__/a/t.sql 1",
      "teardown ./__test__/a/ 1",
      "teardown ./__test__/ 0",
    ]);
    expect(await plan(run.session, "'A'")).toEqual([]);
    expect(await column(run.session, "select pg_temp.pgmi_has_tests('./__test__/only_fixture/')")).toEqual(["f"]);
    expect(await column(run.session, "select pg_temp.pgmi_has_tests('./__test__/', '/a/')")).toEqual(["t"]);
    expect(await column(run.session, "select pg_temp.pgmi_has_tests('./__test__/a-b/', '/a/')")).toEqual(["f"]);
  });

  it("[SA-17] returns a valid pattern and explains an invalid one", async () => {
    await using run = await prepared(await sharedCluster(major));
    expect(await column(run.session, "select pg_temp.pgmi_validate_pattern('^a.*$')")).toEqual(["^a.*$"]);
    expect(await column(run.session, "select pg_temp.pgmi_validate_pattern(null)")).toEqual([null]);
    await expect(run.session.query("select pg_temp.pgmi_validate_pattern('(')")).rejects.toMatchObject({
      sqlstate: "P0001",
      message: expect.stringMatching(/^Invalid regex pattern: /),
      hint: expect.stringContaining("POSIX"),
    });
  });

  it("[MC-01] [MC-03] [MC-16] runs tests isolated from each other, reports them, and leaves nothing", async () => {
    const project = projectOf(TREE, "BEGIN; CALL pgmi_test(); COMMIT;");
    await using run = await prepared(await sharedCluster(major), { project });
    expect(run.prepared.expansions.map(({ tests }) => tests)).toEqual([5]);
    await deploy(run);
    expect(run.said()).toEqual([
      "[pgmi] Test suite started",
      "[pgmi] Fixture: ./__test__/_setup.sql",
      "[pgmi] Test: ./__test__/a.sql",
      "[pgmi] Test: ./__test__/b.sql",
      "[pgmi] Test: ./__test__/a-b/t.sql",
      "[pgmi] Fixture: ./__test__/a/_SETUP.psql",
      "[pgmi] Test: ./__test__/a/t.sql",
      "[pgmi] Test: ./x/__tests__/deep/er/t.sql",
      "[pgmi] Test suite completed (11 steps)",
    ]);
    expect(await column(run.session, "select to_regclass('top')")).toEqual([null]);
    const markers = run.notices.flatMap(readMarkers);
    expect(markers.map(({ type }) => type).filter((type) => type.startsWith("test"))).toHaveLength(10);
    expect(markers.map(({ type, path }) => `${type} ${path}`).slice(0, 4)).toEqual([
      "fixture_start ./__test__/_setup.sql",
      "fixture_end ./__test__/_setup.sql",
      "test_start ./__test__/a.sql",
      "test_end ./__test__/a.sql",
    ]);
    const [first, second] = markers;
    expect((second?.timeMs ?? 0) - (first?.timeMs ?? 0)).toBeGreaterThan(0);
  });

  it("[MC-02] [MC-17] calls a callback of the project with every event in order", async () => {
    const project = projectOf(
      { "./__test__/_setup.sql": "select 1", "./__test__/a.sql": "select 1", "./__test__/sub/b.sql": "select 1" },
      "BEGIN; CALL pgmi_test(NULL, 'pg_temp.seen'); COMMIT;",
    );
    await using run = await prepared(await sharedCluster(major), { project });
    await run.session.script(`
      create function pg_temp.seen(e pg_temp.pgmi_test_event) returns void language plpgsql as $$
      begin raise notice '% % % % %', e.event, e.path, e.directory, e.depth, e.ordinal; end $$`);
    await deploy(run);
    expect(run.said()).toEqual([
      "suite_start <NULL>  0 0",
      "fixture_start ./__test__/_setup.sql ./__test__/ 0 1",
      "fixture_end ./__test__/_setup.sql ./__test__/ 0 1",
      "test_start ./__test__/a.sql ./__test__/ 0 2",
      "test_end ./__test__/a.sql ./__test__/ 0 2",
      "rollback ./__test__/a.sql ./__test__/ 0 2",
      "test_start ./__test__/sub/b.sql ./__test__/sub/ 1 3",
      "test_end ./__test__/sub/b.sql ./__test__/sub/ 1 3",
      "rollback ./__test__/sub/b.sql ./__test__/sub/ 1 3",
      "teardown_start <NULL> ./__test__/sub/ 1 4",
      "teardown_end <NULL> ./__test__/sub/ 1 4",
      "teardown_start <NULL> ./__test__/ 0 5",
      "teardown_end <NULL> ./__test__/ 0 5",
      "suite_end <NULL>  0 5",
    ]);
  });

  it("[MC-05] [MC-06] a run without tests fails, and says whether the pattern is why", async () => {
    const project = projectOf({ "./__test__/_setup.sql": "select 1" }, "BEGIN; CALL pgmi_test(); COMMIT;");
    await using none = await prepared(await sharedCluster(major), { project });
    await expect(deploy(none)).rejects.toMatchObject({
      sqlstate: "P0002",
      message: "pgmi: no tests were discovered",
      hint: expect.any(String),
    });
    await none.session.close();
    await using unmatched = await prepared(await sharedCluster(major), {
      project: projectOf(TREE, "BEGIN; CALL pgmi_test('nowhere\\d'); COMMIT;"),
    });
    await expect(deploy(unmatched)).rejects.toMatchObject({
      sqlstate: "P0002",
      message: "pgmi: no tests matched the requested pattern",
    });
  });

  it.each([
    ["[MC-07]", { pattern: undefined, callback: "f(); drop table x" }],
    ["[MC-07]", { pattern: undefined, callback: "a.b.c" }],
    ["[MC-07]", { pattern: undefined, callback: "x".repeat(64) }],
    ["[BX-11]", { pattern: "a(", callback: undefined }],
    ["[BX-11]", { pattern: "\\", callback: "pg_temp.pgmi_test_callback" }],
  ])("%s refuses %j before anything runs", async (_case, macro) => {
    const cluster = await sharedCluster(major);
    const failure = await failureOf(() => prepared(cluster, { project: projectOf(TREE), macros: [macro] }));
    expect(failure).toMatchObject({ code: "DEPLOY_MACRO_INVALID", exit: 13 });
  });

  it("[MC-08] needs a BEGIN around it: an implicit block has no savepoints", async () => {
    await using run = await prepared(await sharedCluster(major), {
      project: projectOf(TREE, "CALL pgmi_test(); select 1;"),
    });
    await expect(deploy(run)).rejects.toMatchObject({ sqlstate: "25P01" });
  });

  it("[BX-15] a failing test keeps SQLSTATE, detail, hint and object names under the message with its path", async () => {
    const project = projectOf({
      "./__test__/t.sql":
        "do $$ begin raise exception 'wrong total' using errcode = 'AB123', detail = 'is 1', hint = 'look', table = 'orders', column = 'total'; end $$",
      "./__test__/assert.sql": "do $$ begin assert 1 = 2, 'one is two'; end $$",
    });
    await using run = await prepared(await sharedCluster(major), { project });
    await expect(run.session.query("select pg_temp.pgmi_run_test_source('./__test__/t.sql')")).rejects.toMatchObject({
      message: "Failed in ./__test__/t.sql: wrong total",
      sqlstate: "AB123",
      detail: "is 1",
      hint: "look",
      objects: expect.objectContaining({ table: "orders", column: "total" }),
    });
    await expect(
      run.session.query("select pg_temp.pgmi_run_test_source('./__test__/assert.sql')"),
    ).rejects.toMatchObject({
      message: "Failed in ./__test__/assert.sql: one is two",
      sqlstate: "P0004",
    });
    await expect(run.session.query("select pg_temp.pgmi_run_test_source('./nowhere.sql')")).rejects.toMatchObject({
      sqlstate: "P0002",
    });
  });

  it("pgmi_persist_test_plan writes the plan to a table, again and again, in any schema", async () => {
    const cluster = await sharedCluster(major);
    const database = await cluster.createDatabase();
    await using run = await prepared(cluster, { database, project: projectOf(TREE) });
    await run.session.script('create schema "My Schema"');
    for (const pattern of ["null", "'/a/'", "'/a/'"]) {
      await run.session.script(`select pg_temp.pgmi_persist_test_plan('My Schema', ${pattern})`);
    }
    expect(await column(run.session, 'select script_path from "My Schema".pgmi_test_plan order by ordinal')).toEqual([
      "./__test__/_setup.sql",
      "./__test__/a/_SETUP.psql",
      "./__test__/a/t.sql",
      null,
      null,
    ]);
    expect(run.said()).toEqual([]);
  });
});

it("generates the statements of thousands of tests in proportion to their number", async () => {
  const cluster = await sharedCluster(18);
  const runs: PreparedSession[] = [];
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      for (const run of runs) await run[Symbol.asyncDispose]();
    },
  };
  const input = async (size: number): Promise<PreparedSession> => {
    const files = Object.fromEntries(
      Array.from({ length: size }, (_, index) => [`./d${index % 40}/__test__/t${index}.sql`, "select 1"]),
    );
    const run = await prepared(cluster, { project: projectOf(files), database: await cluster.createDatabase() });
    runs.push(run);
    return run;
  };
  const work = ({ session }: PreparedSession) => session.query("select pg_temp.pgmi_test_generate()");
  await expectLinearTime({ input, work, worker: "server", smallest: 8_000, largest: 8_000 });
});
