/** How a deploy.sql is executed: an atomic head, then statement by statement. */
import { beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

const run = (script: string | Buffer, options = {}) => deploy(cluster, database, { "deploy.sql": script }, options);
const ask = (text: string) => value(cluster, database, text);
const exists = (name: string) => ask(`select to_regclass('${name}') is not null`);

describe("the head", () => {
  it("[XC-01] is all or nothing when the script has no transaction statement", async () => {
    const { error, report } = await run("create table xc01(a int);\nselect 1/0;\ncreate table xc01b(a int);");
    expect(error?.exit).toBe(13);
    expect(report).toMatchObject({ status: "failed", exitCode: 13, executionUnits: 1, unitsCommitted: 0 });
    expect(await exists("xc01")).toBe(false);
  });

  it("[XC-02] is one transaction from BEGIN to COMMIT", async () => {
    const { error, report } = await run(
      "begin; create table xc02(a int); select 1/0; commit; create table xc02b(a int);",
    );
    expect(error?.code).toBe("DEPLOY_SQL_FAILED");
    expect(report).toMatchObject({ executionMode: "atomic", executionUnits: 2, unitsCommitted: 0, sqlstate: "22012" });
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await exists("xc02")).toBe(false);
    expect(await exists("xc02b")).toBe(false);
  });

  it("[XC-15] may be empty or hold only comments", async () => {
    for (const script of ["", "-- nothing\n", "/* nothing */ ;"]) {
      const { report, error } = await run(script);
      expect(error).toBeUndefined();
      expect(report).toMatchObject({ status: "success", exitCode: 0, executionUnits: 1 });
    }
  });

  it("[XC-16] accepts CRLF and a byte order mark", async () => {
    const text =
      "\ufeffbegin;\r\ncreate table xc16(a int);\r\ncommit;\r\ncreate index concurrently xc16i on xc16(a);\r\n";
    expect((await run(Buffer.from(text))).error).toBeUndefined();
    expect(await exists("xc16i")).toBe(true);
  });

  it("[XC-21] a COMMIT without BEGIN commits the implicit transaction, with the server's warning", async () => {
    const { error, notices, report } = await run("create table xc21(a int); commit; select 1/0;");
    expect(notices).toContain("there is no transaction in progress");
    expect(report).toMatchObject({ executionMode: "psql", executionUnits: 2, unitsCommitted: 1 });
    expect(error?.parts.state).toBe("committed up to unit 1 of 2; unit 2 was rolled back");
    expect(await exists("xc21")).toBe(true);
  });

  it.each([
    ["an unfinished statement", "select 1;\nselect 1 +", "syntax error at end of input", 2, 11],
    ["an unfinished statement before a comment", "select 1; select 1 + -- and", "syntax error at end of input", 1, 28],
    ["a statement that ends too early", "select 1; select (1;\n", 'syntax error at or near ";"', 1, 20],
    ["an unclosed literal", "select 1;\nselect 'abc", `unterminated quoted string at or near "'abc"`, 2, 8],
  ])("is told of %s as it was written", async (_name, script, message, line, column) => {
    const { report } = await run(script);
    expect(report).toMatchObject({ error: `execution failed: ERROR: ${message} (SQLSTATE 42601)`, line, column });
  });

  it("is told of a failing expression as it was written", async () => {
    const { report } = await run("do $$ begin\n execute 'select ' || (1/(0)); end $$; select 1;");
    expect(report.where).toMatch(`PL/pgSQL expression "'select ' || (1/(0))"`);
  });

  it("[XC-19] psql's own commands are the server's syntax errors", async () => {
    const { report } = await run("\\echo hello\n");
    expect(report).toMatchObject({ sqlstate: "42601", exitCode: 13, script: "deploy.sql", line: 1, column: 1 });
  });
});

