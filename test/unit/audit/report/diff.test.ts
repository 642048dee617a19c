/** What changed between two audits, and what nobody knows. */
import { describe, expect, it } from "vitest";
import { diffRuns } from "../../../../src/audit/report/diff.ts";
import { found, PASS, SAMPLE_WAIVER, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";

const run = (
  outcome: Parameters<typeof sampleResult>[0]["outcome"],
  severity: "low" | "high" = "high",
  waived = false,
) =>
  sampleDocument([sampleResult({ id: "ROL-001", severity, outcome })], {
    parts: { waivers: waived ? [{ ...SAMPLE_WAIVER, object: "*" }] : [] },
  });
const UNKNOWN = { status: "unknown", reason: "no right", right: undefined } as const;

const objects = (list: readonly { object: string }[]) => list.map(({ object }) => object);

describe("the difference of two audits", () => {
  it("tells new, gone and still there apart", () => {
    const difference = diffRuns(run(found("a", "b")), run(found("b", "c")));
    expect(objects(difference.appeared)).toEqual(["c"]);
    expect(objects(difference.gone)).toEqual(["a"]);
    expect(objects(difference.still)).toEqual(["b"]);
    expect(difference.severityChanged).toEqual([]);
  });

  it("does not call gone what was not looked for: the check is unknown now, or took no part", () => {
    expect(diffRuns(run(found("a")), run(PASS))).toMatchObject({ gone: [{ object: "a" }], lost: [] });
    expect(diffRuns(run(found("a")), run(UNKNOWN))).toMatchObject({ gone: [], lost: [{ object: "a" }] });
    expect(diffRuns(run(found("a")), sampleDocument([]))).toMatchObject({ gone: [], lost: [{ object: "a" }] });
  });

  it("knows the place: unknown in another database keeps nothing from being gone", () => {
    const inDatabase = (database: string, outcome: Parameters<typeof sampleResult>[0]["outcome"]) =>
      sampleResult({ id: "PRV-001", database, outcome });
    const before = sampleDocument([inDatabase("a", found("x")), inDatabase("b", found("x"))]);
    const after = sampleDocument([inDatabase("a", PASS), inDatabase("b", UNKNOWN)]);
    const difference = diffRuns(before, after);
    expect(difference.gone).toMatchObject([{ database: "a" }]);
    expect(difference.lost).toMatchObject([{ database: "b" }]);
  });

  it("says what became graver or less grave", () => {
    expect(diffRuns(run(found("a"), "low"), run(found("a"), "high")).severityChanged).toMatchObject([
      { from: "low", finding: { severity: "high" } },
    ]);
  });

  it("has accepted findings neither new nor gone, and a waiver that ended as new", () => {
    const accepted = diffRuns(run(found("a")), run(found("a"), "high", true));
    expect(accepted).toMatchObject({ appeared: [], gone: [], lost: [], still: [], waived: [{ object: "a" }] });
    const ended = diffRuns(run(found("a"), "high", true), run(found("a")));
    expect(ended).toMatchObject({ appeared: [{ object: "a" }], gone: [], waived: [] });
  });
});
