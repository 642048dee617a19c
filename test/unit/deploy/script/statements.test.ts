/** The splitter against PostgreSQL's own grammar. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { preparesTransaction, statementSpans } from "../../../../src/deploy/script/statements.ts";

beforeAll(() => loadModule());

/** The statements of `text` as the server's parser sees them, without semicolon, comments before them or blanks. */
function parsed(text: string): string[] {
  const bytes = Buffer.from(text);
  const { stmts = [] } = parseSync(text);
  return stmts.map(({ stmt_location: at = 0, stmt_len: length }: { stmt_location?: number; stmt_len?: number }) =>
    bytes.subarray(at, length ? at + length : undefined).toString(),
  );
}

/** What the two must agree on: the code of each statement. */
const code = (text: string): string =>
  text.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*[^*]*\*\/)+/, "").replace(/(?:\s|;|--[^\n]*$|\/\*[^*]*\*\/)+$/, "");

const STATEMENTS = [
  "select 1",
  "select ';' as \";\", $$;$$, $a$ ; $$ ; $a$, E'\\';', U&'\\0041;', 'it''s;'",
  "select a$b$c, 1 as d$b$ from t",
  "create rule r as on insert to t do also (insert into l values (1); select 2)",
  "create function f(a int) returns int language plpgsql as $f$ begin return a; end; $f$",
  "create or replace function f() returns int begin atomic select case when true then 1 else 2 end; select 2; end",
  "create procedure p() begin atomic end",
  "create function f() returns int begin atomic insert into t values (1); select t.end from t; end",
  "create function f() returns int return 1",
  "do $$ begin perform 1; end; $$",
  "select begin, atomic from t",
  "create table t (begin int, atomic int default (1))",
  "begin",
  "commit",
  "insert into t values ('a;b', \"x;y\")",
  "comment on table t is E'back\\\\slash;'",
  "select 'é😀;', \"ü;\"",
  "select '\\'",
  "grant select on t to r",
  "select /* ; /* nested ; */ ; */ 1 -- ; end",
];

describe("statement boundaries", () => {
  it("are those of PostgreSQL's parser, for any sequence of statements and separators", () => {
    const separator = fc.constantFrom(";", ";\n", " ;\r\n", "; -- c ;\n", "; /* x; */ ", ";\n\n-- a\n", ";;", "; ; \t");
    const piece = fc.tuple(fc.constantFrom(...STATEMENTS), separator);
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const text = pieces.map(([statement, end]) => `${statement}\n${end}`).join("");
        const ours = statementSpans(text).map(({ start, end }) => code(text.slice(start, end)));
        expect(ours).toEqual(parsed(text).map(code));
      }),
      { numRuns: 400 },
    );
  });

  it("are those of PostgreSQL's parser in our own SQL", () => {
    for (const folder of ["sql/deploy/"]) {
      for (const name of readdirSync(folder)) {
        const text = readFileSync(folder + name, "utf8");
        expect(statementSpans(text)).toHaveLength(parsed(text).length);
      }
    }
  });

  it("cover no statement twice and leave out only blanks, comments and semicolons", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(..."ab;'\"$()-/* \n\t\\é".split(""), "begin atomic ", "end ", "create function "),
        }),
        (text) => {
          const spans = statementSpans(text);
          for (const [index, { start, end }] of spans.entries()) {
            expect(start).toBeLessThan(end);
            expect(start).toBeGreaterThanOrEqual(spans[index - 1]?.end ?? 0);
          }
        },
      ),
    );
  });

  it("are found in a megabyte well within the time limit of a test, which a quadratic search would miss", () => {
    const unit = "create function f() returns int language sql as $$ select 1; $$;\n(((\nselect 1;\n)));\n";
    const text = unit.repeat(Math.ceil(1_048_576 / unit.length));
    expect(statementSpans(text).length).toBeGreaterThan(20_000);
  });
});

describe("PREPARE TRANSACTION", () => {
  it.each([
    ["begin; prepare transaction 'x';", true],
    [`begin; PREPARE /* ${"x".repeat(200)} */\n TRANSACTION 'x'`, true],
    ["prepare transaction_of(int) as select $1;", false],
    ["select 'prepare transaction'; -- prepare transaction", false],
    ["commit prepared 'x';", false],
  ])("is found by its words: %s", (text, isFound) => {
    expect(preparesTransaction(text)).toBe(isFound);
  });
});
