/** SARIF: what code scanning reads out of it. That it is valid at all: formats.test.ts. */
import { describe, expect, it } from "vitest";
import sarif from "../../../../src/audit/reporters/sarif.ts";
import { EVERYTHING } from "../../../support/audit/formats.ts";
import { everyKind, found, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";

describe("SARIF", () => {
  it("holds the worst 5,000 results and tells of the rest", () => {
    const many = sampleResult({ id: "PRV-001", outcome: found(...Array.from({ length: 5_003 }, (_, n) => `t${n}`)) });
    const { runs } = JSON.parse(sarif.render(sampleDocument([many, ...everyKind()])));
    expect(runs[0].results).toHaveLength(5_000);
    expect(runs[0].results[0].ruleId).toBe("ROL-003");
    expect(JSON.stringify(runs[0].invocations)).toContain("more findings");
  });

  it("says level, security severity, place, suppression and the mark that finds it again", () => {
    const { runs } = JSON.parse(sarif.render(EVERYTHING));
    const { results, tool } = runs[0];
    const of = (check: string) => results.find(({ ruleId }: { ruleId: string }) => ruleId === check);
    expect(of("ROL-003")).toMatchObject({ level: "error", kind: "fail" });
    expect(of("TLS-002").level).toBe("warning");
    expect(of("PRV-005").level).toBe("note");
    expect(of("PRV-005").locations[0].logicalLocations[0].fullyQualifiedName).toBe('shop/"app"."orders"');
    expect(of("NET-012").locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: "file:///etc/postgresql/17/main/pg_hba.conf" },
      region: { startLine: 12 },
    });
    const waived = results.filter((one: { suppressions?: unknown }) => one.suppressions !== undefined);
    expect(waived).toHaveLength(1);
    expect(waived[0].suppressions).toMatchObject([{ kind: "external", status: "accepted" }]);
    expect(of("ROL-003").partialFingerprints["pgkeep/v1"]).toMatch(/^[0-9a-f]{16}$/);
    const rule = tool.driver.rules[of("ROL-003").ruleIndex];
    expect(rule).toMatchObject({ id: "ROL-003", properties: { "security-severity": "9.5" } });
    expect(rule.properties.tags.length).toBeLessThanOrEqual(10);
  });
});
