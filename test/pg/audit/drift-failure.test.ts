/** A model that cannot be compared costs one answer, and a model that cannot be read costs the run, before it begins. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import audit from "../../../src/operations/audit.run.ts";
import { auditOf } from "../../support/audit/run.ts";
import { sharedCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";

it("keeps every other answer when the comparison fails", async () => {
  const cluster = await sharedCluster();
  const refused = async () => {
    throw new PgkeepError("ACCESS_PLAN_STALE", "that cannot be compared");
  };
  const { results } = await auditOf(cluster, {
    only: ["practices"],
    isOneDatabase: true,
    surroundings: { drift: refused },
  });
  const reasons = results.map(({ outcome }) => ("reason" in outcome ? outcome.reason : ""));
  expect(reasons.filter((reason) => reason.includes("that cannot be compared"))).toHaveLength(1);
  expect(reasons.filter((reason) => reason.includes("connection was lost"))).toEqual([]);
});

it("refuses a model that is not there before it connects", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pgkeep-model-"));
  const run = runOperation(
    audit,
    { model: "absent.yaml", connection: "postgresql://u@127.0.0.1:1/d" },
    { workingDirectory: folder },
  );
  await expect(run).rejects.toMatchObject({ parts: { state: expect.stringContaining("nothing") } });
  const error = await run.catch((reason: unknown) => reason);
  expect(error instanceof PgkeepError && !error.code.startsWith("CONNECT_")).toBe(true);
  rmSync(folder, { recursive: true, force: true });
});