describe("the tail", () => {
  it("[XC-03] commits each statement by itself, so that a failure leaves the earlier ones", async () => {
    const { report, error } = await run(
      "begin; commit; create table xc03a(a int); select 1/0; create table xc03b(a int);",
    );
    expect(report).toMatchObject({ executionMode: "psql", executionUnits: 4, unitsCommitted: 2, unitsCompleted: 2 });
    expect(error?.parts.state).toBe("committed up to unit 2 of 4; unit 3 was rolled back");
    expect([await exists("xc03a"), await exists("xc03b")]).toEqual([true, false]);
  });

  it("[XC-04] runs statements that must be alone", async () => {
    const script = `begin; create table xc04(a int); commit;
      create index concurrently xc04_i on xc04(a); vacuum xc04; alter system set work_mem = '5MB';
      create database "xc04 db"; drop database "xc04 db"; alter system reset work_mem;`;
    const { error, report } = await run(script);
    expect(error).toBeUndefined();
    expect(report).toMatchObject({ executionUnits: 7, unitsCommitted: 7 });
  });

  it("[XC-05] an explicit transaction in the tail is a real one", async () => {
    const failed = await run("begin; commit; begin; create table xc05(a int); select 1/0; commit;");
    expect(failed.report).toMatchObject({ executionUnits: 5, unitsCommitted: 1, unitsCompleted: 3 });
    expect(failed.error?.parts.state).toBe("committed up to unit 1 of 5; units 2 to 4 were rolled back");
    expect(await exists("xc05")).toBe(false);
    const good = await run("begin; commit; begin; create table xc05(a int); commit;");
    expect(good.report).toMatchObject({ executionUnits: 4, unitsCommitted: 4 });
    expect(await exists("xc05")).toBe(true);
  });

  it("[XC-06] ROLLBACK TO, COMMIT PREPARED and ROLLBACK PREPARED end no head", async () => {
    const { report } = await run(
      "begin; savepoint s; create table xc06(a int); rollback to savepoint s; select 1; commit;",
    );
    expect(report).toMatchObject({ status: "success", executionUnits: 1, unitsCommitted: 1 });
    expect(await exists("xc06")).toBe(false);
  });

  it.each([
    ["[XC-07] END TRANSACTION", "begin; create table xc07a(a int); end transaction; select 1;", "xc07a", true],
    ["[XC-07] ROLLBACK WORK", "begin; create table xc07b(a int); rollback work; select 1;", "xc07b", false],
    ["[XC-07] ABORT", "begin; create table xc07c(a int); abort; select 1;", "xc07c", false],
    ["[XC-07] a last COMMIT without semicolon", "begin; create table xc07d(a int); commit", "xc07d", true],
  ])("%s ends the head", async (_name, script, table, kept) => {
    const { error } = await run(script);
    expect(error).toBeUndefined();
    expect(await exists(table)).toBe(kept);
  });

  it("[XC-08] COMMIT AND CHAIN leaves the chained transaction open for the tail", async () => {
    const { report } = await run(
      "begin; create table xc08(a int); commit and chain; insert into xc08 values (1); rollback and chain; insert into xc08 values (2); commit;",
    );
    expect(report).toMatchObject({ status: "success", executionUnits: 5 });
    expect(await ask("select array_agg(a)::text from xc08")).toBe("{2}");
    expect(report.unitsCommitted).toBe(3);
  });

  it("[XC-11, XC-12, XC-26] statements with semicolons inside stay whole", async () => {
    const script = `begin; create table xc11(a int, "begin" int, atomic int); commit;
      create rule r as on insert to xc11 do also (select 1; select 2);
      create function xc12() returns int language sql begin atomic select case when true then 1 else 2 end; select 3; end;
      create procedure xc12b() begin atomic end;
      select atomic, "begin" from xc11; create table xc26(atomic int, begin int);`;
    const { error, report } = await run(script);
    expect(error).toBeUndefined();
    expect(report.executionUnits).toBe(6);
    expect(await ask("select xc12()")).toBe(3);
  });

  it("[XC-13] semicolons in literals, comments and dollar quotes split nothing", async () => {
    const script = `commit; select ';', "a;b" from (select 1 as "a;b") q; -- ; not here
      /* ; /* ; */ */ do $x$ begin perform ';'; end $x$; select E'\\';';`;
    const { error, report } = await run(script);
    expect(error).toBeUndefined();
    expect(report.executionUnits).toBe(4);
  });

  it("[XC-14] drops pieces without code and runs a last statement without semicolon", async () => {
    const { report } = await run("commit;;; -- x\n; create table xc14(a int)");
    expect(report.executionUnits).toBe(2);
    expect(await exists("xc14")).toBe(true);
  });

  it("[XC-20] sees the head's session: temporary objects, settings, prepared statements, the project; not SET LOCAL", async () => {
    const script = `begin;
      create temp table xc20t as select 7 as a; prepare xc20p as select 1; set my.session = 'kept'; set local my.local = 'gone';
      commit;
      execute xc20p;
      do $$ begin
        assert (select a from xc20t) = 7; assert current_setting('my.session') = 'kept';
        assert coalesce(current_setting('my.local', true), '') = '';
        assert (select count(*) from pg_temp.pgmi_source_view) = 0;
      end $$;`;
    expect((await run(script)).error).toBeUndefined();
  });

  it("goes on after the script threw away every temporary object, ours among them", async () => {
    const { error, report } = await run(
      "begin; discard temp; commit; discard all; begin; create table discarded(a int); commit;",
    );
    expect(error).toBeUndefined();
    expect(report).toMatchObject({ executionUnits: 5, unitsCommitted: 5 });
    expect(await exists("discarded")).toBe(true);
  });

  it.each([
    ["deploy.sql", { "deploy.sql": "commit; discard all; do $$ begin execute 'create table thrown1()'; end $$;" }],
    [
      "a file",
      {
        "deploy.sql": `do $$
          declare x text := (select content from pg_temp.pgmi_source_view);
          begin execute x; execute 'create table thrown2()'; end $$;`,
        "a.sql": "select 1; discard temp;",
      },
    ],
  ])("runs EXECUTE as ever when %s throws away every temporary object", async (_name, files) => {
    expect((await deploy(cluster, database, files)).error).toBeUndefined();
    expect(await ask("select count(*)::int > 0 from pg_class where relname like 'thrown_'")).toBe(true);
  });

  it("[XC-22] sends thousands of statements in seconds", async () => {
    const statements = Array.from({ length: 4_000 }, (_, n) => `insert into xc22 values (${n}); -- row`).join("\n");
    const { error, report } = await run(`begin; create table xc22(a int); commit;\n${statements}`);
    expect(error).toBeUndefined();
    expect(report.executionUnits).toBe(4_001);
    expect(await ask("select count(*)::int from xc22")).toBe(4_000);
  });

  it("[XC-25] a statement's own time limit is an SQL failure", async () => {
    const { error, report } = await run("set statement_timeout = '50ms'; select pg_sleep(10);");
    expect([error?.exit, report.sqlstate]).toEqual([13, "57014"]);
  });
});

