/** What must not happen while a session is prepared: leaks, hijacks, waiting, half-done work. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Project } from "../../../../src/deploy/project/project.ts";
import { instrumentationEdits } from "../../../../src/deploy/script/instrument.ts";
import { SourceMap } from "../../../../src/deploy/script/source-map.ts";
import { flushMarkers, readMarkers } from "../../../../src/deploy/session/markers.ts";
import { prepareSession } from "../../../../src/deploy/session/prepare.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { hasMajor, sharedCluster, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { failureOf } from "../../../support/project.ts";
import { column, connectTo, fileOf, prepared, projectOf } from "./fixture.ts";

const CANARY = "canary-7f3e1b'\\secret";

describe("[D-01] secret parameters on a server that logs everything", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    // Debian's server has the statistics module; the packaged ones do too, where their library is present.
    cluster = await startCluster({
      major: hasMajor(15) ? 15 : 18,
      settings: {
        log_statement: "all",
        log_min_duration_statement: "0",
        log_duration: "on",
        log_min_messages: "debug1",
        log_min_error_statement: "debug5",
        debug_print_parse: "off",
        ...(hasMajor(15) ? { shared_preload_libraries: "pg_stat_statements,auto_explain" } : {}),
        ...(hasMajor(15) ? { "pg_stat_statements.track": "all", "auto_explain.log_min_duration": "0" } : {}),
        ...(hasMajor(15) ? { "auto_explain.log_nested_statements": "on", "auto_explain.log_analyze": "on" } : {}),
      },
    });
    await cluster.sql("create role plain login password 'plain'");
    if (hasMajor(15)) await cluster.sql("create extension pg_stat_statements");
  });
  afterAll(() => cluster.stop());

  it.each(["postgres", "plain"])("are in no log line, statistic or activity as %s", async (user) => {
    const password = user === "plain" ? "plain" : undefined;
    const seen: string[] = [];
    const watcher = await connectTo(cluster);
    await using watching = watcher.session;
    let isRunning = true;
    const watch = (async () => {
      while (isRunning) {
        for (const { query } of await watching.query("select query from pg_stat_activity where query is not null"))
          seen.push(query ?? "");
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await using run = await prepared(cluster, {
      user,
      ...(password ? { password } : {}),
      project: projectOf(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`./${i}.sql`, `select ${i}`]))),
      parameters: Array.from({ length: 50 }, (_, i) => ({ key: `secret_${i}`, value: `${CANARY}${i}` })),
    });
    isRunning = false;
    await watch;
    expect(await column(run.session, "select current_setting('pgmi.secret_7')")).toEqual([`${CANARY}7`]);
    const log = readFileSync(cluster.logFile, "utf8");
    expect(log).toContain("copy pg_temp._pgmi_parameter");
    expect(log).not.toContain("canary-7f3e1b");
    expect(seen.join("\n")).not.toContain("canary-7f3e1b");
    if (hasMajor(15)) {
      const statements = await cluster.sql("select query from pg_stat_statements");
      expect(statements.length).toBeGreaterThan(10);
      expect(JSON.stringify(statements)).not.toContain("canary-7f3e1b");
    }
  });

  it("are not quoted by the server when the load is cancelled in the middle", async () => {
    const { session } = await connectTo(cluster);
    await using _closed = session;
    const project = projectOf({ "./a.sql": "select 1" });
    // A value of 40 MB takes the server long enough to be cancelled while it reads.
    const values = Array.from({ length: 40 }, (_, i) => ({
      key: `big_${i}`,
      value: `canary-7f3e1b-early ${"x".repeat(1_000_000)}`,
    }));
    const preparing = prepareSession(session, {
      project,
      parameters: values,
      macros: [],
      verbose: false,
      instrument: true,
    });
    const cancelling = setInterval(() => void session.cancel(), 15);
    await preparing.catch(() => undefined);
    clearInterval(cancelling);
    expect(readFileSync(cluster.logFile, "utf8")).not.toContain("canary-7f3e1b");
  });

  it("come back in no result of the preparation", async () => {
    await using run = await prepared(cluster, { parameters: [{ key: "a", value: CANARY }] });
    expect(JSON.stringify([...run.prepared.facts])).not.toContain("canary");
    expect(run.prepared.facts.get("log_statement")).toBe("all");
    expect(run.prepared.facts.get("log_parameter_max_length")).toBe("0");
  });
});

it("[D-14] what is loaded is closed to other sessions, of superusers too", async () => {
  const cluster = await sharedCluster(18);
  await using run = await prepared(cluster, { parameters: [{ key: "a", value: CANARY }] });
  const [schema] = await column(run.session, "select nspname from pg_namespace where oid = pg_my_temp_schema()");
  await expect(cluster.sql(`select * from ${schema}._pgmi_parameter`)).rejects.toThrow(
    /temporary tables of other sessions/,
  );
  await expect(cluster.sql(`select * from ${schema}.pgmi_parameter_view`)).rejects.toThrow(
    /temporary tables of other sessions/,
  );
  await run.session.close();
  expect(await cluster.sql("select current_setting('pgmi.a', true) as a")).toEqual([{ a: null }]);
});

describe("[D-05] a database whose owner set traps", () => {
  const TRAPPED_FUNCTIONS = [
    "set_config(text, text, boolean)",
    "current_setting(text)",
    "current_setting(text, boolean)",
    "md5(text)",
    "md5(bytea)",
    "count(anyelement)",
    "min(text)",
    "octet_length(text)",
    "convert_to(text, name)",
    "hashtext(text)",
    "setval(regclass, bigint)",
    "concat(text, text)",
    "concat_ws(text, text, text)",
    "format(text, text)",
    "length(text)",
    "strpos(text, text)",
    "btrim(text)",
    "substring(text, text)",
    "coalesce_(text)",
    "replace(text, text, text)",
    "regexp_replace(text, text, text, text)",
    "cardinality(text[])",
    "clock_timestamp()",
    "date_part(text, timestamptz)",
    "to_regclass(text)",
    "string_to_array(text, text)",
    "row_number()",
    "pg_sequence_last_value(regclass)",
    "current_database()",
    "pg_try_advisory_lock(bigint)",
    "hashtextextended(text, bigint)",
  ];
  const OPERATORS = ["=", "||", "~", "~*", "!~", "+", "-", "%", "<>", ">", "*", "&"];
  const VIEWS = [
    "pg_settings",
    "pg_stat_ssl",
    "pg_class",
    "pg_proc",
    "pg_namespace",
    "pg_type",
    "pg_stat_activity",
    "pg_locks",
    "pg_database",
    "pgmi_plan_view",
    "_pgmi_source",
  ];

  it("springs none of them, before, during and after the script", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    const sql = (text: string) => cluster.sql(text, { database });
    await sql("create schema hostile; create table hostile.sprung (what text)");
    const body = (what: string) =>
      `language plpgsql as $t$ begin insert into hostile.sprung values ('${what.replaceAll("'", "")}'); return null; end $t$`;
    for (const signature of TRAPPED_FUNCTIONS) {
      const result = signature.includes("anyelement") || signature.includes("(anyarray") ? "bigint" : "text";
      await sql(`create function hostile.${signature} returns ${result} ${body(signature)}`);
    }
    await sql(
      `create function hostile.op_text(pg_catalog.text, pg_catalog.text) returns boolean ${body("text operator")}`,
    );
    await sql(
      `create function hostile.op_int(pg_catalog.int8, pg_catalog.int8) returns bigint ${body("bigint operator")}`,
    );
    await sql(
      `create function hostile.op_int4(pg_catalog.int4, pg_catalog.int4) returns bigint ${body("int operator")}`,
    );
    for (const operator of OPERATORS) {
      await sql(
        `create operator hostile.${operator} (leftarg = pg_catalog.text, rightarg = pg_catalog.text, function = hostile.op_text)`,
      );
      await sql(
        `create operator hostile.${operator} (leftarg = pg_catalog.int8, rightarg = pg_catalog.int8, function = hostile.op_int)`,
      );
      await sql(
        `create operator hostile.${operator} (leftarg = pg_catalog.int4, rightarg = pg_catalog.int4, function = hostile.op_int4)`,
      );
    }
    await sql(`create function hostile.spring(what text) returns text ${body("view")}`);
    for (const view of VIEWS) await sql(`create view hostile.${view} as select hostile.spring('${view}') as name`);
    for (const type of ["text", "int4", "uuid", "jsonb", "regclass"])
      await sql(`create domain hostile.${type} as pg_catalog.text check (hostile.spring(value) is null)`);
    await sql(`alter database ${database} set search_path = hostile, pg_catalog, pg_temp`);

    const deploy = `begin;
      do $$ declare x pg_catalog.record; begin
        for x in select p.path, p.content from pg_temp.pgmi_plan_view as p loop execute x.content; end loop;
      end $$;
      CALL pgmi_test('t', 'pg_temp.pgmi_test_callback');
      commit;`;
    const project = projectOf(
      {
        "./a.sql": "select 1; select 2",
        "./b.sql": "select 'b'",
        "./__test__/_setup.sql": "select 1; select 2",
        "./__test__/t.sql": "select 1; select 2",
      },
      deploy,
    );
    await using run = await prepared(cluster, { database, project, parameters: [{ key: "a", value: "b" }] });
    expect(await column(run.session, "show search_path")).toEqual(["hostile, pg_catalog, pg_temp"]);
    const macro = deploy.indexOf("CALL");
    const edits = [
      ...instrumentationEdits(deploy),
      {
        start: macro,
        end: deploy.indexOf(";", macro) + 1,
        replacement: run.prepared.expansions[0]?.text ?? "",
        kind: "macro" as const,
      },
    ];
    await run.session.script(new SourceMap(deploy, edits).text);
    await run.session.script(`
      select pg_temp.pgmi_register_file('c.sql'::pg_catalog.text, 'x'::pg_catalog.text, pg_catalog.repeat('a', 64), pg_catalog.repeat('b', 64));
      select pg_temp.pgmi_is_sql_file('a.sql'::pg_catalog.text);
      select pg_temp.pgmi_validate_pattern('a'::pg_catalog.text);
      select pg_temp.pgmi_has_tests('./__test__/'::pg_catalog.text, 't'::pg_catalog.text);
      select pg_temp.pgmi_test_plan('t'::pg_catalog.text);
      select pg_temp.pgmi_test_generate();
      select pg_temp.pgmi_persist_test_plan('hostile'::pg_catalog.text);
      select * from pg_temp.pgmi_plan_view; select * from pg_temp.pgmi_source_view;
    `);
    expect(await sql("select distinct what from hostile.sprung")).toEqual([]);
    await flushMarkers(run.session);
    expect(run.notices.flatMap(readMarkers)).toHaveLength(8);
    // The traps do work: unqualified statements spring them.
    await run.session.script("select 'a'::pg_catalog.text || 'b'::pg_catalog.text");
    expect(await sql("select distinct what from hostile.sprung")).toEqual([{ what: "text operator" }]);
  });
});

describe("settings of a role or database", () => {
  it.each([
    "standard_conforming_strings = off",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "statement_timeout = '2s'",
    "plpgsql.extra_warnings = 'all'",
    "plpgsql.extra_errors = 'all'",
    "plpgsql.variable_conflict = 'use_column'",
    "client_min_messages = 'debug1'",
    "backslash_quote = off",
    "escape_string_warning = on",
    "transform_null_equals = on",
    "array_nulls = off",
    "bytea_output = 'escape'",
    "datestyle = 'SQL, DMY'",
    "extra_float_digits = -15",
    "quote_all_identifiers = on",
    "check_function_bodies = on",
    "row_security = off",
    "temp_tablespaces = 'nowhere'",
    "default_tablespace = ''",
    "jit_above_cost = 0",
    "synchronize_seqscans = off",
    "enable_indexscan = off",
    "session_replication_role = 'replica'",
  ])("%s: preparation and tests work, and nothing of ours is said", async (setting) => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    await cluster.sql(`alter database ${database} set ${setting}`);
    await using run = await prepared(cluster, {
      database,
      project: projectOf(
        { "./a.sql": "select 1", "./__test__/t.sql": "select 'a\\b'; select 2" },
        "BEGIN; CALL pgmi_test('\\.sql$'); COMMIT",
      ),
      parameters: [{ key: "a", value: "b" }],
    });
    const said = run.notices.filter(({ severity }) => severity !== "DEBUG");
    expect(said).toEqual([]);
    expect(run.prepared.expansions[0]?.tests).toBe(1);
    const name = setting.split(" ")[0];
    const [expected] = await cluster.sql(`select current_setting('${name}') as value`, { database });
    expect(await column(run.session, `select current_setting('${name}')`)).toEqual([expected.value]);
    await run.session.script("begin; set transaction read write");
    await run.session.script("select pg_temp.pgmi_run_test_source('./__test__/t.sql')");
    await run.session.script(
      "select pg_temp.pgmi_register_file('x\\\\y.sql', 'c', repeat('a', 64), repeat('b', 64)); select pg_temp.pgmi_test_generate(); rollback",
    );
  });
});

describe("[SA-22] the deploy lock", () => {
  it("is that of the reference, is taken once, and names its holder", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    await using first = await prepared(cluster, { database });
    const keys = await cluster.sql(
      "select pg_try_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0)) as free",
      { database },
    );
    expect(keys).toEqual([{ free: false }]);
    const failure = await failureOf(() => prepared(cluster, { database }));
    expect(failure).toMatchObject({ code: "DEPLOY_LOCKED", exit: 15 });
    expect(failure.message).toContain(database);
    expect(failure.parts.detail).toContain(`process ${first.session.processId}`);
    expect(failure.parts.detail).toContain("looks like a deploy");
    await using _other = await prepared(cluster, { database: await cluster.createDatabase() });
  });

  it("[D-09] held by something that is no deploy is said so, also to a role without rights", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    await cluster.sql(
      "drop role if exists squatter; create role squatter login password 'x'; drop role if exists deployer; create role deployer login password 'x'",
    );
    const { session: squatter } = await connectTo(cluster, { database, user: "squatter", password: "x" });
    await using _closed = squatter;
    await squatter.script(
      "set application_name = 'crontab'; select pg_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0))",
    );
    const failure = await failureOf(() => prepared(cluster, { database, user: "deployer", password: "x" }));
    expect(failure.parts.detail).toContain(`process ${squatter.processId}, role "squatter", application "crontab"`);
    expect(failure.parts.detail).toContain("does not look like a deploy");
  });

  it("leaves nothing behind in the session when it is not obtained", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    await using _first = await prepared(cluster, { database });
    const { session } = await connectTo(cluster, { database });
    await using _closed = session;
    const trips = session.roundTrips;
    await failureOf(() =>
      prepareSession(session, { project: projectOf({}), parameters: [], macros: [], verbose: false, instrument: true }),
    );
    expect(session.roundTrips - trips).toBe(2);
    expect(session.transactionStatus()).toBe("idle");
    expect(await column(session, "select pg_my_temp_schema()")).toEqual(["0"]);
  });
});

describe("a session that was prepared before", () => {
  it("is prepared anew, without a notice", async () => {
    await using run = await prepared(await sharedCluster(18), {
      project: projectOf({ "./a.sql": "select 1", "./__test__/a.sql": "select 1" }),
    });
    await run.session.script("create temporary table mine (a int)");
    await prepareSession(run.session, {
      project: projectOf({ "./b.sql": "select 2" }),
      parameters: [],
      macros: [],
      verbose: false,
      instrument: true,
    });
    expect(await column(run.session, "select path from pg_temp.pgmi_source_view")).toEqual(["./b.sql"]);
    expect(await column(run.session, "select count(*) from pg_temp.pgmi_test_source_view")).toEqual(["0"]);
    expect(await column(run.session, "select count(*) from mine")).toEqual(["0"]);
    expect(run.notices).toEqual([]);
  });
});

describe("a preparation that cannot succeed", () => {
  it("names the missing right to make temporary tables", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase();
    await cluster.sql(
      `drop role if exists no_temp; create role no_temp login password 'x'; revoke temporary on database ${database} from public`,
    );
    const failure = await failureOf(() => prepared(cluster, { database, user: "no_temp", password: "x" }));
    expect(failure).toMatchObject({ code: "DEPLOY_PREPARATION_FAILED", exit: 13 });
    expect(failure.parts.hint).toBe(`Run: grant temporary on database "${database}" to "no_temp";`);
  });

  it("names the file that the database's encoding cannot hold", async () => {
    const cluster = await sharedCluster(18);
    const database = await cluster.createDatabase(
      undefined,
      "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
    );
    const project = projectOf({ "./__test__/a.sql": "select 1", "./a.sql": "select 1", "./b.sql": "select '€'" });
    const failure = await failureOf(() => prepared(cluster, { database, project }));
    expect(failure).toMatchObject({ code: "DEPLOY_PREPARATION_FAILED", parts: { file: "./b.sql", sqlstate: "22P05" } });
  });

  it("refuses servers that are too old before sending anything", async () => {
    const session = { serverVersion: 100_023 } as Parameters<typeof prepareSession>[0];
    const failure = await failureOf(() =>
      prepareSession(session, { project: projectOf({}), parameters: [], macros: [], verbose: false, instrument: true }),
    );
    expect(failure).toMatchObject({ code: "DEPLOY_SERVER_TOO_OLD", exit: 10 });
    expect(failure.message).toContain("PostgreSQL 10");
  });
});

it("--verbose shows RAISE DEBUG of the project, and nothing of the preparation", async () => {
  await using run = await prepared(await sharedCluster(18), {
    verbose: true,
    project: projectOf({ "./a.sql": "select 1" }),
  });
  const before = run.said();
  await run.session.script("do $$ begin raise debug 'seen'; end $$");
  expect(run.said()).toContain("seen");
  expect(before).toEqual([]);
});

describe("large projects", () => {
  const ofFiles = (count: number) =>
    projectOf(
      Array.from({ length: count }, (_, i) =>
        fileOf(`./f/${i}.sql`, `create table t${i} (a int);\ncomment on table t${i} is 'x';\n`),
      ),
    );
  const prepareOn = (session: Session, project: Project) =>
    prepareSession(session, { project, parameters: [], macros: [], verbose: false, instrument: true });

  it("of 3,000 files are prepared in as many round trips as others", async () => {
    const cluster = await sharedCluster(18);
    const trips: number[] = [];
    for (const count of [1, 3_000]) {
      const { session } = await connectTo(cluster, { database: await cluster.createDatabase() });
      await using _closed = session;
      const before = session.roundTrips;
      await prepareOn(session, ofFiles(count));
      trips.push(session.roundTrips - before);
      expect(await column(session, "select count(*) from pg_temp.pgmi_plan_view")).toEqual([String(count)]);
    }
    expect(trips).toEqual([1, 1]);
  });

  it("are prepared in proportion to the number of their files", async () => {
    const cluster = await sharedCluster(18);
    const work = async (project: Project) => {
      const { session } = await connectTo(cluster);
      await using _closed = session;
      await prepareOn(session, project);
    };
    await expectLinearTime({ input: ofFiles, work, worker: "server", smallest: 20_000, largest: 20_000 });
  });

  it("of 50 MB are streamed: memory grows by less than the project's size again", async () => {
    const content = `select '${"x".repeat(9_999_000)}';`;
    const project = projectOf(Array.from({ length: 5 }, (_, i) => fileOf(`./big/${i}.sql`, `${content} -- ${i}`)));
    const cluster = await sharedCluster(18);
    const { session } = await connectTo(cluster);
    await using _closed = session;
    const before = process.memoryUsage().rss;
    let peak = before;
    const sampling = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 5);
    await prepareSession(session, { project, parameters: [], macros: [], verbose: false, instrument: true });
    clearInterval(sampling);
    expect(await column(session, "select sum(size_bytes) from pg_temp.pgmi_source_view")).toEqual([
      String(project.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    ]);
    expect((peak - before) / 1_048_576).toBeLessThan(120);
  });
});
