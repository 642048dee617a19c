/** JUnit: what is a failure, and what is not. That it is valid at all: formats.test.ts. */
import { describe, expect, it } from "vitest";
import junit from "../../../../src/audit/reporters/junit.ts";
import { EVERYTHING } from "../../../support/audit/formats.ts";

describe("JUnit", () => {
  it("has a failure per failed finding, and skips what is accepted, unknown or does not apply", () => {
    const text = junit.render(EVERYTHING);
    const failed = EVERYTHING.findings.filter(({ status }) => status === "fail").length;
    expect(text.match(/<failure /g)).toHaveLength(failed);
    expect(text.match(/<skipped>/g)).toHaveLength(1 + EVERYTHING.unknowns.length + 1);
    expect(text).toMatch(/<testcase name="ROL-008 [^>]*><\/testcase>/);
  });
});