describe("results and notices", () => {
  it("[XC-10] drops the rows of queries", async () => {
    const { error } = await run("begin; select generate_series(1, 100000); commit; select generate_series(1, 100000);");
    expect(error).toBeUndefined();
  });

  it("[XC-23] passes on notices as they are, with detail and hint", async () => {
    const { events } = await run("do $$ begin raise notice 'hello' using detail = 'why', hint = 'what'; end $$;");
    expect(events).toContainEqual({
      type: "deploy.notice",
      severity: "NOTICE",
      message: "hello",
      detail: "why",
      hint: "what",
    });
  });

  it("[XC-24] shows RAISE DEBUG with --verbose only", async () => {
    const script = "do $$ begin raise debug 'whisper'; end $$;";
    expect((await run(script)).notices).not.toContain("whisper");
    expect((await run(script, { verbose: true })).notices).toContain("whisper");
  });

  it("[XC-24] shows no debug message of the server itself with --verbose", async () => {
    const script =
      "create table noisy(id serial primary key, b text); create index on noisy(b);" +
      "do $$ begin raise debug 'whisper'; raise notice 'aloud'; end $$; drop table noisy;";
    const { notices } = await run(script, { verbose: true });
    expect(notices).toEqual(["whisper", "aloud"]);
  });

  it("[D-08] COPY FROM STDIN in a script fails at once", async () => {
    const { report } = await run("create table d08(a int); copy d08 from stdin;\n1\n\\.\n");
    expect(report.exitCode).toBe(13);
    expect(await exists("d08")).toBe(false);
  });

  it("[D-08] keeps the last 200 notices of a flood", async () => {
    const { report, notices } = await run(
      "do $$ begin for n in 1..20000 loop raise notice 'n %', n; end loop; end $$;",
    );
    expect(notices).toHaveLength(20_000);
    expect(report.notices).toHaveLength(200);
    expect(report.noticesTruncated).toBe(true);
    expect(report.notices?.[0]?.message).toBe("n 19801");
    expect(report.notices?.at(-1)?.message).toBe("n 20000");
  });
});

