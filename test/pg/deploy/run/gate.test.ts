/** Tests as the gate of a deploy, what its preparation leaves, parameters, and what is refused before a server hears of it. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, projectOf, type RunOptions, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

type Files = Record<string, string>;
const run = (files: Files, options: RunOptions = {}) => deploy(cluster, database, files, options);
const exists = (name: string) => value(cluster, database, `select to_regclass('${name}') is not null`);

/** A DO that runs all SQL files of the project, as most do. */
const LOOP = `do $$ declare f record; begin
  for f in select content from pg_temp.pgmi_plan_view where pg_temp.pgmi_is_sql_file(path) order by execution_order loop
    execute f.content;
  end loop;
end $$;`;

describe("CALL pgmi_test()", () => {
  it("[MC-08] outside of an explicit transaction is the server's 25P01, and the hint says what to write", async () => {
    const { report, error } = await run({ "deploy.sql": "call pgmi_test();", "__test__/test_a.sql": "select 1;" });
    expect(report).toMatchObject({ exitCode: 13, sqlstate: "25P01" });
    expect(error?.parts.hint).toContain("BEGIN; before CALL pgmi_test()");
  });

  it("[MC-09] works in the tail, inside a transaction", async () => {
    const { error, report } = await run({
      "deploy.sql": "begin; create table mc09(a int); commit; begin; call pgmi_test(); commit;",
      "__test__/test_a.sql": "insert into mc09 values (1);",
    });
    expect(error).toBeUndefined();
    expect(report.testMacros).toBe(1);
    expect(report.tests).toMatchObject([{ path: "./__test__/test_a.sql", name: "test_a", result: "passed" }]);
    expect(await value(cluster, database, "select count(*)::int from mc09")).toBe(0);
  });

  it("[MC-13] before a failing statement does not move its line", async () => {
    const { report } = await run({
      "deploy.sql": "begin;\ncall pgmi_test();\nselect nosuch;\ncommit;",
      "__test__/test_a.sql": "select 1;",
    });
    expect(report).toMatchObject({ script: "deploy.sql", line: 3, column: 8, sourceLine: "select nosuch;" });
  });

  it.each([
    ["[MC-10] with a doubled quote in its pattern", "call pgmi_test('it''s')"],
    ["[MC-10] with an escape string", "call pgmi_test(E'a')"],
    ["[MC-10] with a dollar quote", "call pgmi_test($$a$$)"],
    ["[MC-10] with NULL as callback", "call pgmi_test('a', null)"],
    ["[MC-11] as SELECT", "select pgmi_test()"],
    ["[MC-11] inside a DO body", "do $$ begin call pgmi_test(); end $$"],
  ])("%s is no macro, and the server refuses it", async (_name, call) => {
    const { report } = await run({ "deploy.sql": `begin; ${call}; commit;`, "__test__/test_a.sql": "select 1;" });
    expect(report).toMatchObject({ exitCode: 13, sqlstate: "42883", testMacros: 0 });
  });

  it("[MC-14] may stand several times, each with its own pattern and callback", async () => {
    const { report, notices } = await run({
      "deploy.sql": `begin;
        create function pg_temp.seen(e pg_temp.pgmi_test_event) returns void language plpgsql as
          $$ begin if e.event = 'test_start' then raise notice 'seen %', e.path; end if; end $$;
        CALL pgmi_test('_a'); call /* x */ PG_TEMP . pgmi_test ( null , 'pg_temp.seen' ) ;
        -- call pgmi_test('in a comment');
        select 'call pgmi_test()'; call pgmi_test('');
        commit;`,
      "__test__/test_a.sql": "select 1;",
      "__test__/test_b.sql": "select 1;",
    });
    expect(report).toMatchObject({ status: "success", testMacros: 3 });
    expect(report.tests?.map(({ name }) => name)).toEqual(["test_a", "test_a", "test_b", "test_a", "test_b"]);
    expect(notices.filter((notice) => notice.startsWith("seen"))).toHaveLength(2);
  });

  it("[MC-15] wrapped in a savepoint leaves nothing, not even what a callback wrote", async () => {
    const { report } = await run({
      "deploy.sql": `create table if not exists mc15(event text); begin;
        create function pg_temp.keep(e pg_temp.pgmi_test_event) returns void language sql as $$ insert into mc15 values (e.event) $$;
        savepoint _tests; call pgmi_test(null, 'pg_temp.keep'); rollback to savepoint _tests; commit;`,
      "__test__/test_a.sql": "select 1;",
    });
    expect(report.error).toBeUndefined();
    expect(await value(cluster, database, "select count(*)::int from mc15")).toBe(0);
  });

  it("stops the deploy at a failing test, names it, and commits nothing", async () => {
    const { error, report } = await run({
      "deploy.sql": `begin; ${LOOP} call pgmi_test(); commit; create table gate_tail(a int);`,
      "a.sql": "create table gate(a int);",
      "shop/__test__/_setup.sql": "insert into gate values (1);",
      "shop/__test__/test_1.sql": "do $$ begin assert (select count(*) from gate) = 1; end $$;",
      "shop/__test__/test_2.sql": "do $$ begin raise exception 'total is wrong'; end $$;",
      "shop/__test__/test_3.sql": "select 1;",
    });
    expect(error?.code).toBe("DEPLOY_TESTS_FAILED");
    expect(report).toMatchObject({
      exitCode: 13,
      failedFile: "./shop/__test__/test_2.sql",
      error: "execution failed: ERROR: Failed in ./shop/__test__/test_2.sql: total is wrong (SQLSTATE P0001)",
      state: `rolled back; database "${database}" is as before this run`,
      tests: [
        { path: "./shop/__test__/test_1.sql", result: "passed" },
        { path: "./shop/__test__/test_2.sql", result: "failed", message: "total is wrong" },
      ],
    });
    expect(report.hint).toContain("pgkeep test");
    expect(await exists("gate")).toBe(false);
    expect(await exists("gate_tail")).toBe(false);
  });

  it("[BX-15] keeps every field of a failing test's error", async () => {
    const { report } = await run({
      "deploy.sql": "begin; call pgmi_test(); commit;",
      "__test__/test_a.sql":
        "do $$ begin raise exception 'm' using errcode = 'P0077', detail = 'the detail', hint = 'the hint'; end $$;",
    });
    expect(report).toMatchObject({ sqlstate: "P0077", detail: "the detail", hint: "the hint" });
  });

  it("[BX-11] with a bad pattern or callback ends with 13 and applies nothing", async () => {
    for (const call of ["call pgmi_test('(')", "call pgmi_test(null, 'no such name')"]) {
      const { error, report } = await run({
        "deploy.sql": `create table bx11(a int); begin; ${call}; commit;`,
        "__test__/test_a.sql": "select 1;",
      });
      expect([error?.code, report.exitCode]).toEqual(["DEPLOY_MACRO_INVALID", 13]);
      expect(await exists("bx11")).toBe(false);
    }
  });

  it("fails when there is no test", async () => {
    const { report } = await run({ "deploy.sql": "begin; create table none(a int); call pgmi_test(); commit;" });
    expect(report).toMatchObject({ exitCode: 13, sqlstate: "P0002" });
    expect(await exists("none")).toBe(false);
  });
});

