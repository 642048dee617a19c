/** Where calls are added to a deploy.sql, and where not. */
import { describe, expect, it } from "vitest";
import { instrumentationEdits } from "../../../../src/deploy/script/instrument.ts";
import { SourceMap } from "../../../../src/deploy/script/source-map.ts";

const instrumented = (script: string) => new SourceMap(script, instrumentationEdits(script)).text;
const inDo = (statement: string) => `DO $$ DECLARE x record; BEGIN ${statement} END $$;`;
const DONE = " IF pg_temp._pgkeep_done() THEN END IF;";

describe("an EXECUTE of PL/pgSQL in deploy.sql", () => {
  it.each([
    ["EXECUTE x.content;", `EXECUTE pg_temp._pgkeep_run((x.content));${DONE}`],
    ["execute(x.content);", `execute${"pg_temp._pgkeep_run(((x.content)));"}${DONE}`],
    ["EXECUTE 'select ;' || $q$;$q$;", `EXECUTE pg_temp._pgkeep_run(('select ;' || $q$;$q$));${DONE}`],
    ["EXECUTE a -- why\n;", `EXECUTE pg_temp._pgkeep_run((a)) -- why\n;${DONE}`],
    ["EXECUTE a INTO STRICT b USING c, (d);", `EXECUTE pg_temp._pgkeep_run((a)) INTO STRICT b USING c, (d);${DONE}`],
    ["EXECUTE a USING c INTO b;", `EXECUTE pg_temp._pgkeep_run((a)) USING c INTO b;${DONE}`],
    [
      "EXECUTE (select content into_ from f where x);",
      `EXECUTE pg_temp._pgkeep_run(((select content into_ from f where x)));${DONE}`,
    ],
    [
      "IF a THEN EXECUTE b; ELSE EXECUTE c; END IF;",
      `IF a THEN EXECUTE pg_temp._pgkeep_run((b));${DONE} ELSE EXECUTE pg_temp._pgkeep_run((c));${DONE} END IF;`,
    ],
    ["LOOP EXECUTE b; END LOOP;", `LOOP EXECUTE pg_temp._pgkeep_run((b));${DONE} END LOOP;`],
    ["<<l>> EXECUTE b;", `<<l>> EXECUTE pg_temp._pgkeep_run((b));${DONE}`],
    ["EXECUTE case when a then b else c end;", `EXECUTE pg_temp._pgkeep_run((case when a then b else c end));${DONE}`],
  ])("%s announces its file", (before, after) => {
    expect(instrumented(inDo(before))).toBe(inDo(after));
  });

  it.each([
    "FOR r IN EXECUTE a LOOP NULL; END LOOP;",
    "RETURN QUERY EXECUTE a;",
    "OPEN c FOR EXECUTE a;",
    "GRANT EXECUTE ON FUNCTION f() TO r;",
    "REVOKE EXECUTE ON FUNCTION f() FROM r;",
    "y := case when a then execute else b end;",
    "y := case when a then b else execute end;",
    "-- EXECUTE a;\n",
    "PERFORM '; EXECUTE a;';",
    "EXECUTE ;",
    "EXECUTE a",
    "EXECUTE (a;",
  ])("is left alone: %s", (statement) => {
    expect(instrumented(inDo(statement))).toBe(inDo(statement));
  });

  it("is announced in functions and procedures of pg_temp", () => {
    for (const head of ["CREATE FUNCTION pg_temp.f()", "create or replace procedure pg_temp . p()"]) {
      const script = `${head} LANGUAGE plpgsql AS $f$ BEGIN EXECUTE a; END $f$;`;
      expect(instrumented(script)).toContain("_pgkeep_run((a))");
    }
  });

  it.each([
    "CREATE FUNCTION app.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; END $$;",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; END $$;",
    "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plv8 AS $$ BEGIN; EXECUTE a; $$;",
    "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE 'plpgsql' AS $$ BEGIN EXECUTE a; END $$;",
    "CREATE FUNCTION pg_temp.f(a text DEFAULT $$x$$) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; END $$;",
    "CREATE FUNCTION pg_temp.f() RETURNS void PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; END $$;",
    "DO LANGUAGE plpython3u $$ BEGIN; EXECUTE a; $$;",
    "DO $$ BEGIN; EXECUTE a; $$ LANGUAGE plperl;",
    "DO 'BEGIN EXECUTE a; END';",
    "BEGIN; EXECUTE prepared(1); COMMIT;",
    "DO $$ BEGIN EXECUTE a; END $$; PREPARE TRANSACTION 'x';",
    "DISCARD ALL; DO $$ BEGIN EXECUTE a; END $$;",
    "DO $$ BEGIN EXECUTE 'discard\n temp'; END $$;",
    "DROP OWNED BY CURRENT_USER; DO $$ BEGIN EXECUTE a; END $$;",
    "DO $$ BEGIN EXECUTE a; END",
  ])("is left alone in: %s", (script) => {
    expect(instrumented(script)).toBe(script);
  });

  it("keeps every line where it was", () => {
    const script = "do $$\nbegin\n  execute a\n    into b;\n  execute c;\nend\n$$;\n";
    expect(instrumented(script).split("\n")).toHaveLength(script.split("\n").length);
  });
});
