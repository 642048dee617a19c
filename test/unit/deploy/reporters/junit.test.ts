/** JUnit XML. */
import { describe, expect, it } from "vitest";
import junit from "../../../../src/deploy/reporters/junit.ts";
import { BROKEN, GREEN, RED } from "./sample.ts";

describe("JUnit", () => {
  it("has a suite per directory and counts that add up", () => {
    const text = junit.render(RED);
    expect(text).toContain('<testsuites name="pgkeep" tests="3" failures="1" errors="0" skipped="1" time="0.013">');
    expect(
      [...text.matchAll(/<testsuite name="([^"]+)" tests="(\d)"/g)].map(([, name, tests]) => [name, tests]),
    ).toEqual([
      ["./__test__/", "2"],
      ["./x/__test__/", "1"],
    ]);
    expect(text).toContain('<skipped message="fixture failed"/>');
    expect(text).toContain('file="./__test__/test_b.sql" line="4"');
  });

  it("escapes hostile text and shows what XML cannot hold", () => {
    const text = junit.render(RED);
    const inside = /<failure message="([^"]*)"/.exec(text)?.[1] ?? "";
    expect(inside).toContain("a &lt;b&gt; &amp; &quot;c&quot; ' ]]&gt;&#13;&#10;::error::x");
    expect(inside).toContain("\\u{0}\\u{1b}[31m");
    expect(inside).toContain("\\u{d83d}");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there.
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  });

  it("has no case for a deploy when only tests ran", () => {
    const tests = [{ path: "./__test__/test_a.sql", name: "test_a", result: "passed" as const, ms: 1 }];
    const text = junit.render({ status: "success", exitCode: 0, database: "shop", durationMs: 5, tests });
    expect(text).toContain('tests="1"');
    expect(text).not.toContain('name="deploy"');
  });

  it("is green with the deploy as a case, and red when it failed before its tests", () => {
    expect(junit.render(GREEN)).toContain('<testcase name="deploy" classname="./" file="./deploy.sql" time="1.500"/>');
    const text = junit.render(BROKEN);
    expect(text).toContain('failures="1"');
    expect(text).toContain('<testcase name="deploy" classname="./" file="./deploy.sql" line="7"');
  });
});
