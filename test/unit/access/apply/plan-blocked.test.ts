/** What a plan that is blocked tells the person to do. */
import { describe, expect, it } from "vitest";
import { planBlocked } from "../../../../src/access/apply/same-plan.ts";
import { planOf } from "../../../support/hand-made-plan.ts";

const hintFor = (...needs: string[]) => {
  const blocked = needs.map((each) => ({ sql: "x", object: "y", role: undefined, reason: "z", needs: each }));
  return planBlocked(planOf("shop", [], { blocked })).parts.hint;
};

describe("a blocked plan", () => {
  it("asks for an administrator only where one is needed", () => {
    expect(hintFor("a superuser")).toBe("Have an administrator run them, or apply the rest with --partial.");
    expect(hintFor("--cascade", "--cascade")).toBe("Confirm with --cascade, or apply the rest with --partial.");
    expect(hintFor("--cascade", "a superuser")).toBe(
      "Confirm with --cascade, have an administrator run the others, or apply the rest with --partial.",
    );
  });
});