describe("files", () => {
  it("names each of several files with the same text", async () => {
    const same = "select 1;";
    const { report } = await run({
      "deploy.sql": LOOP,
      "a.sql": same,
      "b.sql": "select 2;",
      "c.sql": same,
      "d.sql": same,
    });
    expect(report.files?.map(({ path }) => path)).toEqual(["./a.sql", "./b.sql", "./c.sql", "./d.sql"]);
  });

  it("that ran are in the result with their time, in order", async () => {
    const { report, events } = await run({
      "deploy.sql": `begin; ${LOOP} commit;`,
      "b.sql": "select pg_sleep(0.05);",
      "a.sql": "select 1;",
    });
    expect(report.files?.map(({ path }) => path)).toEqual(["./a.sql", "./b.sql"]);
    expect(report.files?.[1]?.ms).toBeGreaterThanOrEqual(50);
    expect(events.filter(({ type }) => type === "deploy.file_done")).toHaveLength(2);
  });

  it("that fail are named, with line and column", async () => {
    const { error, report } = await run({
      "deploy.sql": `begin; ${LOOP} commit;`,
      "a/one.sql": "create table one(a int);\n\nselect nosuch\n  from one;\n",
    });
    expect(error?.code).toBe("DEPLOY_SQL_FAILED");
    expect(report).toMatchObject({ failedFile: "./a/one.sql", script: "./a/one.sql", line: 3, column: 8 });
    expect(report.sourceLine).toBe("select nosuch");
    expect(await exists("one")).toBe(false);
  });

  it("whose failure the project raises again are named as well", async () => {
    const loop = LOOP.replace(
      "execute f.content;",
      "begin execute f.content; exception when others then raise exception 'Failed in %: %', f.path, sqlerrm using errcode = sqlstate; end;",
    ).replace("select content", "select path, content");
    const { report } = await run({ "deploy.sql": `begin; ${loop} commit;`, "a.sql": "select 1;\nselect 1/0;" });
    expect(report).toMatchObject({ failedFile: "./a.sql", sqlstate: "22012" });
    expect(report.line).toBe(2);
  });
});

