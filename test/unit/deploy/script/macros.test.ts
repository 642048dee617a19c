/** Which texts are calls of the test macro. */
import { describe, expect, it } from "vitest";
import { findMacros } from "../../../../src/deploy/script/macros.ts";
import { SourceMap } from "../../../../src/deploy/script/source-map.ts";

const found = (text: string) =>
  findMacros(text).map(({ start, end, pattern, callback }) => ({ text: text.slice(start, end), pattern, callback }));

const one = (text: string, pattern?: string, callback?: string) => ({ text, pattern, callback });

describe("[MC-03] a call of the test macro", () => {
  it.each([
    ["CALL pgmi_test();", undefined, undefined],
    ["call pgmi_test()", undefined, undefined],
    ["Call\n  PG_TEMP . Pgmi_Test ( ) ;", undefined, undefined],
    ["CALL pgmi_test('/orders/');", "/orders/", undefined],
    ["CALL pgmi_test('a', 'app.seen');", "a", "app.seen"],
    ["CALL pgmi_test(NULL, 'app.seen');", undefined, "app.seen"],
    ["CALL pgmi_test('', '');", undefined, undefined],
    ["CALL pgmi_test(null);", undefined, undefined],
    ["CALL /* why */ pgmi_test -- here\n ( 'x' /* , 'y' */ ) ;", "x", undefined],
    ["CALL pgmi_test('a;b)c--d/*');", "a;b)c--d/*", undefined],
    ["CALL pgmi_test('\\d+$');", "\\d+$", undefined],
  ])("%s", (text, pattern, callback) => {
    expect(found(`BEGIN; ${text} COMMIT;`)).toEqual([one(text, pattern, callback)]);
  });

  it.each([
    "-- CALL pgmi_test();",
    "/* CALL pgmi_test(); */",
    "select 'CALL pgmi_test();'",
    'select "CALL pgmi_test();"',
    "[MC-12] DO $$ BEGIN CALL pgmi_test(); END $$;",
    "SELECT pgmi_test();",
    "CALL pgmi_test('it''s');",
    "CALL pgmi_test(E'x');",
    "CALL pgmi_test($$x$$);",
    "CALL pgmi_test('a', NULL);",
    "CALL pgmi_test('a', 'b', 'c');",
    "CALL my.pgmi_test();",
    "CALL pgmi_testing();",
    "CALL pgmi_test;",
    "RECALL pgmi_test();",
    "xCALL pgmi_test();",
    "CALL_pgmi_test();",
  ])("[MC-12] is not: %s", (text) => {
    expect(found(text)).toEqual([]);
  });

  it("[MC-04] may occur more than once", () => {
    expect(found("BEGIN; CALL pgmi_test('a'); CALL pgmi_test('b'); COMMIT;").map(({ pattern }) => pattern)).toEqual([
      "a",
      "b",
    ]);
  });
});

describe("[MC-13] places in an expanded script", () => {
  const original = "BEGIN;\nCALL pgmi_test(); SELECT oops;\nCALL pgmi_test('b')\n; select 2;\n";
  const map = new SourceMap(
    original,
    findMacros(original).map(({ start, end }) => ({ start, end, replacement: "A;\nB;\nC;\n", kind: "macro" as const })),
  );

  it("after a macro are those of the original", () => {
    expect(map.place(map.text.indexOf("oops"))).toEqual({
      line: 2,
      column: 26,
      sourceLine: "CALL pgmi_test(); SELECT oops;",
      insideMacro: false,
      isAtEnd: false,
    });
    expect(map.place(map.text.indexOf("select 2"))).toMatchObject({ line: 4, column: 3 });
  });

  it("inside of a macro are those of the macro", () => {
    expect(map.place(map.text.indexOf("B;"))).toMatchObject({ line: 2, column: 1, insideMacro: true });
    expect(map.place(map.text.lastIndexOf("C;"))).toMatchObject({ line: 3, column: 1, insideMacro: true });
  });

  it("before it are unchanged", () => {
    expect(map.place(0)).toMatchObject({ line: 1, column: 1, insideMacro: false });
  });

  it("refuses edits that overlap", () => {
    const edit = { start: 0, end: 4, replacement: "", kind: "macro" as const };
    expect(() => new SourceMap("abcdef", [edit, { ...edit, start: 2 }])).toThrow("overlap");
  });
});
