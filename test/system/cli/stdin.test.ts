/** Standard input: a password comes in there, and nothing else ever reads it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/base/secrets.ts";
import { matchesScramVerifier, parseScramVerifier } from "../../../src/pg/scram.ts";
import { BIN, pgkeep } from "../../support/pgkeep.ts";
import { temporaryDirectory } from "../../support/project.ts";

function opens(password: string, printed: string): boolean {
  const verifier = parseScramVerifier(printed.trim());
  return verifier !== undefined && matchesScramVerifier(new Secret(password), verifier);
}

describe("access password", () => {
  it.each([[["--from", "-"]], [["--from=-"]], [[]]])("with %j takes the password that is piped in", async (flags) => {
    const { status, stdout, stderr } = await pgkeep(["access", "password", ...flags], { input: "correct horse\n" });
    expect(status, stderr).toBe(0);
    expect(opens("correct horse", stdout)).toBe(true);
    expect(stdout + stderr).not.toContain("correct horse");
  });

  it("takes it from a file in standard input's place, and from nothing says what is missing", () => {
    using folder = temporaryDirectory({ secret: "correct horse\n" });
    const run = (redirection: string) =>
      spawnSync("sh", ["-c", `'${process.execPath}' '${BIN}' access password ${redirection}`], { encoding: "utf8" });
    expect(opens("correct horse", run(`< ${folder.at("secret")}`).stdout)).toBe(true);
    for (const nothing of ["< /dev/null", "<&-", "--from - < /dev/null"]) {
      const { status, stderr } = run(nothing);
      expect([status, stderr], nothing).toEqual([10, expect.stringContaining("CODE: CONFIG_VALUE_INVALID")]);
    }
  });

  it("refuses more than 64 KiB instead of holding it", async () => {
    const { status, stderr } = await pgkeep(["access", "password"], { input: "x".repeat(200_000) });
    expect([status, stderr]).toEqual([10, expect.stringContaining("more than 64 KiB")]);
  });

  it("ends at its time limit while it waits for input that never comes", async () => {
    const child = spawn(process.execPath, [BIN, "access", "password", "--timeout", "500ms"], { stdio: "pipe" });
    const [status] = await once(child, "close");
    expect(status).toBe(16);
  });
});

describe("commands that were not told to", () => {
  it("leave standard input to others", () => {
    const { stdout } = spawnSync("sh", ["-c", `('${process.execPath}' '${BIN}' version > /dev/null; cat)`], {
      input: "for somebody else\n",
      encoding: "utf8",
    });
    expect(stdout).toBe("for somebody else\n");
  });
});
