/** A bug of ours, met by a person: status 3, a report for its owner only, and nothing of what was typed in it. */
import { cpSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pgkeep, REPOSITORY } from "../../support/pgkeep.ts";
import { temporaryDirectory } from "../../support/project.ts";

/** A copy of the built program that `breakIt` damages. */
function damaged(folder: string, breakIt: (file: (path: string) => string) => void): string {
  for (const part of ["bin", "dist", "package.json"])
    cpSync(join(REPOSITORY, part), join(folder, part), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  breakIt((path) => join(folder, path));
  return join(folder, "bin/pgkeep.js");
}

async function crashOf(bin: string): Promise<{ text: string; report: string; mode: number }> {
  const canary = "canary-argument";
  const { status, stdout, stderr } = await pgkeep(["explain", canary], {
    bin,
    env: { PGPASSWORD: "canary-environment" },
  });
  expect([status, stdout]).toEqual([3, ""]);
  expect(stderr).toMatch(/^pgkeep: error: internal error, this is a bug\n/);
  expect(stderr).toContain("CODE: INTERNAL_BUG");
  const path = /The report is in (\S+)\./.exec(stderr)?.[1] ?? "";
  const report = readFileSync(path, "utf8");
  const mode = statSync(path).mode & 0o777;
  rmSync(path);
  return { text: stderr, report, mode };
}

/** Puts a statement in front of the program. */
const beginningWith =
  (statement: string) =>
  (file: (path: string) => string): void => {
    const path = file("dist/bundle/main.cjs");
    writeFileSync(path, `${statement}\n${readFileSync(path, "utf8")}`);
  };

const THROWS = '() => { throw new RangeError("canary-argument"); }';

describe("a crash", () => {
  it.each([
    ["in an operation", beginningWith(`String.prototype.toUpperCase = ${THROWS};`)],
    ["where nobody waits", beginningWith(`process.nextTick(${THROWS});`)],
    ["for want of a file of the package", (file: (path: string) => string) => rmSync(file("dist/cli/manifest.json"))],
  ])("%s leaves a report without arguments and environment", async (_, breakIt) => {
    using folder = temporaryDirectory();
    const { text, report, mode } = await crashOf(damaged(folder.path, breakIt));
    expect(mode).toBe(0o600);
    expect(report).toMatch(/^pgkeep (\d+\.\d+\.\d+|unknown)\ncommand: /);
    expect(text + report).not.toMatch(/canary/);
    expect(text).not.toMatch(/^\s+at /m);
  });
});
