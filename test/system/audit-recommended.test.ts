/**
 * The server that pgkeep itself starts, with what the audit recommends for it: nothing is left that costs the best grade.
 *
 * Profile "dev", because the binaries of the npm packages are a release behind what is published, which is right to say and
 * no fault of a server's settings.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waiversOfTheMachine } from "../support/audit/machine.ts";
import { pgkeep } from "../support/pgkeep.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "pgkeep-recommended-"));
  await writeFile(join(directory, "pgkeep-waivers.yaml"), waiversOfTheMachine(), { mode: 0o600 });
  const started = await pgkeep(["db", "start", "--quiet"], inDirectory());
  expect([started.status, started.stderr]).toEqual([0, ""]);
});

afterAll(async () => {
  await pgkeep(["db", "stop", "--quiet"], inDirectory());
  await rm(directory, { recursive: true, force: true });
});

const inDirectory = () => ({ cwd: directory, env: { HOME: directory } });

interface Overall {
  grade: string;
  score: number;
  counts: Record<string, number>;
  /** Check and title of what is critical or high. */
  grave: string[];
}

async function audited(): Promise<Overall> {
  const { stdout, stderr } = await pgkeep(["audit", "--embedded", "--profile", "dev", "--json"], inDirectory());
  if (stdout === "") throw new Error(stderr);
  const { overall, findings } = JSON.parse(stdout).data;
  const isGrave = ({ severity }: { severity: string }) => severity === "critical" || severity === "high";
  return {
    ...overall,
    grave: findings.filter(isGrave).map(({ check, title }: Record<string, string>) => `${check} ${title}`),
  };
}

it("scores A once the fixes of settings and privileges are applied, and has nothing critical or high before", async () => {
  const before = await audited();
  expect(before.grave).toEqual([]);
  const words = ["audit", "fix", "--embedded", "--profile", "dev", "--max-risk", "medium", "--apply", "--yes"];
  const fixed = await pgkeep(words, inDirectory());
  expect([fixed.status, fixed.stderr]).toEqual([0, expect.stringContaining("applied and audited again")]);
  const after = await audited();
  expect(after.grade).toBe("A");
  expect(after.score).toBeGreaterThan(before.score);
  expect(Object.values(after.counts).reduce((sum, n) => sum + n, 0)).toBeLessThan(
    Object.values(before.counts).reduce((sum, n) => sum + n, 0),
  );
});
