/** Reading the server's messages about files and tests. */
import { describe, expect, it } from "vitest";
import { MarkerLog, readMarkers } from "../../../../src/deploy/session/markers.ts";

const notice = (message: string, detail?: string, hint?: string, code = "PGK01") => ({
  severity: "INFO",
  code,
  message,
  detail,
  hint,
});

describe("a message about files", () => {
  it("has the beginning and the end of each", () => {
    expect(
      readMarkers(notice("files", "file 1000 2500 3145728 1 ./a b.sql\nfile 3000 3001 4194304 2 ./b.sql")),
    ).toMatchObject([
      { type: "file_start", path: "./a b.sql", timeMs: 1, key: 3145728n, sameText: 1 },
      { type: "file_end", path: "./a b.sql", timeMs: 2.5, key: 3145728n },
      { type: "file_start", path: "./b.sql", timeMs: 3, sameText: 2 },
      { type: "file_end", path: "./b.sql", timeMs: 3.001 },
    ]);
  });

  it("that comes again after a rollback says nothing new", () => {
    const log = new MarkerLog();
    expect(log.take(notice("files", "file 1000 2500 3145728 1 ./a.sql"))).toHaveLength(2);
    const again = log.take(notice("files", "file 1000 2500 3145728 1 ./a.sql\nfile 3000 4000 4194304 1 ./b.sql"));
    expect(again.map(({ path }) => path)).toEqual(["./b.sql", "./b.sql"]);
  });
});

describe("a message about a test", () => {
  it("tells what it did and, when it failed, where", () => {
    const log = new MarkerLog();
    log.take(notice("./__test__/a.sql", "test_failed 2000 1048576 1000 3", "SQL statement"));
    expect(log.failedTest("./__test__/a.sql")).toMatchObject({ statementsDone: 3, context: "SQL statement" });
    expect(log.failedTest("./__test__/b.sql")).toBeUndefined();
  });

  it("has its beginning and its end", () => {
    expect(readMarkers(notice("./_setup.sql", "fixture_end 2500 1048576 1000", ""))).toMatchObject([
      { type: "fixture_start", path: "./_setup.sql", timeMs: 1, key: 1048576n },
      { type: "fixture_end", path: "./_setup.sql", timeMs: 2.5, key: 1048576n, context: undefined },
    ]);
  });

  it("whose statements were not told apart has no count", () => {
    expect(readMarkers(notice("./t.sql", "test_failed 2000 1048576 1000", "x"))).toMatchObject([
      { type: "test_start" },
      { type: "test_failed", statementsDone: undefined, context: "x" },
    ]);
  });
});

it.each([
  ["a notice of the project", notice("hello", undefined, undefined, "00000")],
  ["the number of a transaction", notice("4711", "transaction")],
  ["a message that somebody else raised with our code", notice("x", "file_start now 1")],
  ["a test that began at no time", notice("./t.sql", "test_end 2000 1048576 now")],
  ["half a line about files", notice("files", "file 1000\nfile")],
])("%s is no marker", (_name, message) => {
  expect(readMarkers(message)).toEqual([]);
});
