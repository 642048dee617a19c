/** The interface that a deploy.sql sees, on every supported major: its views, types and functions, to the column. */
import { describe, expect, it } from "vitest";
import { readMarkers } from "../../../../src/deploy/session/markers.ts";
import { availableMajors, sharedCluster } from "../../../support/cluster.ts";
import { column, fileOf, prepared, projectOf } from "./fixture.ts";

const VIEWS: Record<string, string> = {
  pgmi_source_view:
    "path text, name text, directory text, extension text, depth integer, content text, size_bytes bigint, checksum text, pgmi_checksum text, path_parts text[], is_sql_file boolean, is_test_file boolean, parent_folder_name text",
  pgmi_parameter_view: "key text, value text, type text, required boolean, default_value text, description text",
  pgmi_plan_view:
    "path text, content text, checksum text, generic_id uuid, id uuid, idempotent boolean, description text, sort_key text, execution_order bigint",
  pgmi_source_metadata_view: "path text, id uuid, idempotent boolean, sort_keys text[], description text",
  pgmi_test_source_view: "path text, directory text, filename text, content text, is_fixture boolean",
  pgmi_test_directory_view: "path text, parent_path text, depth integer",
};

const FUNCTIONS = [
  "pgmi_has_tests(p_directory text, p_pattern text DEFAULT NULL::text) boolean s",
  "pgmi_is_sql_file(filename text) boolean i",
  "pgmi_persist_test_plan(target_schema text, p_pattern text DEFAULT NULL::text) void v",
  "pgmi_register_file(in_path text, in_content text, in_checksum text, in_pgmi_checksum text) _pgmi_source v",
  "pgmi_run_test_source(p_path text) void v",
  "pgmi_test_callback(e pgmi_test_event) void v",
  "pgmi_test_generate(p_pattern text DEFAULT NULL::text, p_callback text DEFAULT 'pg_temp.pgmi_test_callback'::text) text v",
  "pgmi_test_plan(p_pattern text DEFAULT NULL::text) TABLE(ordinal integer, step_type text, script_path text, directory text, depth integer) s",
  "pgmi_validate_pattern(p_pattern text) text i",
];

const COLUMNS = `
  select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
    from pg_catalog.pg_attribute as a
   where a.attnum > 0 and not a.attisdropped`;

