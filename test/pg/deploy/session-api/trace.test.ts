/** Files that a deploy.sql runs by EXECUTE: announced, timed and located, without any change of what they do. */
import { describe, expect, it } from "vitest";
import { instrumentationEdits } from "../../../../src/deploy/script/instrument.ts";
import { SourceMap } from "../../../../src/deploy/script/source-map.ts";
import {
  type FailureLocation,
  flushMarkers,
  locateFailure,
  readMarkers,
} from "../../../../src/deploy/session/markers.ts";
import { ServerError, type Session } from "../../../../src/pg/session.ts";
import { availableMajors, sharedCluster } from "../../../support/cluster.ts";
import { prepared, projectOf } from "./fixture.ts";

const instrumented = (script: string) => new SourceMap(script, instrumentationEdits(script)).text;

const RUN_ALL = `do $$
declare x record;
begin
  for x in select * from pg_temp.pgmi_plan_view order by execution_order loop
    execute x.content;
  end loop;
end $$;`;

const RUN_ALL_NAMED = RUN_ALL.replace(
  "execute x.content;",
  `begin
      execute x.content;
    exception when others then
      raise exception 'Failed in %: %', x.path, sqlerrm using errcode = sqlstate;
    end;`,
);

/** What a script says and where it ends: its own notices, the error, and what is in table `trail`. */
async function behaviour(session: Session, script: string, said: () => string[]) {
  await session.script("create temporary table trail (n int)");
  let error: unknown;
  try {
    await session.script(script);
  } catch (failure) {
    const { message, sqlstate, detail } = failure as ServerError;
    error = { message, sqlstate, detail };
    if (session.transactionStatus() !== "idle") await session.script("rollback");
  }
  const trail = await session.query("select n from trail order by ctid");
  return { error, said: said(), trail: trail.map(({ n }) => n) };
}

const SAME: Record<string, string> = {
  "runs all files": RUN_ALL,
  "runs all files in a transaction that is rolled back": `begin; ${RUN_ALL} rollback;`,
  "keeps FOUND": `do $$ begin perform 1 where false; execute 'select 1; select 2'; raise notice '%', found; perform 1; execute (select content from pg_temp.pgmi_source_view limit 1); raise notice '%', found; end $$;`,
  "keeps ROW_COUNT": `do $$ declare n int; x text; begin
     select content into x from pg_temp.pgmi_source_view where path = './counts.sql';
     execute x; get diagnostics n = row_count; raise notice 'rows %', n; end $$;`,
  "keeps INTO of the last statement": `do $$ declare n int; x text; begin
     select content into x from pg_temp.pgmi_source_view where path = './results.sql';
     execute x into strict n; raise notice 'value %', n; end $$;`,
  "keeps USING": `do $$ declare n int; begin execute 'select $1 + $2' into n using 1, 2; raise notice '%', n; end $$;`,
  "keeps the error of a NULL text": `do $$ declare t text; begin execute t; end $$;`,
  "keeps the error of a wrong statement": `do $$ begin execute 'selec 1'; end $$;`,
  "keeps the error of transaction control": `do $$ begin execute 'commit'; end $$;`,
  "takes texts of other types": `do $$ declare v varchar := 'insert into trail values (1)'; j json := '1'; n name := 'select 1'; begin
     execute v; execute n; execute 'insert into trail values (2)'::char(40); begin execute j; exception when syntax_error then raise notice '%', sqlerrm; end; end $$;`,
  "commits inside of DO": `do $$ declare x text; begin
     select content into x from pg_temp.pgmi_source_view where path = './counts.sql';
     execute x; commit; execute x; rollback; execute x; end $$;`,
  "works in a read-only transaction": `begin transaction read only; do $$ declare x text; begin
     select content into x from pg_temp.pgmi_source_view where path = './results.sql'; execute x; end $$; commit;`,
  "works in a serializable transaction": `begin isolation level serializable; ${RUN_ALL} commit;`,
  "works after SET ROLE in the script": `set role pg_monitor; do $$ declare x text; begin
     select content into x from pg_temp.pgmi_source_view where path = './results.sql'; execute x; end $$; reset role;`,
  "works under a statement_timeout": `set statement_timeout = '20s'; ${RUN_ALL}`,
  "works in functions of pg_temp": `create function pg_temp.run(p text) returns int language plpgsql stable as $f$
     declare n int; begin execute (select content from pg_temp.pgmi_source_view where path = p) into n; return n; end $f$;
     do $$ begin raise notice '%', pg_temp.run('./results.sql'); end $$;`,
  "works under a path that hides pg_catalog": `set search_path = hostile, pg_catalog; ${RUN_ALL}`,
  "survives DISCARD SEQUENCES in a file": `do $$ begin execute 'discard sequences; select 1'; execute (select content from pg_temp.pgmi_source_view where path = './results.sql'); end $$;`,
  "survives errors that the script swallows": `do $$ begin
     begin execute 'select 1; select 1/0'; exception when division_by_zero then raise notice 'caught'; end;
     execute (select content from pg_temp.pgmi_source_view where path = './counts.sql'); end $$;`,
};