describe("failures", () => {
  it("[XC-17] name line, column and text of deploy.sql, counted in characters", async () => {
    const { error, report } = await run("begin;\n-- ü 😀\nselect '😀', nosuch;\ncommit;");
    expect(report).toMatchObject({ script: "deploy.sql", line: 3, column: 13, sourceLine: "select '😀', nosuch;" });
    expect(error?.message).toBe('execution failed: ERROR: column "nosuch" does not exist (SQLSTATE 42703)');
  });

  it("[XC-17] name the place in a tail statement", async () => {
    const { report } = await run("commit;\n\n  select 1; select nosuch;");
    expect(report).toMatchObject({ script: "deploy.sql", line: 3, column: 20, executionMode: "psql" });
  });

  it("[XC-18] keep the server's detail, hint and context", async () => {
    const { report } = await run(
      "do $$ begin raise exception 'no' using detail = 'because', hint = 'try', errcode = 'P0042'; end $$;",
    );
    expect(report).toMatchObject({ detail: "because", hint: "try", sqlstate: "P0042" });
    expect(report.where).toContain("inline_code_block line 1 at RAISE");
  });

  it("[BX-18] count only units that stay", async () => {
    const { report } = await run("begin; commit; begin; create table bx18(a int); rollback; select 1; select 1/0;");
    expect(report).toMatchObject({ executionUnits: 6, unitsCompleted: 5, unitsCommitted: 2 });
    expect(await exists("bx18")).toBe(false);
  });

  it("[BX-19] a script that ends inside a transaction fails, is rolled back, and gives the lock back", async () => {
    const { error, report } = await run("begin; create table bx19(a int);");
    expect(error?.code).toBe("DEPLOY_TRANSACTION_OPEN");
    expect(report).toMatchObject({ exitCode: 13, unitsCommitted: 0 });
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await exists("bx19")).toBe(false);
    expect((await run("select 1;")).error).toBeUndefined();
  });

  it("[XC-09] a lock of the head's transaction is gone in the tail", async () => {
    const script = `begin; select pg_advisory_xact_lock(4711); commit;
      do $$ begin assert not exists (select from pg_locks where locktype = 'advisory' and objid = 4711 and pid = pg_backend_pid()); end $$;`;
    expect((await run(script)).error).toBeUndefined();
  });

  it("a statement that commits by itself and then fails is not called rolled back as before", async () => {
    const { error } = await run("do $$ begin create table residue(a int); commit; raise exception 'late'; end $$;");
    expect(await exists("residue")).toBe(true);
    expect(error?.parts.state).toBe("rolled back; what the statement committed by itself stays");
  });

  it("an index that could not be built concurrently is announced as possibly left behind", async () => {
    await run("create table dup(a int); insert into dup values (1), (1);");
    const { error } = await run("commit; create unique index concurrently dup_i on dup(a);");
    expect(error?.parts.state).toBe(
      "committed up to unit 1 of 2; unit 2 was rolled back; an index that it was building may be left invalid",
    );
  });
});