describe("the preparation", () => {
  it("[SA-21] raises no notice, leaves no transaction open, and can be done again in the same database", async () => {
    for (let round = 0; round < 2; round++) {
      const { error, notices } = await run({
        "deploy.sql":
          "do $$ begin if txid_current_if_assigned() is not null then raise 'in a transaction'; end if; end $$; vacuum;",
        "a.sql": "select 1;",
        "__test__/test_a.sql": "select 1;",
      });
      expect(error?.message).toMatch(/VACUUM cannot run inside a transaction block/);
      expect(notices).toEqual([]);
    }
    expect((await run({ "deploy.sql": "vacuum;", "a.sql": "select 1;" })).error).toBeUndefined();
  });

  it("[D-14] shows nothing of the project to other sessions", async () => {
    const controller = new AbortController();
    const running = run(
      { "deploy.sql": "select pg_sleep(30) /* d14 */;", "secret.sql": "select 'd14 content';" },
      { signal: controller.signal, param: ["word=d14-parameter-value"] },
    );
    await cluster.sql("create role d14_reader login password 'd14-reader-pw'");
    await cluster.sql(
      `do $$ begin while not exists (select from pg_stat_activity where query like '%d14 */%' and pid <> pg_backend_pid()) loop perform pg_sleep(0.01), pg_stat_clear_snapshot(); end loop; end $$`,
      { database },
    );
    const other = { database, user: "d14_reader", password: "d14-reader-pw" };
    const [{ schema }] = await cluster.sql(
      "select n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relname = '_pgmi_parameter'",
      { database },
    );
    for (const view of ["_pgmi_parameter", "pgmi_parameter_view", "_pgmi_source", "pgmi_source_view"]) {
      await expect(cluster.sql(`select * from ${schema}.${view}`, other)).rejects.toThrow(
        /permission denied|cannot access temporary/,
      );
    }
    controller.abort();
    await running;
    await cluster.sql("drop role d14_reader");
    const left = "select count(*)::int from pg_class where relname like '%pgmi%' or relname like '%pgkeep%'";
    expect(await value(cluster, database, left)).toBe(0);
  });

  it("costs the same number of round trips for 1, 100 and 1,000 files, at most 6 in all", async () => {
    const counts: number[] = [];
    for (const files of [1, 100, 1_000]) {
      const project: Files = {
        "deploy.sql": `begin; ${LOOP} call pgmi_test(); commit;`,
        "__test__/test_a.sql": "select 1;",
      };
      for (let n = 0; n < files; n++) project[`f/${n}.sql`] = `select ${n};`;
      const { events, error } = await run(project, { param: ["a=1"], timeout: "2m" });
      expect(error).toBeUndefined();
      counts.push(Number(events.find(({ type }) => type === "deploy.released")?.round_trips));
    }
    expect(new Set(counts).size).toBe(1);
    expect(counts[0]).toBeLessThanOrEqual(6);
  });
});

