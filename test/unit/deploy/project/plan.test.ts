/** Ids and the order of the plan. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes } from "../../../../src/deploy/project/byte-order.ts";
import { genericId, planRows } from "../../../../src/deploy/project/plan.ts";
import type { ProjectFile } from "../../../../src/deploy/project/project.ts";

const file = (path: string, sortKeys: string[] = [], isTest = false): ProjectFile => ({
  path,
  content: "",
  sizeBytes: 0,
  checksum: "",
  normalizedChecksum: "",
  isSql: path.endsWith(".sql"),
  isTest,
  metadata: sortKeys.length === 0 ? undefined : { id: genericId(path), idempotent: true, description: "", sortKeys },
});

describe("the plan", () => {
  it("[SA-08] [SA-09] has one row per file and sort key, by key bytes and then path bytes", () => {
    const rows = planRows([
      file("./z.sql", ["010", "030"]),
      file("./a.sql", ["030"]),
      file("./B.txt"),
      file("./_c.sql"),
      file("./ä.sql"),
      file("./a/t.sql", [], true),
      file("./x.sql", ["Z"]),
    ]);
    expect(rows.map(({ sortKey, file: { path }, executionOrder }) => [executionOrder, sortKey, path])).toEqual([
      [1, "./B.txt", "./B.txt"],
      [2, "./_c.sql", "./_c.sql"],
      [3, "./ä.sql", "./ä.sql"],
      [4, "010", "./z.sql"],
      [5, "030", "./a.sql"],
      [6, "030", "./z.sql"],
      [7, "Z", "./x.sql"],
    ]);
  });

  it("[SA-25] names files without metadata by the MD5 of their path, without version bits", () => {
    const digest = createHash("md5").update("./schema/ä.sql", "utf8").digest("hex");
    expect(genericId("./schema/ä.sql").replaceAll("-", "")).toBe(digest);
    expect(genericId("./a.sql")).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});

describe("compareBytes", () => {
  it("orders any two texts as their UTF-8 bytes", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "B", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });
});