const FILES = {
  "./counts.sql": "insert into trail values (1);\n-- three rows; really\ninsert into trail values (2), (3), (4);",
  "./results.sql": "select 1; select 2;\n/* ; */ select 42;",
  "./settings.sql": "set local work_mem = '1MB'; set role pg_monitor; select 1; reset role; select 'é;😀';",
  "./single.sql": "insert into trail values (9)",
  "./comment.sql": "-- nothing",
  "./do.sql":
    "do $x$ begin insert into trail values (10); end $x$;\ncreate temporary table made as select 1 as a;\ndrop table made;",
};

describe.each(availableMajors())("instrumentation on PostgreSQL %i", (major) => {
  it.each(Object.entries(SAME))("%s as without it", async (_name, script) => {
    const cluster = await sharedCluster(major);
    const project = projectOf(FILES);
    const results = [];
    for (const text of [script, instrumented(script)]) {
      await using run = await prepared(cluster, { project, instrument: text !== script });
      results.push(await behaviour(run.session, text, run.said));
      await run.session.script("drop table trail");
    }
    expect(instrumented(script)).not.toBe(script);
    expect(results[1]).toEqual(results[0]);
  });

  it("announces each file with the server's times, also when the project hides all messages", async () => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf(FILES) });
    await run.session.script("create temporary table trail (n int); set client_min_messages = error");
    const begunAt = Date.now();
    await run.session.script(instrumented(RUN_ALL));
    await flushMarkers(run.session);
    const markers = run.notices.flatMap(readMarkers);
    const paths = Object.keys(FILES).sort();
    expect(markers.filter(({ type }) => type === "file_start").map(({ path }) => path)).toEqual(paths);
    expect(markers.map(({ type }) => type)).toEqual(paths.flatMap(() => ["file_start", "file_end"]));
    for (const [index, marker] of markers.entries()) {
      expect(marker.timeMs).toBeGreaterThanOrEqual(markers[index - 1]?.timeMs ?? 0);
      // Servers tell whole milliseconds.
      expect(marker.timeMs).toBeGreaterThanOrEqual(begunAt - 1);
      expect(marker.timeMs).toBeLessThanOrEqual(Date.now() + 1);
      if (marker.type === "file_end") expect(marker.key).toBe(markers[index - 1]?.key);
    }
  });

  const located = async (files: Record<string, string>, script: string): Promise<FailureLocation | undefined> => {
    await using run = await prepared(await sharedCluster(major), { project: projectOf(files) });
    try {
      await run.session.script(instrumented(script));
    } catch (error) {
      if (run.session.transactionStatus() !== "idle") await run.session.script("rollback");
      if (error instanceof ServerError) return await locateFailure(error, run);
      throw error;
    }
    throw new Error("the script was expected to fail");
  };

  const OK = { "./a.sql": "select 1;\nselect 2;" };
  const RUNTIME = "select 1; -- é😀\n\n  select 1/(select 0);\nselect 3;";
  const UNKNOWN = "select 1;\nselect '😀', nowhere;";
  const SYNTAX = "select 1;\nselect 2;\n  selec 3;";
  const BODY = "select 1;\n  do $x$\nbegin\n  perform 1;\n  raise exception 'boom';\nend $x$;";
  const place = (file: string, line: number, column: number) => expect.objectContaining({ file, line, column });

  it.each([
    ["a failing statement", RUNTIME, 3, 3],
    ["an unknown column", UNKNOWN, 2, 13],
    ["a syntax error", SYNTAX, 3, 3],
    ["a RAISE in a DO body", BODY, 5, 3],
    ["the only statement of a file", "\n\n select 1/0", 3, 2],
  ])("locates %s that nobody caught", async (_name, content, line, column) => {
    expect(await located({ ...OK, "./b.sql": content }, RUN_ALL)).toEqual(place("./b.sql", line, column));
    expect(await located({ ...OK, "./b.sql": content }, `begin; ${RUN_ALL} commit;`)).toEqual(
      place("./b.sql", line, column),
    );
  });

  it.each([
    ["a failing statement", RUNTIME, 3, 3],
    ["an unknown column, by its statement", UNKNOWN, 2, 1],
    ["a syntax error", SYNTAX, 3, 3],
    ["a RAISE in a DO body, by its statement", BODY, 2, 3],
    ["the only statement of a file", "\n\n select 1/0", 3, 2],
  ])("locates %s that the project raised again", async (_name, content, line, column) => {
    expect(await located({ ...OK, "./b.sql": content }, RUN_ALL_NAMED)).toEqual(place("./b.sql", line, column));
  });

  it.each([
    ["a failing statement", RUNTIME, 3, 3],
    ["a syntax error", SYNTAX, 3, 3],
    ["a RAISE in a DO body", BODY, 5, 3],
    ["an assertion", "select 1;\ndo $$ begin\n\n assert false; end $$", 4, 2],
  ])("locates %s in a test", async (_name, content, line, column) => {
    const script = "begin; select pg_temp.pgmi_run_test_source('./__test__/b.sql'); commit;";
    expect(await located({ ...OK, "./__test__/b.sql": content }, script)).toEqual(
      place("./__test__/b.sql", line, column),
    );
  });

  it.each([
    ["after RESET ALL", "reset all;", RUNTIME, { line: 3, column: 3 }],
    [
      "of literals by the old rules",
      "set standard_conforming_strings = off;",
      "select 1; select 'a\\'; b'; select 1/0;",
      {},
    ],
  ])("locates a failing statement %s, or says no line", async (_name, before, content, at) => {
    const inFile = await located({ ...OK, "./b.sql": content }, `${before} ${RUN_ALL}`);
    expect(inFile).toMatchObject({ file: "./b.sql", ...at });
    const inTest = await located(
      { "./__test__/c.sql": content },
      `${before} select pg_temp.pgmi_run_test_source('./__test__/c.sql');`,
    );
    expect(inTest).toMatchObject({ file: "./__test__/c.sql", ...at });
    expect("line" in (inFile ?? {}) && "line" in (inTest ?? {})).toBe("line" in at);
  });

  it("locates a failing statement of a file that is too long for the server's report", async () => {
    const filling = `select '${"é".repeat(60_000)}';\n`;
    const files = { "./a.sql": `${filling}select 1;`, "./b.sql": `select 1;\n${filling}\n  select 1/(select 0);` };
    expect(await located(files, RUN_ALL)).toEqual(place("./b.sql", 4, 3));
    const wrong = { ...files, "./b.sql": `select 1;\n${filling}  selec 2;` };
    expect(await located(wrong, RUN_ALL)).toEqual(place("./b.sql", 3, 3));
  });

  it("names the file and no line when the failure came after the file", async () => {
    const script = RUN_ALL_NAMED.replace("execute x.content;", "execute x.content; perform 1/0;");
    expect(await located(OK, script)).toEqual({ file: "./a.sql" });
  });

  it.each([
    [
      "a failure of deploy.sql itself",
      "do $$ begin execute (select content from pg_temp.pgmi_plan_view limit 1); end $$; select 1/0;",
    ],
    [
      "a failure after one that was swallowed",
      "do $$ begin begin execute 'x'; execute (select content from pg_temp.pgmi_plan_view limit 1); exception when others then null; end; raise exception 'later'; end $$;",
    ],
    [
      "a failure of another text",
      "do $$ begin execute (select content from pg_temp.pgmi_plan_view limit 1); execute 'select 1; select 1/0'; end $$;",
    ],
  ])("says nothing about %s", async (_name, script) => {
    expect(await located(OK, script)).toBeUndefined();
  });

  it("names no line when several files have the failing text", async () => {
    const files = { "./a.sql": "select 1;\nselect 1/0;", "./b.sql": "select 1;\nselect 1/0;" };
    expect(await located(files, RUN_ALL)).toBeUndefined();
    expect(await located(files, RUN_ALL_NAMED)).toEqual({ file: "./a.sql" });
  });

  it("names no line in projects whose statements are too many to be told apart", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 501 }, (_, index) => [`./a${index}.sql`, `select ${index}; select 2; select 3`]),
    );
    const files = { ...many, "./b.sql": RUNTIME, "./__test__/c.sql": RUNTIME };
    expect(await located(files, RUN_ALL_NAMED)).toEqual({ file: "./b.sql" });
    expect(await located(files, "select pg_temp.pgmi_run_test_source('./__test__/c.sql')")).toEqual({
      file: "./__test__/c.sql",
    });
    expect(await located({ ...files, "./b.sql": SYNTAX }, RUN_ALL_NAMED)).toEqual(place("./b.sql", 3, 3));
    expect(await located({ ...files, "./b.sql": "\n select 1/0" }, RUN_ALL_NAMED)).toEqual(place("./b.sql", 2, 2));
  });
});
