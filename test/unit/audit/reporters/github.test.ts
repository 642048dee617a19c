/** GitHub annotations and the summary of a step. */
import { describe, expect, it } from "vitest";
import github, { auditStepSummary } from "../../../../src/audit/reporters/github.ts";
import { found, hostileResults, SAMPLE_WAIVER, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";

describe("GitHub annotations", () => {
  it("are at most ten per level, and the summary of the step holds all", () => {
    const names = Array.from({ length: 30 }, (_, n) => `role${n}`);
    const document = sampleDocument([sampleResult({ id: "ROL-001", severity: "high", outcome: found(...names) })]);
    const text = github.render(document);
    expect(text.match(/^::error /gm)).toHaveLength(10);
    expect(text).toContain("20 more errors in the summary");
    for (const name of names) expect(auditStepSummary(document)).toContain(`| ${name} |`);
  });

  it("warn nobody's build for an accepted finding", () => {
    const document = sampleDocument(
      [sampleResult({ id: "ROL-001", severity: "high", outcome: found("break_glass") })],
      {
        parts: { waivers: [SAMPLE_WAIVER] },
      },
    );
    expect(github.render(document)).toMatch(/^::notice title=ROL-001::/);
  });

  it("fit what GitHub takes as a summary", () => {
    const names = Array.from({ length: 20_000 }, (_, n) => `role_${n}_${"x".repeat(40)}`);
    const text = auditStepSummary(sampleDocument([sampleResult({ id: "ROL-001", outcome: found(...names) })]));
    expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
    expect(text).toContain("The rest: -o md=FILE");
  });

  it("[U-04] begin no command but their own, whatever the names hold", () => {
    const lines = github.render(sampleDocument(hostileResults())).trimEnd().split("\n");
    const commands = lines.filter((line) => line.startsWith("::"));
    expect(commands.every((line) => /^::(error|warning|notice) [^:]*::/.test(line))).toBe(true);
    expect(lines.length - commands.length).toBeLessThanOrEqual(3);
    // Properties: file, line and title, whatever the names hold.
    for (const line of commands) {
      const properties = line.slice(2, line.indexOf("::", 2)).split(" ").slice(1).join(" ").split(",");
      expect(
        properties.map((one) => one.split("=")[0]).filter((one) => !["file", "line", "title"].includes(one ?? "")),
      ).toEqual([]);
    }
  });
});
