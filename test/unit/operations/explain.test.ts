/** `explain` answers for every code, however it is written, and by the numbers that access errors also go by. */
import { describe, expect, it } from "vitest";
import { ERROR_NUMBERS, ERRORS } from "../../../src/base/errors.ts";
import explain from "../../../src/operations/explain.ts";
import { runOperation } from "../../support/operation.ts";

describe("explain", () => {
  it("says what a code means and how the program ends with it", async () => {
    const { output } = await runOperation(explain, { code: "deploy_locked" });
    expect(output).toMatchObject({ code: "DEPLOY_LOCKED", exit_code: 15, retryable: true });
  });

  it.each(Object.entries(ERROR_NUMBERS))("knows %s as %s", async (number, code) => {
    const { output } = await runOperation(explain, { code: number.toLowerCase() });
    expect(output).toMatchObject({ code, explanation: ERRORS[code].explain });
  });

  it("suggests the nearest code for a mistyped one", async () => {
    await expect(runOperation(explain, { code: "ACCESS_BLOKED" })).rejects.toMatchObject({
      code: "USAGE_UNKNOWN_NAME",
      parts: { hint: "Did you mean ACCESS_BLOCKED?" },
    });
  });
});
