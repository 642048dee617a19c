/** TAP version 14. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import tap from "../../../../src/deploy/reporters/tap.ts";
import { BROKEN, GREEN, HOSTILE, RED } from "./sample.ts";

describe("TAP", () => {
  it("has a plan and one point per test and one for the deploy", () => {
    expect(tap.render(GREEN)).toBe(
      [
        "TAP version 14",
        "1..2",
        "ok 1 - ./__test__/test_a.sql",
        "  ---",
        "  duration_ms: 12.3",
        "  ...",
        "ok 2 - ./deploy.sql",
        "  ---",
        "  duration_ms: 1500",
        "  ...",
        "",
      ].join("\n"),
    );
  });

  it("keeps hostile text inside its YAML block", () => {
    const text = tap.render(RED);
    const lines = text.split("\n");
    expect(lines[1]).toBe("1..3");
    expect(lines.filter((line) => /^(not )?ok \d/.test(line))).toEqual([
      "ok 1 - ./__test__/test_a.sql",
      "not ok 2 - ./__test__/test_b.sql",
      "ok 3 - ./x/__test__/test_c.sql # SKIP fixture failed",
    ]);
    const block = text.split("not ok 2")[1]?.split("  ---\n")[1]?.split("\n  ...\n")[0] ?? "";
    expect(parse(block)).toMatchObject({ message: HOSTILE, file: "./__test__/test_b.sql", line: 4, column: 3 });
  });

  it("is not green when the deploy failed before its tests", () => {
    expect(tap.render(BROKEN)).toMatch(/^TAP version 14\n1\.\.1\nnot ok 1 - \.\/deploy\.sql\n/);
  });

  it("escapes what would be a directive in a name", () => {
    const report = { ...GREEN, tests: [{ path: "./__test__/a # SKIP\n.sql", name: "a", result: "failed" as const }] };
    expect(tap.render({ ...report, status: "failed" })).toContain("not ok 1 - ./__test__/a \\# SKIP .sql\n");
  });
});
