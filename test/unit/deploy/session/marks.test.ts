/** Which statements of a file are told apart, and how their ends are counted. */
import { describe, expect, it } from "vitest";
import type { ProjectFile } from "../../../../src/deploy/project/project.ts";
import { markedStatements, marksOf, NOTE, statementEnds } from "../../../../src/deploy/session/marks.ts";

const file = (path: string, content: string): ProjectFile => ({
  path,
  content,
  sizeBytes: Buffer.byteLength(content),
  checksum: "",
  normalizedChecksum: "",
  isSql: path.endsWith(".sql"),
  isTest: false,
  metadata: undefined,
});

describe("the ends of statements", () => {
  it("are bytes of UTF-8, of all statements but the last", () => {
    const content = "select 'é😀';\n-- ü\nselect 2; select 3";
    const ends = statementEnds(content) ?? [];
    const bytes = Buffer.from(content);
    expect(ends.map((end) => bytes.subarray(0, end).toString())).toEqual([
      "select 'é😀';",
      "select 'é😀';\n-- ü\nselect 2;",
    ]);
  });

  it.each([
    ["a single statement", "select 1;"],
    ["a file without statements", "-- nothing;"],
    ["a file that discards temporary objects", "select 1; discard temp;"],
    ["a file that drops what a role owns", "select 1; DROP\n OWNED by me;"],
    ["a file that touches our own objects", "select 1; drop table pg_temp._pgkeep_marks;"],
    ["a load of data", "insert into t values (1);".repeat(401)],
    ["a very long text", `select 1; select '${"x".repeat(300_000)}';`],
  ])("are not noted for %s", (_name, content) => {
    expect(markedStatements(content)).toBeUndefined();
    expect(statementEnds(content)).toBeUndefined();
  });
});

describe("the marks of a project", () => {
  it("are those of its SQL files", () => {
    const files = [
      file("./a.sql", "select 1; select 2"),
      file("./b.txt", "select 1; select 2"),
      file("./c.sql", "select 1"),
    ];
    expect(marksOf(files)).toEqual([{ path: "./a.sql", ends: [9] }]);
  });

  it("are left out altogether when the statements are more than a thousand", () => {
    const files = (count: number) => Array.from({ length: count }, (_, i) => file(`./${i}.sql`, "a; b; c;"));
    expect(marksOf(files(500))).toHaveLength(500);
    expect(marksOf(files(501))).toEqual([]);
  });

  it("are given up after two hundred files when more like them would be too many", () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, i) => file(`./${i}.sql`, i < 200 ? "a; b;" : "a"));
    expect(marksOf(files(1_000))).toHaveLength(200);
    expect(marksOf(files(1_001))).toEqual([]);
  });
});

it("a note is recognized in a text that the server repeats", () => {
  const text = "select 1;select pg_catalog.setval('pg_temp._pgkeep_at',4611686018428436482); select 2";
  expect(text.replace(NOTE, "")).toBe("select 1; select 2");
});
