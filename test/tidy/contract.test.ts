/**
 * Every case of the deploy contract has a test of that name, and no test names a case that does not exist.
 */
import { describe, expect, it } from "vitest";
import { CONTRACT_CASES } from "./contract-cases.ts";
import { testedIds } from "./test-names.ts";

const AREAS = new Set(CONTRACT_CASES.map((id) => id.slice(0, 2)));
const tested = testedIds();

describe("the deploy contract", () => {
  it("has a test for every case", () => {
    expect(CONTRACT_CASES.filter((id) => !tested.has(id))).toEqual([]);
  });

  it("has no case that only a test knows", () => {
    const named = [...tested.keys()].filter((id) => AREAS.has(id.slice(0, 2)) && id[2] === "-");
    expect(named.filter((id) => !CONTRACT_CASES.includes(id))).toEqual([]);
  });
});
