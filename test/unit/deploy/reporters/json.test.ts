/** The report as JSON. */
import { expect, it } from "vitest";
import json from "../../../../src/deploy/reporters/json.ts";
import { RED } from "./sample.ts";

it("is the report, indented by two", () => {
  expect(JSON.parse(json.render(RED))).toEqual(JSON.parse(JSON.stringify(RED)));
  expect(json.render(RED)).toMatch(/^\{\n {2}"status": "failed",\n/);
});
