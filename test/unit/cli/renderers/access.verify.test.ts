/** How a verification reads, on a terminal and in report formats. */
import { describe, expect, it } from "vitest";
import type { View } from "../../../../src/cli/renderer.ts";
import renderer from "../../../../src/cli/renderers/access.verify.ts";
import type { VerifyDocument } from "../../../../src/operations/access/verify-document.ts";
import { viewOf } from "../../../support/view.ts";

const VIEW = viewOf({ ascii: true, isTerminal: true });

const DOCUMENT: VerifyDocument = {
  database: "shop",
  server_version: 180_000,
  model: "access.yaml",
  model_hash: "00",
  executor: { session_user: "postgres", superuser: true },
  method: "session authorization",
  counts: { pass: 1, fail: 1, unknown: 1, computed: 0 },
  matrix: [{ role: "app", schema: "app", pass: 1, fail: 1, unknown: 1, computed: 0 }],
  probes: [
    {
      row: 2,
      role: "app",
      action: "select",
      object: "table app.a/b",
      schema: "app",
      expected: "allowed",
      result: "pass",
      actual: "allowed",
    },
    {
      row: 3,
      role: "app",
      action: "delete",
      object: "table app.\u001b[31mred",
      schema: "app",
      expected: "refused",
      result: "fail",
      actual: "allowed",
    },
    {
      row: 6,
      role: "",
      action: "drop",
      object: "table app.t",
      schema: "app",
      expected: "refused",
      result: "unknown",
      sqlstate: "55P03",
      message: "lock timeout",
      reason: "the server answered with another error",
    },
  ],
  notes: [],
  strict: false,
  state: "rolled back; nothing was changed",
};

describe("the text of a verification", () => {
  const text = renderer.result?.(DOCUMENT, VIEW) ?? "";

  it("has failures first, then what is unknown, then the table and the counts", () => {
    const lines = text.split("\n");

    expect(lines[0]).toMatch(/^FAILED app: delete table app\..*red +must be refused, is allowed$/);
    expect(lines.findIndex((line) => line.startsWith("? PUBLIC: drop"))).toBeGreaterThan(0);
    expect(text).toContain("server: lock timeout (55P03)");
    expect(text).toContain(
      "FAILED shop: 1 passed, 0 computed from the catalog, 1 failed, 1 unknown; rolled back; nothing was changed",
    );
    expect(text).toContain("next: pgkeep access plan access.yaml");
  });

  it("says in one line what of one object failed for one reason, and why nothing was tried", () => {
    const [probe] = DOCUMENT.probes;
    if (!probe) throw new Error("no probe");
    const failure = { ...probe, result: "fail" as const, actual: "refused" as const, reason: "it is a foreign table" };
    const probes = ["select", "insert", "update"].map((action) => ({ ...failure, action, row: 3 }));
    const other = { ...failure, object: "table app.other" };
    const shown = renderer.result?.({ ...DOCUMENT, probes: [...probes, other] }, VIEW) ?? "";

    expect(shown.split("\n").slice(0, 4)).toEqual([
      "FAILED app: select, insert, update on table app.a/b   must be allowed, are refused",
      "    the catalog says so, nothing was tried: it is a foreign table",
      "FAILED app: select table app.other   must be allowed, is refused",
      "    the catalog says so, nothing was tried: it is a foreign table",
    ]);
  });

  it("calls facts so or not so, which nobody is refused", () => {
    const [probe] = DOCUMENT.probes;
    if (!probe) throw new Error("no probe");
    const failure = { ...probe, action: "policy own holds", result: "fail" as const, actual: "refused" as const };
    const shown = renderer.result?.({ ...DOCUMENT, probes: [failure] }, VIEW) ?? "";

    expect(shown.split("\n")[0]).toBe("FAILED app: policy own holds table app.a/b   must be so, is not so");
  });

  it("tells how to find out why something is allowed, where the name needs no quotes", () => {
    const [, failure] = DOCUMENT.probes;
    if (!failure) throw new Error("no failure");
    const plain = { ...failure, object: "table app.orders" };
    const shown = renderer.result?.({ ...DOCUMENT, probes: [failure, plain] }, VIEW) ?? "";

    expect(shown).toContain("pgkeep access explain app delete app.orders -d shop  ");
    expect(text).not.toContain("access explain");
  });

  it("sends no control character of a name to the terminal", () => {
    expect(text).not.toContain("\u001b");
  });

  it("shows 40 failures, and all of them with --verbose", () => {
    const [, failure] = DOCUMENT.probes;
    if (!failure) throw new Error("no failure");
    const many = {
      ...DOCUMENT,
      probes: Array.from({ length: 100 }, (_, n) => ({ ...failure, object: `table t${n}` })),
    };
    const count = (view: View) => renderer.result?.(many, view).match(/^FAILED app/gm)?.length;

    expect(count(VIEW)).toBe(40);
    expect(count({ ...VIEW, verbose: true })).toBe(100);
  });

  it("reports progress to people only", () => {
    const event = { type: "access.verify_role", role: "app", done: 1, total: 3 };

    expect(renderer.progress?.(event, VIEW)).toBe('probing as "app" (2 of 3)');
    expect(renderer.progress?.(event, { ...VIEW, isTerminal: false })).toBeUndefined();
  });
});

describe("the report formats of a verification", () => {
  it("have one case per probe: unknown is skipped, never passed", async () => {
    const tap = await renderer.formats?.tap?.(DOCUMENT);

    expect(tap).toContain("ok 1 - ./app/app/select table app.a%2Fb");
    expect(tap).toMatch(/^not ok 2 - /m);
    expect(tap).toMatch(/^ok 3 - \.\/PUBLIC\/app\/drop table app\.t: refused # SKIP/m);
  });

  it("fail as a whole for what is unknown when that is strict", async () => {
    const unknown = {
      ...DOCUMENT,
      strict: true,
      counts: { pass: 1, fail: 0, unknown: 1, computed: 0 },
      probes: DOCUMENT.probes.filter(({ result }) => result !== "fail"),
    };

    expect(await renderer.formats?.tap?.(unknown)).toMatch(/^not ok \d+ - \.\/access\.yaml$/m);
    expect(await renderer.formats?.tap?.({ ...unknown, strict: false })).not.toMatch(/^not ok/m);
  });
});
