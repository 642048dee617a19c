/** GitHub annotations and the step's summary. */
import { describe, expect, it } from "vitest";
import github, { stepSummary } from "../../../../src/deploy/reporters/github.ts";
import { BROKEN, GREEN, RED } from "./sample.ts";

describe("GitHub annotations", () => {
  it("are one line per failure, with file, line and column, and nothing else can be read as a command", () => {
    const lines = github.render(RED).trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^::error file=__test__\/test_b\.sql,line=4,col=3,title=DEPLOY_TESTS_FAILED::a <b>/);
    expect(lines[0]).toContain("%0A:\\:error::x");
    expect(lines[0]).toContain("100%25");
    expect(lines[0]?.slice(2)).not.toMatch(/\r|##vso\[/);
  });

  it("escape commas and colons in properties", () => {
    const tests = [{ path: "./__test__/a,line=9::b%.sql", name: "a", result: "failed" as const, message: "m" }];
    expect(github.render({ ...BROKEN, tests })).toBe(
      "::error file=__test__/a%2Cline=9%3A%3Ab%25.sql,title=DEPLOY_SQL_FAILED::m\n",
    );
  });

  it("are at most ten per level, and the rest is counted", () => {
    const tests = Array.from({ length: 25 }, (_, n) => ({
      path: `./${n}.sql`,
      name: `${n}`,
      result: "failed" as const,
    }));
    const lines = github
      .render({ ...RED, tests })
      .trimEnd()
      .split("\n");
    expect(lines.filter((line) => line.startsWith("::error"))).toHaveLength(10);
    expect(lines.at(-1)).toBe("15 more failures in the summary");
  });

  it("are none when all is well, and name the deploy when it failed by itself", () => {
    expect(github.render(GREEN)).toBe("");
    expect(github.render(BROKEN)).toBe(
      "::error file=deploy.sql,line=7,col=2,title=DEPLOY_SQL_FAILED::execution failed%3A ERROR%3A boom\n".replaceAll(
        "%3A ",
        ": ",
      ),
    );
  });

  it("warn about exposures", () => {
    const warnings = [{ id: "no-tls", message: "not encrypted", remedy: "Use TLS." }];
    expect(github.render({ ...GREEN, warnings })).toBe("::warning title=no-tls::not encrypted. Use TLS.\n");
  });
});

describe("the step's summary", () => {
  it("is a table that hostile text cannot leave", () => {
    const lines = stepSummary(RED).split("\n");
    expect(lines[0]).toBe("### pgkeep: shop ✗ failed");
    expect(lines[2]).toContain("1 passed, 1 failed, 1 skipped");
    const rows = lines.filter((line) => line.startsWith("| ") && !line.startsWith("| |"));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row.match(/\|/g)).toHaveLength(5);
    expect(stepSummary(RED)).not.toMatch(/<b>|`md`/);
  });
});
