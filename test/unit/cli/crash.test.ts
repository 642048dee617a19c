/** What is left of a crash: enough to find the bug, nothing of what the person typed or owns. */
import { readFileSync, rmSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assert } from "../../../src/base/assert.ts";
import { crashOf } from "../../../src/cli/crash.ts";

function reportOf(thrown: unknown): { text: string; mode: number } {
  const { parts, exit, code } = crashOf(thrown, { command: "deploy", version: "1.2.3" });
  expect([exit, code]).toEqual([3, "INTERNAL_BUG"]);
  const path = /in (\S+)\. It/.exec(parts.detail ?? "")?.[1] ?? "";
  const report = { text: readFileSync(path, "utf8"), mode: statSync(path).mode & 0o777 };
  rmSync(path);
  return report;
}

describe("a crash report", () => {
  it("has version, command, platform and frames, for its owner only", () => {
    const { text, mode } = reportOf(new TypeError("x"));
    expect(mode).toBe(0o600);
    expect(text).toMatch(/^pgkeep 1\.2\.3\ncommand: deploy\nplatform: \w+ \w+, Node\.js v20.*\nTypeError\n\s+at /);
  });

  it("[D-04] has no word of an exception's message, its causes included", () => {
    const secret = new Error("postgres://app:canary-pw@host/db");
    const { text } = reportOf(new Error("cannot use canary-pw", { cause: secret }));
    expect(text).not.toContain("canary-pw");
    expect(text).toContain("caused by:");
  });

  it("keeps the claim of our own assertion, which holds no value", () => {
    const claim = () => assert(false, "offsets only grow");
    let thrown: unknown;
    try {
      claim();
    } catch (error) {
      thrown = error;
    }
    expect(reportOf(thrown).text).toContain("offsets only grow");
  });

  it("is written for anything that is thrown", () => {
    expect(reportOf("a string").text).toContain("thrown: string");
  });
});