describe("parameters", () => {
  const show = (key: string) => `do $$ begin raise notice '%', current_setting('pgmi.${key}'); end $$;`;

  it("[PM-01] later sources win: pgmi.yaml, files in order, --param in order", async () => {
    await using files = await projectOf({ "one.env": "b=file1\nc=file1\nd=file1\n", "two.env": "c=file2\nd=file2\n" });
    const { notices } = await run(
      {
        "deploy.sql": ["a", "b", "c", "d"].map(show).join("\n"),
        "pgmi.yaml": "params: {a: yaml, b: yaml, c: yaml, d: yaml}\n",
      },
      { paramsFile: [join(files.path, "one.env"), join(files.path, "two.env")], param: ["d=flag1", "d=flag2"] },
    );
    expect(notices).toEqual(["yaml", "file1", "file2", "flag2"]);
  });

  it("[PM-02] are rows of the view and session variables, keys in lower case", async () => {
    const script = `do $$ declare r record; begin
      select * into strict r from pg_temp.pgmi_parameter_view;
      raise notice '% % % %', r.key, r.value, r.type, r.required;
      raise notice '% %', current_setting('pgmi.apiversion'), current_setting('pgmi.apiVersion');
    end $$;`;
    expect((await run({ "deploy.sql": script }, { param: ["apiVersion=2"] })).notices).toEqual([
      "apiversion 2 text f",
      "2 2",
    ]);
  });

  it("[PM-03] values may be empty, long, hold equals signs, quotes and line breaks", async () => {
    const values = ["", "a=b=c", `it's "quoted"`, "line\nbreak\ttab\\n", "x".repeat(5_000), "ü😀"];
    for (const text of values) {
      const script = "do $$ begin raise notice '%', md5(current_setting('pgmi.k')); end $$;";
      const { notices } = await run({ "deploy.sql": script }, { param: [`k=${text}`] });
      expect(notices).toEqual([createHash("md5").update(text).digest("hex")]);
    }
  });

  it("[PM-08] survive the rollback of the project's transactions", async () => {
    const { notices } = await run({ "deploy.sql": `begin; select 1; rollback; ${show("k")}` }, { param: ["k=kept"] });
    expect(notices).toEqual(["kept"]);
  });

  it("[PM-09] that are not given are NULL", async () => {
    const { notices } = await run({
      "deploy.sql": "do $$ begin raise notice '%', current_setting('pgmi.nothing', true) is null; end $$;",
    });
    expect(notices).toEqual(["t"]);
  });

  it("[PM-07] are in no event and no result but as a count", async () => {
    const { events, report } = await run(
      { "deploy.sql": "select 1;" },
      { param: ["k=canary-value-123"], verbose: true },
    );
    expect(JSON.stringify([events, report])).not.toContain("canary-value-123");
    expect(events).toContainEqual({ type: "deploy.parameters_loaded", count: 1 });
  });
});

describe("what can be checked without a server", () => {
  const refused = async (files: Files, options: RunOptions): Promise<void> => {
    const name = `never_${Math.floor(performance.now() * 1000)}`;
    const { error, report } = await deploy(cluster, name, files, options);
    expect(error?.parts.state ?? "nothing was started").toBe("nothing was started");
    expect([10, 13, 14]).toContain(report.exitCode);
    expect(await value(cluster, "postgres", `select count(*)::int from pg_database where datname = '${name}'`)).toBe(0);
    const kept = await cluster.createDatabase();
    await cluster.sql("create table kept(a int)", { database: kept });
    await deploy(cluster, kept, files, { ...options, overwrite: true, force: true });
    expect(await value(cluster, kept, "select to_regclass('kept') is not null")).toBe(true);
  };

  it("[BX-01] a bad parameter key is found before a database is created or dropped", () =>
    refused({ "deploy.sql": "" }, { param: ["no-good=1"] }));

  it("[BX-02] so is a bad parameter value", () => refused({ "deploy.sql": "" }, { param: ["k=a\0b"] }));

  it("[BX-17] so is a file that cannot be loaded", () => refused({ "deploy.sql": "", "bad.sql": "select 'a\0b'" }, {}));

  it("[BX-20] so is a deploy.sql that is not UTF-8", async () => {
    await using project = await projectOf({ "deploy.sql": "" });
    await writeFile(join(project.path, "deploy.sql"), Buffer.from([0x73, 0xff, 0xfe]));
    const { report } = await deploy(cluster, "never_bx20", project.path);
    expect(report.exitCode).toBe(10);
    expect(await value(cluster, "postgres", "select count(*)::int from pg_database where datname = 'never_bx20'")).toBe(
      0,
    );
  });

  it("[BX-11] so is a callback that is no name", () =>
    refused({ "deploy.sql": "begin; call pgmi_test(null, '1x'); commit;" }, {}));

  it("a database that allows no connections is not dropped for a deploy that could not connect", async () => {
    const closed = await cluster.createDatabase();
    await cluster.sql("create table kept(a int)", { database: closed });
    await cluster.sql(`alter database "${closed}" allow_connections false`);
    const { report, error } = await deploy(cluster, closed, { "deploy.sql": "" }, { overwrite: true, force: true });
    expect([report.exitCode, error?.code, error?.parts.state]).toEqual([
      10,
      "DEPLOY_OVERWRITE_REFUSED",
      "nothing was dropped",
    ]);
    expect(error?.parts.hint).toContain(`alter database "${closed}" allow_connections true`);
    await cluster.sql(`alter database "${closed}" allow_connections true`);
    expect(await value(cluster, closed, "select to_regclass('kept') is not null")).toBe(true);
  });

  it("[CL-21] so is a missing deploy.sql, with its own exit status", async () => {
    const { report } = await deploy(cluster, "never_cl21", { "other.sql": "" });
    expect(report.exitCode).toBe(14);
  });
});
