/** How a failure reads: all its parts, in order, harmless, and only the reference's lines under its name. */
import { describe, expect, it } from "vitest";
import { ERRORS, PgkeepError } from "../../../src/base/errors.ts";
import { errorJson, errorText } from "../../../src/cli/error-text.ts";

const FAILED = new PgkeepError("DEPLOY_TESTS_FAILED", "tests failed, nothing was committed", {
  detail: "1 of 42 tests failed.",
  where: "PL/pgSQL function inline_code_block line 4 at RAISE",
  file: "tests/test_total.sql",
  line: 18,
  column: 3,
  sourceLine: "  raise exception 'total';",
  state: "rolled back",
  hint: "pgkeep test ./shop",
});

describe("a failure for people", () => {
  it("says what, why, where, in which state, what to do and its code", () => {
    expect(errorText(FAILED, "pgkeep").split("\n")).toEqual([
      "pgkeep: error: tests failed, nothing was committed",
      "DETAIL: 1 of 42 tests failed.",
      "WHERE: PL/pgSQL function inline_code_block line 4 at RAISE",
      "LOCATION: tests/test_total.sql line 18, column 3",
      "LINE 18:   raise exception 'total';",
      "           ^",
      "STATE: rolled back",
      "HINT: pgkeep test ./shop",
      "CODE: DEPLOY_TESTS_FAILED   (pgkeep explain DEPLOY_TESTS_FAILED)",
    ]);
  });

  it("has no line of ours under the reference's name", () => {
    const text = errorText(FAILED, "pgmi");
    expect(text).toMatch(/^pgmi: error: tests failed/);
    expect(text).not.toMatch(/^(STATE|CODE):/m);
    expect(text).toMatch(/^HINT: /m);
  });

  it("puts the caret below the place when characters take two columns of code units", () => {
    const error = new PgkeepError("DEPLOY_SQL_FAILED", "x", { file: "a.sql", line: 1, column: 3, sourceLine: "😀 x" });
    expect(errorText(error, "pgkeep").split("\n").slice(2, 4)).toEqual(["LINE 1: 😀 x", "          ^"]);
  });

  it("shows a long line around the place", () => {
    const sourceLine = `${"a".repeat(500)}HERE${"b".repeat(500)}`;
    const error = new PgkeepError("DEPLOY_SQL_FAILED", "x", { file: "a.sql", line: 1, column: 501, sourceLine });
    const [, , source = "", caret = ""] = errorText(error, "pgkeep").split("\n");
    expect(source.length).toBeLessThan(160);
    expect(source.slice(caret.length - 1)).toMatch(/^HERE/);
  });

  it("[D-07] keeps a server's line breaks and commands from looking like lines of ours", () => {
    const hostile = "x\nSTATE: committed\n::error::fake\u001b[31m\r##vso[task.complete]";
    const text = errorText(new PgkeepError("DEPLOY_SQL_FAILED", hostile, { detail: hostile, hint: hostile }), "pgkeep");
    expect(text.split("\n").filter((line) => /^(STATE|::|##)/.test(line))).toEqual([]);
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("##vso[");
  });

  it("[D-04] hides passwords that nobody registered, in the forms people write them", () => {
    const leak = "could not use postgres://app:pa:ss@w0rd@host/db and sslpassword = 'two words' and password=naked99";
    const text = errorText(new PgkeepError("CONNECT_REFUSED", leak, { detail: leak }), "pgkeep");
    expect(text).not.toMatch(/pa:ss|w0rd|two words|naked99/);
    expect(text).toContain("app:[redacted]@host/db");
  });
});

describe("a failure for programs", () => {
  it("has every key whatever is known", () => {
    const keys = Object.keys(errorJson(FAILED));
    expect(Object.keys(errorJson(new PgkeepError("INTERNAL_BUG", "x")))).toEqual(keys);
    expect(keys).toEqual([
      "code",
      "message",
      "detail",
      "hint",
      "state",
      "sqlstate",
      "where",
      "file",
      "line",
      "column",
      "retryable",
      "docs",
    ]);
  });
});

describe("error codes", () => {
  it.each(Object.entries(ERRORS))("%s is explained and has a status", (_, { explain, exit }) => {
    expect(explain.length).toBeGreaterThan(20);
    expect(exit).toBeGreaterThan(0);
  });
});