describe.each(availableMajors())("the session API on PostgreSQL %i", (major) => {
  it("[SA-01] makes every object in pg_temp and nothing that outlives the session", async () => {
    const cluster = await sharedCluster(major);
    const database = await cluster.createDatabase();
    const count = "select count(*)::int as n from pg_class where relnamespace in ('public'::regnamespace)";
    const before = await cluster.sql(count, { database });
    await using run = await prepared(cluster, { database, project: projectOf({ "./a.sql": "select 1" }) });
    expect(
      await column(
        run.session,
        "select count(*) from pg_class where relnamespace = pg_my_temp_schema() and relname ~ '^pgmi_.*view$'",
      ),
    ).toEqual(["6"]);
    expect(await cluster.sql(count, { database })).toEqual(before);
  });

  it.each(Object.entries(VIEWS))(
    "[SA-02] %s has exactly its columns, and so has the table under it",
    async (view, columns) => {
      await using run = await prepared(await sharedCluster(major));
      expect(await column(run.session, `${COLUMNS} and a.attrelid = 'pg_temp.${view}'::regclass`)).toEqual([columns]);
      if (view === "pgmi_plan_view") return;
      const table = `_${view.replace(/_view$/, "")}`;
      expect(await column(run.session, `${COLUMNS} and a.attrelid = 'pg_temp.${table}'::regclass`)).toEqual([columns]);
    },
  );

  it("[SA-03] has the functions with their arguments, results and volatility", async () => {
    await using run = await prepared(await sharedCluster(major));
    // Types of the temporary schema print without it once it is in the path.
    await run.session.script("set search_path = pg_temp, public");
    const found = await column(
      run.session,
      `select p.proname || '(' || pg_get_function_arguments(p.oid) || ') ' || pg_get_function_result(p.oid) || ' ' || p.provolatile::text
         from pg_proc as p
        where p.pronamespace = pg_my_temp_schema() and p.proname like 'pgmi%'
        order by p.proname collate "C"`,
    );
    expect(found.map((line) => line?.replaceAll(/(?<!')pg_temp(_\d+)?\./g, ""))).toEqual(FUNCTIONS);
  });

  it("[SA-04] has the event type with its six attributes", async () => {
    await using run = await prepared(await sharedCluster(major));
    const type = "(select typrelid from pg_type where oid = 'pg_temp.pgmi_test_event'::regtype)";
    expect(await column(run.session, `${COLUMNS} and a.attrelid = ${type}`)).toEqual([
      "event text, path text, directory text, depth integer, ordinal integer, context jsonb",
    ]);
  });

  it("[SA-21] prepares in three round trips without a notice, an open transaction or a setting left behind", async () => {
    const cluster = await sharedCluster(major);
    const database = await cluster.createDatabase();
    const settings =
      "select name, setting from pg_settings where name <> 'search_path' and name not like 'plpgsql.%' order by name";
    await cluster.sql(`alter database ${database} set search_path = public, pg_catalog`);
    const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`./f/${i}.sql`, `select ${i}; select 2;`]));
    const { connectTo } = await import("./fixture.ts");
    const { prepareSession } = await import("../../../../src/deploy/session/prepare.ts");
    const { session, notices } = await connectTo(cluster, { database });
    await using _closed = session;
    const before = await session.query(settings);
    const trips = session.roundTrips;
    await prepareSession(session, {
      project: projectOf({ ...files, "./__test__/t.sql": "select 1" }),
      parameters: [{ key: "a", value: "b" }],
      macros: [{ pattern: undefined, callback: undefined }],
      verbose: false,
      instrument: true,
    });
    expect(session.roundTrips - trips).toBeLessThanOrEqual(3);
    expect(notices).toEqual([]);
    expect(session.transactionStatus()).toBe("idle");
    expect(await column(session, "show search_path")).toEqual(["public, pg_catalog"]);
    const changed = (await session.query(settings)).filter(
      ({ name, setting }) => before.find((row) => row.name === name)?.setting !== setting,
    );
    expect(changed.map(({ name }) => name).filter((name) => name !== "log_parameter_max_length")).toEqual([]);
  });

  it("[SA-05] derives name, directory, extension, depth and parts of a path as pgmi_register_file does", async () => {
    const paths = [
      "./a.SQL",
      "./notes.txt~",
      "./trail.",
      "./Makefile",
      "./x/y/b.tar.gz",
      "./x/é ü/c.pgsql",
      "./x/.hidden/d.sql2",
      "./pgmi.yaml",
      "./x/a'b\"c{d},e.sql",
      "./tab\there.sql",
      "./x/plpgsql",
      "./x/NULL/e.PlPgSql",
    ];
    await using run = await prepared(await sharedCluster(major), {
      project: projectOf(Object.fromEntries(paths.map((path) => [path, `-- ${path}\nselect 'é\\n\t';`]))),
    });
    await run.session.script("create temporary table loaded as select * from pg_temp.pgmi_source_view");
    await run.session.script("delete from pg_temp._pgmi_source_metadata; delete from pg_temp._pgmi_source");
    await run.session.script(
      "select pg_temp.pgmi_register_file(path, content, checksum, pgmi_checksum) from pg_temp.loaded",
    );
    expect(await column(run.session, "select count(*) from pg_temp.pgmi_source_view")).toEqual([String(paths.length)]);
    const differences = `
      select l.path from pg_temp.loaded as l full join pg_temp.pgmi_source_view as r on l.path = r.path
       where l is distinct from r`;
    expect(await run.session.query(differences)).toEqual([]);
    expect(
      await column(
        run.session,
        "select extension from pg_temp.loaded where path in ('./a.SQL', './notes.txt~', './trail.', './Makefile', './x/y/b.tar.gz') order by path collate \"C\"",
      ),
    ).toEqual(["", ".SQL", "", "", ".gz"]);
  });

  it("[SA-16] pgmi_register_file takes paths in any spelling and refuses what the constraints refuse", async () => {
    await using run = await prepared(await sharedCluster(major));
    const register = (path: string) =>
      run.session.query(
        "select (pg_temp.pgmi_register_file($1, 'select ''é''', repeat('A', 64), repeat('b', 32))).path",
        [path],
      );
    expect(await register("  a\\b//c.sql ")).toEqual([{ path: "./a/b/c.sql" }]);
    expect(await register("///d.sql")).toEqual([{ path: "./d.sql" }]);
    expect(await register("././e.sql")).toEqual([{ path: "./e.sql" }]);
    for (const refused of ["a/__test__/x.sql", "", "   ", "./x/", "d.sql"]) {
      await expect(register(refused)).rejects.toMatchObject({ sqlstate: expect.stringMatching(/^23/) });
    }
    await expect(
      run.session.query("select pg_temp.pgmi_register_file('x.sql', 'x', 'short', repeat('b', 64))"),
    ).rejects.toMatchObject({ sqlstate: "23514" });
  });

  it("[SA-18] rows registered later appear in source and plan", async () => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf({ "./b.sql": "select 2" }) });
    await run.session.script(
      "select pg_temp.pgmi_register_file('a.sql', 'select 1', repeat('a', 64), repeat('b', 64))",
    );
    expect(await column(run.session, "select path from pg_temp.pgmi_plan_view order by execution_order")).toEqual([
      "./a.sql",
      "./b.sql",
    ]);
    expect(await column(run.session, "select path from pg_temp.pgmi_source_view order by path")).toEqual([
      "./a.sql",
      "./b.sql",
    ]);
  });

  it("[SA-08] [SA-09] the plan has one row per sort key, by bytes of key and path, with the normalized checksum", async () => {
    const meta = (sortKeys: string[]) => ({
      id: "6f1c1d2e-0000-4000-8000-00000000000a",
      idempotent: false,
      description: " d\n",
      sortKeys,
    });
    const files = [
      fileOf("./z.sql", "z", meta(["b", "B", "_", "é", "0/1"])),
      fileOf("./a.sql", "a"),
      fileOf("./readme.md", "text"),
      fileOf("./k.sql", "k", { ...meta(["b"]), id: "6f1c1d2e-0000-4000-8000-00000000000b" }),
    ];
    await using run = await prepared(await sharedCluster(major), { project: projectOf(files) });
    const rows = await run.session.query(
      "select sort_key, path, execution_order, idempotent, description, id is null as no_id, checksum from pg_temp.pgmi_plan_view order by execution_order",
    );
    expect(rows.map(({ sort_key, path }) => `${sort_key} ${path}`)).toEqual([
      "./a.sql ./a.sql",
      "./readme.md ./readme.md",
      "0/1 ./z.sql",
      "B ./z.sql",
      "_ ./z.sql",
      "b ./k.sql",
      "b ./z.sql",
      "é ./z.sql",
    ]);
    expect(rows.map(({ execution_order }) => Number(execution_order))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(rows[0]).toMatchObject({
      idempotent: "t",
      description: "",
      no_id: "t",
      checksum:
        files[0]?.normalizedChecksum === undefined
          ? ""
          : files.find(({ path }) => path === "./a.sql")?.normalizedChecksum,
    });
    expect(rows[3]).toMatchObject({ idempotent: "f", description: " d\n", no_id: "f" });
  });

  it("[SA-25] the fallback id is the MD5 of the path's UTF-8 bytes, also in a LATIN1 database", async () => {
    const cluster = await sharedCluster(major);
    const database = await cluster.createDatabase(
      undefined,
      "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
    );
    const project = projectOf({ "./é/ü.sql": "select 'é';\nselect 'ß';" });
    const id = "select generic_id from pg_temp.pgmi_plan_view";
    await using utf8 = await prepared(cluster, { project });
    await using latin1 = await prepared(cluster, { project, database });
    const { createHash } = await import("node:crypto");
    const expected = createHash("md5").update("./é/ü.sql").digest("hex");
    expect((await column(utf8.session, id))[0]?.replaceAll("-", "")).toBe(expected);
    expect(await column(latin1.session, id)).toEqual(await column(utf8.session, id));
    expect(await column(latin1.session, "select content from pg_temp.pgmi_source_view")).toEqual([
      "select 'é';\nselect 'ß';",
    ]);
    expect(await column(latin1.session, "select size_bytes from pg_temp.pgmi_source_view")).toEqual(["25"]);
  });

  it("[SA-12] [PM-08] parameters are rows and session variables that survive a rollback", async () => {
    const value = "a'b\\c\nd\te é \\N 'x' {1,2}";
    await using run = await prepared(await sharedCluster(major), {
      parameters: [
        { key: "apiversion", value: "1" },
        { key: "secret", value },
        { key: "empty", value: "" },
        { key: "apiversion", value: "2" },
      ],
    });
    expect(await run.session.query("select * from pg_temp.pgmi_parameter_view order by key")).toEqual([
      { key: "apiversion", value: "2", type: "text", required: "f", default_value: null, description: null },
      { key: "empty", value: "", type: "text", required: "f", default_value: null, description: null },
      { key: "secret", value, type: "text", required: "f", default_value: null, description: null },
    ]);
    await run.session.script("begin; rollback");
    expect(await column(run.session, "select current_setting('pgmi.secret')")).toEqual([value]);
    expect(await column(run.session, "select current_setting('pgmi.apiVersion')")).toEqual(["2"]);
    expect(await column(run.session, "select current_setting('pgmi.absent', true)")).toEqual([null]);
  });

  it("[SA-19] everything stays usable after SET ROLE to a role without rights", async () => {
    const cluster = await sharedCluster(major);
    await cluster.sql("drop role if exists plain_reader; create role plain_reader");
    await cluster.sql("alter default privileges revoke execute on functions from public");
    try {
      await using run = await prepared(cluster, {
        project: projectOf({ "./a.sql": "select 1; select 2", "./__test__/t.sql": "select 1; select 2" }),
        parameters: [{ key: "a", value: "b" }],
      });
      await run.session.script("set role plain_reader");
      for (const view of Object.keys(VIEWS)) await run.session.query(`select * from pg_temp.${view}`);
      await run.session.script(
        "select pg_temp.pgmi_test_plan(); select pg_temp.pgmi_run_test_source('./__test__/t.sql')",
      );
      await run.session.script(
        "do $$ begin execute pg_temp._pgkeep_run('select 1; select 2'); if pg_temp._pgkeep_done() then end if; end $$",
      );
      expect(await column(run.session, "select pg_temp.pgmi_has_tests('./__test__/')")).toEqual(["t"]);
      expect(run.notices.flatMap(readMarkers).map(({ type }) => type)).toEqual([
        "test_start",
        "test_end",
        "file_start",
        "file_end",
      ]);
      await expect(run.session.query("insert into pg_temp._pgmi_parameter (key) values ('x')")).rejects.toMatchObject({
        sqlstate: "42501",
      });
    } finally {
      await cluster.sql("alter default privileges grant execute on functions to public");
    }
  });
});
