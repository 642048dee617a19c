/** Plans, applies and differences of access as people read them. */
import { describe, expect, it } from "vitest";
import { PUBLIC } from "../../../../src/access/privileges/acl.ts";
import applyRenderer from "../../../../src/cli/renderers/access.apply.ts";
import diffRenderer from "../../../../src/cli/renderers/access.diff.ts";
import driftRenderer from "../../../../src/cli/renderers/access.drift.ts";
import ownRenderer from "../../../../src/cli/renderers/access.own.ts";
import planRenderer from "../../../../src/cli/renderers/access.plan.ts";
import { appliedDocument } from "../../../../src/operations/access/applied-document.ts";
import { appliedExitCode } from "../../../../src/operations/access/applying.ts";
import { planDocument } from "../../../../src/operations/access/plan-document.ts";
import { planned, planOf } from "../../../support/hand-made-plan.ts";

const VIEW = {
  colour: false,
  ascii: false,
  width: 100,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;

const model = { file: "access.yaml", mode: "adopt" } as Parameters<typeof planDocument>[1];

const plan = planOf(
  "shop",
  [
    planned('create role "reporter" login', {
      kind: "create role",
      role: "reporter",
      inverse: 'drop role "reporter"',
      requires: "CREATEROLE",
    }),
    planned('alter role "django" connection limit 50', { kind: "alter role", role: "django", inverse: "x" }),
    planned("revoke create on schema public from public", {
      kind: "revoke",
      role: PUBLIC,
      risk: "medium",
      riskReason: "whoever relies on it is refused",
      lock: "none",
    }),
    planned("reset role", { kind: "temporary" }),
  ],
  { unchanged: 1_234, warnings: ["a creator is not covered"] },
);

describe("a plan of access", () => {
  const text = planRenderer.result?.(planDocument(plan, model), VIEW) ?? "";

  it("says first how much there is, and that nothing was changed", () => {
    expect(text).toMatch(/^plan: 1 to add, 1 to change, 1 to revoke, 0 blocked {10}read-only so far\n/);
  });

  it("has a sign for what is added, changed and taken away, and leaves borrowed rights out", () => {
    expect(text).toContain('\n  + create role "reporter" login\n');
    expect(text).toContain('\n  ~ alter role "django" connection limit 50\n');
    expect(text).toContain(
      "\n  - revoke create on schema public from public\n      medium risk: whoever relies on it is refused\n",
    );
    expect(text).not.toContain("reset role");
  });

  it("ends with what it needs, which locks it takes and whether it can be undone", () => {
    expect(text).toContain("    1,234 unchanged\n");
    expect(text).toContain("warning: a creator is not covered\n");
    expect(text).toMatch(/needs: CREATEROLE, superuser\nlocks: none {3}reversible: not all \(--save-undo\)\n$/);
  });

  it("says the same risk of neighbours once", () => {
    const risky = { risk: "medium" as const, riskReason: "the old owner loses it" };
    const two = ["alter table a owner to x", "alter table b owner to x"].map((each) => planned(each, risky));
    const other = planned("revoke all on c from y", { ...risky, riskReason: "another" });
    const shown = planRenderer.result?.(planDocument(planOf("shop", [...two, other]), model), VIEW) ?? "";
    expect(shown.split("\n").filter((line) => line.includes("risk:"))).toEqual([
      "      medium risk: the old owner loses it (all 2)",
      "      medium risk: another",
    ]);
  });

  it("gathers the rights that it needs by how this role has them", () => {
    const requires = [
      "CREATEDB (you have it)",
      ..."abcde".split("").map((name) => `ADMIN on ${name} (you are a superuser)`),
    ];
    const document = planDocument(
      planOf(
        "shop",
        requires.map((right) => planned("x", { requires: right })),
      ),
      model,
    );
    expect(planRenderer.result?.(document, VIEW)).toContain(
      "needs: CREATEDB (you have it); ADMIN on a, ADMIN on b, ADMIN on c and 2 more (you are a superuser)\n",
    );
  });

  it("names what a block of code is for in place of the code", () => {
    const block = planned("do 'begin end'", { object: 'policy "own"', reason: "remembers the expression" });
    const shown = planRenderer.result?.(planDocument(planOf("shop", [block]), model), VIEW) ?? "";
    expect(shown).toContain('policy "own": remembers the expression\n');
    expect(shown).not.toContain("begin end");
  });

  it("shows blocked statements with who can run them", () => {
    const blocked = [
      {
        sql: "alter schema public owner to x",
        object: "schema public",
        role: undefined,
        reason: "14",
        needs: "superuser",
      },
    ];
    const shown = planRenderer.result?.(planDocument({ ...plan, blocked }, model), VIEW);
    expect(shown).toContain("  ! alter schema public owner to x\n      blocked: needs superuser; 14\n");
  });

  it("ends with the command that applies this model, wherever its file is", () => {
    const elsewhere = planDocument(plan, { ...model, file: "models/my shop.yaml" });
    expect(planRenderer.summary?.(elsewhere, VIEW)).toContain("next: pgkeep access apply 'models/my shop.yaml' ");
    expect(planRenderer.summary?.(elsewhere, { ...VIEW, place: " --embedded" })).toContain(
      "next: pgkeep access apply 'models/my shop.yaml' --embedded        or",
    );
  });

  it("is a script for psql in the format sql", async () => {
    const script = await planRenderer.formats?.sql?.(planDocument(plan, model));
    expect(script).toContain("begin;");
    expect(script).toContain('create role "reporter" login;');
  });

  it("never lets a name of the server write to the terminal", () => {
    const hostile = planOf("shop", [planned('grant x to "\u001b[31m::error::"', { object: "\u202e" })]);
    const shown = planRenderer.result?.(planDocument(hostile, model), VIEW) ?? "";
    for (const harmful of ["\u001b", "\u202e"]) expect(shown).not.toContain(harmful);
    expect(shown).toContain("\\u{1b}");
  });
});

describe("an apply", () => {
  const report = {
    statements: plan.statements,
    notices: [],
    passwordsSet: [],
    retries: 0,
    wasDone: false,
    remaining: [],
  };

  it("does not call a model fulfilled when everything that is left is blocked", () => {
    const blocked = [
      { sql: "alter view v owner to x", object: "view v", role: undefined, reason: "", needs: "a flag" },
    ];
    const stuck = appliedDocument({ plan: { ...plan, statements: [], blocked }, model });
    expect(stuck.outcome).toBe("not applied");
    expect(appliedExitCode(stuck)).toBe(21);
    expect(applyRenderer.summary?.(stuck, VIEW)).toBe("shop: nothing was changed (all of it is blocked)");
  });

  it("says in its last line what was done", () => {
    const done = appliedDocument({ plan, model, report });
    expect(applyRenderer.summary?.(done, VIEW)).toBe("✓ shop: 4 statements applied, looked at again, committed");
    expect(ownRenderer.summary?.(done, { ...VIEW, ascii: true })).toMatch(/^ok shop: /);
  });

  it("names what is left and what a role can do all the same", () => {
    const leftover = { role: "app", object: 'table "t"', privilege: "select" as const, paths: ["PUBLIC has it"] };
    const output = appliedDocument({
      plan,
      model,
      report: { ...report, remaining: plan.statements.slice(0, 1) },
      leftovers: [leftover],
    });
    const text = applyRenderer.result?.(output, VIEW);
    expect(text).toContain('still to do: create role "reporter" login');
    expect(text).toContain('role "app" can still select table "t":\n  by PUBLIC has it');
    expect(applyRenderer.summary?.(output, VIEW)).toContain("committed, but not as planned");
  });

  it("shows the plan before it asks", () => {
    const shown = applyRenderer.progress?.({ type: "access.approval_needed", plan: planDocument(plan, model) }, VIEW);
    expect(shown).toMatch(/^plan: 1 to add/);
  });

  it("says when it starts again, and each statement with --verbose", () => {
    expect(applyRenderer.progress?.({ type: "access.retry", attempt: 2 }, VIEW)).toContain("starting again (2)");
    const event = { type: "access.statement_done", n: 3, of: 9, kind: "grant", object: "tables" };
    expect(applyRenderer.progress?.(event, VIEW)).toBeUndefined();
    expect(applyRenderer.progress?.(event, { ...VIEW, verbose: true })).toBe("  3 of 9  grant tables");
  });
});

describe("differences", () => {
  const entry = { what: "privilege", object: 'table "orders"', role: "app", wanted: "select", found: null };
  const document = {
    database: "shop",
    model: { file: "access.yaml", sha256: "" },
    state_hash: "",
    missing: [entry],
    extra: [{ ...entry, role: "", wanted: null, found: "insert" }],
    different: [{ ...entry, what: "owner", role: null, wanted: "a", found: "b" }],
    blocked: 0,
    warnings: [],
  };

  it("are one line each", () => {
    expect(diffRenderer.result?.(document, VIEW)).toBe(
      [
        "shop: 1 missing, 1 too much, 1 different",
        '  + privilege of "app": table "orders": select',
        '  - privilege of PUBLIC: table "orders": insert',
        '  ~ owner: table "orders": b -> a',
        "",
      ].join("\n"),
    );
  });

  it("of a drift say what is new since then", () => {
    const text = driftRenderer.result?.({ ...document, since: { file: "before.json", new: [entry], gone: [] } }, VIEW);
    expect(text).toContain('since "before.json": 1 new, 0 gone\n  new  privilege of "app"');
  });

  it("name a role once when it is the role that differs", () => {
    const role = { what: "role", object: 'role "app"', role: "app", wanted: "login", found: "nologin" };
    const shown = diffRenderer.result?.(
      { ...document, missing: [], extra: [], different: [{ ...entry, ...role }] },
      VIEW,
    );
    expect(shown).toContain('\n  ~ role "app": nologin -> login\n');
  });

  it("are none when there are none", () => {
    const none = { ...document, missing: [], extra: [], different: [] };
    expect(diffRenderer.result?.(none, VIEW)).toBe("shop: as the model says\n");
    expect(diffRenderer.summary?.(none, VIEW)).toBeUndefined();
    expect(diffRenderer.summary?.(document, VIEW)).toContain("next: pgkeep access plan access.yaml  ");
    expect(diffRenderer.summary?.(document, { ...VIEW, place: " -h db" })).toContain("plan access.yaml -h db  ");
  });
});
