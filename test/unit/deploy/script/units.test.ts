/** What is sent as one message, and where a position in it was written. */
import { describe, expect, it } from "vitest";
import { placeOf } from "../../../../src/deploy/script/positions.ts";
import { splitScript } from "../../../../src/deploy/script/units.ts";
import { expectLinearTime } from "../../../support/growth.ts";

const texts = (script: string) => splitScript(script).map((unit) => unit.sql().trim());

describe("the head", () => {
  it.each([
    ["[XC-01] a script without terminator is one message", "create table a();\ninsert into a default values;", 1],
    ["[XC-15] an empty script is one message", "", 1],
    ["[XC-15] a script of comments is one message", "-- nothing\n/* ; commit; */", 1],
    ["nothing but comments after the terminator is one message", "begin; select 1; commit; -- done ;\n/* x */", 1],
    ["stray semicolons after the terminator are no statements", "begin; commit; ; ;", 1],
    [
      "[XC-03] the statements after the first terminator are messages of their own",
      "begin; commit; vacuum; select 1",
      3,
    ],
    ["END ends a transaction", "begin; end; select 1;", 2],
    ["ABORT ends a transaction", "begin; abort; select 1;", 2],
    ["ROLLBACK ends a transaction", "begin; rollback work; select 1;", 2],
    ["COMMIT WORK ends a transaction", "begin; Commit\n/* x */ Work; select 1;", 2],
    ["END TRANSACTION ends a transaction", "begin; END transaction; select 1;", 2],
    ["[XC-08] COMMIT AND CHAIN ends a transaction", "begin; commit and chain; select 1;", 2],
    ["COMMIT AND NO CHAIN ends a transaction", "begin; commit and no chain; select 1;", 2],
    [
      "ROLLBACK TO does not",
      "begin; savepoint a; rollback to a; rollback to savepoint a; rollback work to a; select 1;",
      1,
    ],
    ["COMMIT PREPARED does not", "commit prepared 'x'; rollback prepared 'y'; select 1;", 1],
    [
      "a terminator in a string, comment or body is none",
      "select 'x; commit;'; do $$ begin commit; end $$; /* commit; */ select 1",
      1,
    ],
    ["a table called commit is none", "select * from commit; select 1", 1],
    [
      "[XC-11] semicolons in parentheses end nothing",
      "commit; create rule r as on insert to t do (select 1; commit); select 1",
      3,
    ],
    [
      "[XC-12] a BEGIN ATOMIC body is one statement",
      "commit; create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 1",
      3,
    ],
    ["[XC-12] an empty BEGIN ATOMIC body closes itself", "commit; create procedure p() begin atomic end; select 1", 3],
    [
      "[XC-12] END as a label does not close the body",
      "commit; create function f() returns int begin atomic select 1 as end; select t.end from t; end; select 1",
      3,
    ],
    [
      "[XC-26] columns called begin and atomic open no body",
      "commit; select begin, atomic from t; select begin atomic from t; select 1",
      4,
    ],
    [
      "[XC-26] columns of a table made by CREATE open no body",
      "commit; create table t (begin int, atomic int); select 1",
      3,
    ],
    ["[XC-14] the last statement needs no semicolon", "begin; commit; select 1; select 2", 3],
    ["[XC-16] CRLF line ends count as blanks", "begin;\r\ncommit;\r\nselect 1;\r\n", 2],
    ["[BX-21] a dollar inside an identifier opens no literal", "commit; select a$b$c; select 1; select d$b$e", 4],
  ])("%s", (_name, script, count) => {
    expect(splitScript(script)).toHaveLength(count);
  });

  it("reaches to the first terminator, semicolon included", () => {
    expect(texts("begin;\nselect 1;\ncommit ;\nselect 2;\n")).toEqual(["begin;\nselect 1;\ncommit ;", "select 2;"]);
  });
});

describe("a position", () => {
  const script = "begin; commit;\nselect '😀', nowhere;\n  select\n   '😀' x, missing;";
  const [, second, third] = splitScript(script);
  const find = (unit: typeof second, word: string) => {
    const sql = unit?.sql() ?? "";
    const position = [...sql.slice(0, sql.indexOf(word))].length + 1;
    return placeOf(script, unit?.indexOf(position) ?? -1);
  };

  it("[XC-17] in a message is the line and column in the script", () => {
    expect(find(second, "nowhere")).toEqual({ line: 2, column: 13, sourceLine: "select '😀', nowhere;" });
    expect(find(third, "missing")).toMatchObject({ line: 4, column: 11 });
  });

  it("[XC-18] stands at the same line and column in the message itself", () => {
    const sql = third?.sql() ?? "";
    expect(placeOf(sql, sql.indexOf("missing"))).toMatchObject({ line: 4, column: 11 });
  });

  it("in a very wide line still maps back, without the blanks", () => {
    const wide = `commit; ${"select 1; ".repeat(500)}select oops;`;
    const last = splitScript(wide).at(-1);
    expect(last?.sql()).toBe("select oops;");
    expect(last?.indexOf(8)).toBe(wide.indexOf("oops"));
  });

  it("at the end of a message and beyond it stays inside the script", () => {
    expect(second?.indexOf(10_000)).toBeLessThanOrEqual(script.length);
    expect(second?.indexOf(1)).toBeGreaterThanOrEqual(0);
  });
});

it("[XC-22] splits the statements of a tail in proportion to their number, without making their texts", async () => {
  const script = (size: number) =>
    `begin; commit;\n${Array.from({ length: size }, (_, i) => `insert into t values (${i}); -- ${"x".repeat(20)}\n`).join("")}`;
  expect(splitScript(script(4_000))).toHaveLength(4_001);
  await expectLinearTime({ input: script, work: splitScript, largest: 4_000 });
});
