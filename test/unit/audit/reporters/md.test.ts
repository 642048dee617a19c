/** Markdown: sections by check, tables that hold. */
import { describe, expect, it } from "vitest";
import md from "../../../../src/audit/reporters/md.ts";
import { EVERYTHING } from "../../../support/audit/formats.ts";
import { hostileResults, sampleDocument } from "../../../support/audit/sample.ts";

describe("Markdown", () => {
  it("has a section per check, worst first, then what is accepted and what is unknown", () => {
    const heads = md
      .render(EVERYTHING)
      .split("\n")
      .filter((line) => line.startsWith("#"));
    expect(heads.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      "# pgkeep audit",
      "## CRITICAL ROL&#45;003".replace("&#45;", "-"),
      "## HIGH NET-012",
      "## HIGH ROL-001",
      "## MEDIUM TLS-002",
      "## LOW PRC-001",
      "## LOW PRV-005",
      "## INFO HST-001",
      "## Accepted",
      "## Unknown",
    ]);
  });

  it("[U-04] keeps every table to its columns and makes no markup of hostile names", () => {
    const text = md.render(sampleDocument(hostileResults()));
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    // Ten columns of scores, four of findings and of what is unknown; what stands in a cell adds none.
    expect(new Set(rows.map((row) => row.split("|").length - 2))).toEqual(new Set([10, 4]));
    expect(text).not.toMatch(/<(?!br>)/);
  });
});
