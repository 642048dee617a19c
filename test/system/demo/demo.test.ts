/**
 * `npm run demo`, the first thing people run: it keeps its promises, says how long it took, and leaves nothing behind.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);

it("the demo ends by itself, every claim held, no process and no file left", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "pgkeep-demo-test-"));
  try {
    // A server started by root runs as another account, which has to enter.
    await run("chmod", ["755", temporary]);
    const env = { PATH: process.env.PATH, HOME: temporary, TMPDIR: temporary, LANG: "C.UTF-8" };
    const { stdout } = await run(process.execPath, ["scripts/demo.mjs"], { env, timeout: 170_000 });
    expect(stdout).toContain("✓ the deploy ended with 13, tests failed");
    expect(stdout).toContain("✓ catalogs and rows have the same fingerprint as before");
    expect(stdout).toContain("✓ pgkeep test kept nothing");
    expect(stdout).toContain("✓ no probe failed, and none stayed open");
    expect(stdout).toContain("✓ shop_app may not: must be owner of table orders");
    expect(stdout).toContain("✓ shop_app may not: permission denied for schema app");
    expect(stdout).toMatch(/shop_migrator=> drop table app\.orders;\n✓ shop_migrator may/);
    expect(stdout).toContain("shop_app may not: permission denied for schema app\n\n-- events: ");
    expect(stdout).toMatch(
      /✓ order 3 is with the partner, its signature verified, [\d.]+ ms after the commit\n✓ order 1 was never/,
    );
    expect(stdout).toMatch(/✓ 3 attempts, each answered 500, then a dead letter, \d+ ms after the commit/);
    expect(stdout).toContain("✓ every attempt had the same dedup key\n✓ none left");
    expect(stdout).toContain(
      "✓ 3 delivered, 1 dead\n✓ the relay, asked to stop, ended with 0\n\n-- somebody in a hurry weakens the server",
    );
    expect(stdout).toMatch(/✓ VER-006 {2}alter system reset zero_damaged_pages/);
    expect(stdout).toMatch(
      /steps applied and audited again: [A-F] \d+ -> [A-F] \d+, \d+ findings -> \d+; undo: undo\.sql/,
    );
    expect(stdout).toContain("✓ what takes a person is still reported");
    expect(stdout).not.toContain("whsec_");
    expect(stdout).toMatch(/^[\d.]+ s, and every line above held\.$/m);
    for (const secret of ["changes-the-schema", "only-uses-the-data"]) expect(stdout).not.toContain(secret);
    expect(stdout).toContain("✓ the server is gone");
    const { stdout: processes } = await run("ps", ["-eo", "args"]);
    expect(processes.split("\n").filter((line) => line.includes(temporary))).toEqual([]);
    expect(readdirSync(temporary).filter((name) => name.startsWith("pgkeep-demo-"))).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});
