/** Which checks an audit runs: a word that names none is a mistake, because what was meant would not be looked at. */
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import audit from "../../../../src/operations/audit.run.ts";
import { runOperation } from "../../../support/operation.ts";

async function refusal(only: string[], profile: "default" | "strict" = "default"): Promise<PgkeepError> {
  const error = await runOperation(audit, { only, profile, hba: "no-such-file.conf" }).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof PgkeepError) return error;
  throw new Error("it was not refused");
}

describe("--only", () => {
  it("is refused for one strange word among others, and says which", async () => {
    for (const strange of ["NET-0O1", "NET-001,NET-002", "databse"]) {
      const { code, message, parts } = await refusal(["NET-001", strange, "network", "rol-*"]);
      expect([code, message]).toEqual(["USAGE_ARGUMENTS", "there is no check or pillar for what --only names"]);
      expect(parts.detail).toBe(`Asked for: ${strange}.`);
      expect(parts.hint).toContain("--only ROL-001 --only network");
    }
  });

  it("is refused when the profile leaves out all that it names", async () => {
    const { code, message } = await refusal(["AUD-026"]);
    expect([code, message]).toEqual(["USAGE_ARGUMENTS", "the profile default leaves out what --only names"]);
  });
});
