/** A fix plan on a terminal: what is safe, what is not and why, what was done; nothing foreign acts on the reader. */
import { describe, expect, it } from "vitest";
import bootstrapRenderer from "../../../../src/cli/renderers/audit.bootstrap.ts";
import renderer from "../../../../src/cli/renderers/audit.fix.ts";
import type { FixDocument } from "../../../../src/operations/audit/fixing.ts";
import { viewOf } from "../../../support/view.ts";

type Step = FixDocument["steps"][number];

const cure = (object: string) => ({
  check: "FUN-005",
  title: "lent to everybody",
  severity: "medium" as const,
  object,
  fingerprint: "f",
});
const step = (changes: Partial<Step> = {}): Step => ({
  n: 1,
  group: "revokes",
  database: "shop",
  cures: [cure("app.f()")],
  sql: ["revoke execute on routine app.f() from public"],
  conf: [],
  lines: [],
  file: null,
  how: null,
  effect: "at once",
  risk: "medium",
  risk_reason: "callers are refused",
  is_safe: true,
  by_hand: null,
  ...changes,
});
const score = { score: 59, grade: "D" as const, findings: 3 };
const document = (changes: Partial<FixDocument> = {}): FixDocument => ({
  database: "shop",
  outcome: "planned",
  summary: { steps: 1, safe: 1, by_hand: 0, findings: 1, needs_restart: false },
  steps: [step()],
  applied: [],
  failed: [],
  before: score,
  after: null,
  cured: [],
  not_cured: [],
  appeared: [],
  undo: null,
  undo_file: null,
  ...changes,
});
const text = (of: FixDocument, view = viewOf()): string => renderer.result?.(of, view) ?? "";
const summary = (of: FixDocument): string => renderer.summary?.(of, viewOf()) ?? "";

describe("a fix plan", () => {
  it("names group, check, object, statement, risk and what it takes", () => {
    const setting = step({
      n: 2,
      group: "settings",
      database: null,
      sql: ["alter system set ssl = 'on'"],
      effect: "after a restart",
      is_safe: false,
      by_hand: "it takes a restart",
    });
    const summaryOf = { steps: 2, safe: 1, by_hand: 1, findings: 2, needs_restart: true };
    expect(text(document({ steps: [setting, step()], summary: summaryOf }))).toBe(
      [
        "fix plan: 2 findings in 2 steps, 1 for --apply, 1 by hand, a restart among them",
        "",
        "settings of the server",
        "  2  by hand  FUN-005  MEDIUM  app.f()",
        "       alter system set ssl = 'on';",
        "       risk medium (callers are refused); in force after a restart; not by --apply: it takes a restart",
        "",
        "privileges that go",
        "  1  --apply  FUN-005  MEDIUM  app.f()  in shop",
        "       revoke execute on routine app.f() from public;",
        "       risk medium (callers are refused)",
        "",
      ].join("\n"),
    );
  });

  it("shows forty steps and says how many there are more, all of them with -v", () => {
    const steps = Array.from({ length: 50 }, (_, index) => step({ n: index + 1 }));
    expect(text(document({ steps }))).toContain("... 10 more");
    expect(text(document({ steps }), viewOf({ verbose: true }))).toContain(" 50  --apply");
  });

  it("names three objects of a step and counts the others", () => {
    const cures = ["a", "b", "c", "d", "e"].map(cure);
    expect(text(document({ steps: [step({ cures })] }))).toContain("a, b, c and 2 more");
    const twice = [cure("a"), { ...cure("a"), check: "NET-010" }, cure("b")];
    expect(text(document({ steps: [step({ cures: twice })] }))).toContain("FUN-005, NET-010  MEDIUM  a, b  in shop\n");
  });

  it("makes names harmless", () => {
    const evil = "x\n::error::\u001b[2J\u202e";
    const shown = text(
      document({
        steps: [
          step({
            cures: [cure(evil)],
            database: evil,
            sql: [evil],
            lines: [evil],
            file: evil,
            how: evil,
            by_hand: evil,
          }),
        ],
      }),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be there.
    expect(shown.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(shown).not.toMatch(/^::error::/m);
  });

  it("asks about the safe steps alone", () => {
    const steps = [step(), step({ n: 2, is_safe: false, by_hand: "no", cures: [cure("other")] })];
    const shown = renderer.progress?.({ type: "audit.approval_needed", plan: document({ steps }) }, viewOf());
    expect(shown).toContain("app.f()");
    expect(shown).not.toContain("other");
  });
});

describe("what was applied", () => {
  const done = document({
    outcome: "applied, but not cured",
    applied: [1],
    failed: [{ n: 2, reason: "the server refused" }],
    steps: [step({ sql: ['set role "third"', "revoke it", "reset role"] }), step({ n: 2 })],
    not_cured: [cure("app.g()")],
    appeared: [cure("app.h()")],
    after: { score: 84, grade: "B", findings: 1 },
    undo_file: "undo.sql",
  });

  it("is one line per step, and one for everything that is not as it should be", () => {
    expect(text(done).trimEnd().split("\n")).toEqual([
      "✓ FUN-005  revoke it",
      "✗ FUN-005  revoke execute on routine app.f() from public: the server refused",
      "✗ FUN-005  app.g() is still found, or cannot be seen any more",
      "! FUN-005  app.h() is found now and was not before",
    ]);
    expect(text(done, viewOf({ ascii: true }))).toMatch(/^ok .*\nFAILED /);
  });

  it("ends with both scores and where the way back is", () => {
    expect(summary(done)).toBe("1 step applied and audited again: D 59 -> B 84, 3 findings -> 1; undo: undo.sql");
  });

  it.each([
    [document(), /next: the same command with --apply/],
    [document({ summary: { ...document().summary, safe: 0 } }), /nothing of it is for --apply/],
    [document({ outcome: "not applied" }), /--dry-run/],
    [document({ outcome: "not applied", summary: { ...document().summary, safe: 0 } }), /left to a person/],
    [document({ outcome: "nothing to do", steps: [] }), /nothing to fix/],
  ])("says when nothing was changed, and what is next (%#)", (of, expected) => {
    expect(summary(of)).toMatch(expected);
  });
});

describe("formats", () => {
  it("are a script and lines of postgresql.conf, empty after a failure", async () => {
    const setting = step({ group: "settings", sql: ["alter system set a = '1'"], conf: ["a = '1'"] });
    const of = document({ steps: [setting, step()] });
    expect(await renderer.formats?.sql?.(of)).toContain("revoke execute on routine app.f() from public;");
    expect(await renderer.formats?.conf?.(of)).toContain("\na = '1'\n");
    expect([await renderer.formats?.sql?.(undefined), await renderer.formats?.conf?.(undefined)]).toEqual(["", ""]);
  });
});

describe("the auditor's role", () => {
  const made = {
    database: "shop",
    outcome: "applied" as const,
    plan: { statements: [], blocked: [] },
    applied: [{}],
    password_file: "auditor.secret",
    command: "pgkeep audit -d shop -U pgkeep_auditor",
  };

  it("comes with its password's file and the command to audit as it", () => {
    const shown = bootstrapRenderer.summary?.(made as never, viewOf());
    expect(shown).toBe(
      "✓ shop: 1 statement applied, looked at again, committed\nits password is in auditor.secret\nnext: pgkeep audit -d shop -U pgkeep_auditor",
    );
  });

  it("has no command when it was not made", () => {
    const shown = bootstrapRenderer.summary?.(
      { ...made, outcome: "not applied", password_file: null } as never,
      viewOf(),
    );
    expect(shown).not.toContain("next:");
  });
});
