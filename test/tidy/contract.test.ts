/**
 * Every case of the deploy and access contracts has a test of that name, and no test names a case that does not exist.
 */
import { describe, expect, it } from "vitest";
import { ACCESS_CASES, CONTRACT_CASES } from "./contract-cases.ts";
import { testedIds } from "./test-names.ts";

const tested = testedIds();
const areaOf = (id: string): string => id.slice(0, id.indexOf("-"));

describe.each([
  ["deploy", CONTRACT_CASES],
  ["access", ACCESS_CASES],
])("the %s contract", (_, cases) => {
  it("has a test for every case", () => {
    expect(cases.filter((id) => !tested.has(id))).toEqual([]);
  });

  it("has no case that only a test knows", () => {
    const areas = new Set(cases.map(areaOf));
    const named = [...tested.keys()].filter((id) => areas.has(areaOf(id)));
    expect(named.filter((id) => !cases.includes(id))).toEqual([]);
  });
});
