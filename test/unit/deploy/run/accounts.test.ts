/** The small decisions of a run: what became durable, what state to claim, which notices to keep, when to stop waiting. */
import { describe, expect, it } from "vitest";
import { within } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { Project } from "../../../../src/deploy/project/project.ts";
import { CommitLedger } from "../../../../src/deploy/run/commit-ledger.ts";
import { commitMark, mayAnnounce } from "../../../../src/deploy/run/execute.ts";
import { globToRegExp } from "../../../../src/deploy/run/glob.ts";
import { abortable, runLimit } from "../../../../src/deploy/run/limit.ts";
import { MAX_KEPT, NoticeRing } from "../../../../src/deploy/run/notices.ts";
import { planScript } from "../../../../src/deploy/run/script-plan.ts";
import {
  afterFailure,
  afterSuccess,
  nothingStarted,
  residueOf,
  unknownState,
} from "../../../../src/deploy/run/state.ts";
import { headWithoutTerminator } from "../../../../src/deploy/run/tests.ts";

function ledger(
  ...units: [lastTag: string | undefined, statusAfter: "idle" | "transaction" | "failed", chains?: boolean][]
) {
  const account = new CommitLedger();
  for (const [lastTag, statusAfter, chains = false] of units) account.complete({ lastTag, statusAfter, chains });
  return account;
}

describe("the ledger", () => {
  it.each([
    ["an autocommitted statement", [["CREATE TABLE", "idle"]], 1],
    [
      "a committed transaction, all its units together",
      [
        ["BEGIN", "transaction"],
        ["INSERT 0 1", "transaction"],
        ["COMMIT", "idle"],
      ],
      3,
    ],
    [
      "a transaction that is still open: nothing",
      [
        ["COMMIT", "idle"],
        ["BEGIN", "transaction"],
        ["INSERT 0 1", "transaction"],
      ],
      1,
    ],
    [
      "a transaction that was rolled back: nothing",
      [
        ["BEGIN", "transaction"],
        ["INSERT 0 1", "transaction"],
        ["ROLLBACK", "idle"],
      ],
      0,
    ],
    [
      "a COMMIT that the server turned into ROLLBACK: nothing",
      [
        ["BEGIN", "transaction"],
        ["ROLLBACK", "idle"],
      ],
      0,
    ],
    [
      "ROLLBACK TO: the transaction goes on",
      [
        ["BEGIN", "transaction"],
        ["ROLLBACK", "transaction"],
        ["COMMIT", "idle"],
      ],
      3,
    ],
    [
      "ROLLBACK AND CHAIN: dropped, and a new one",
      [
        ["BEGIN", "transaction"],
        ["ROLLBACK", "transaction", true],
        ["COMMIT", "idle"],
      ],
      1,
    ],
    [
      "COMMIT AND CHAIN: kept",
      [
        ["COMMIT", "transaction"],
        ["INSERT 0 1", "transaction"],
      ],
      1,
    ],
    [
      "a prepared transaction: kept",
      [
        ["BEGIN", "transaction"],
        ["PREPARE TRANSACTION", "idle"],
      ],
      2,
    ],
    ["an empty unit: kept", [[undefined, "idle"]], 1],
  ] as const)("counts %s", (_name, units, durable) => {
    expect(
      ledger(...units.map((unit): [string | undefined, "idle" | "transaction" | "failed", boolean?] => [...unit]))
        .durable,
    ).toBe(durable);
  });
});

describe("the state after a failure", () => {
  const failed = { database: "shop", origin: "existing" as const, units: 5, failedUnit: 1, residue: undefined };

  it("says as before only when that is so", () => {
    expect(afterFailure({ ...failed, ledger: ledger() })).toBe('rolled back; database "shop" is as before this run');
    expect(afterFailure({ ...failed, ledger: ledger(), origin: "created" })).toBe(
      'rolled back; database "shop" was created by this run and is empty',
    );
    expect(afterFailure({ ...failed, ledger: ledger(), residue: "own commits" })).not.toContain("as before");
    expect(nothingStarted("shop", "recreated")).toBe(
      'nothing of the project was started; database "shop" was recreated and is empty',
    );
  });

  it("tells of a prepared transaction, which a rollback does not end", () => {
    const prepared = ledger();
    prepared.note("PREPARE TRANSACTION");
    const stays = "what PREPARE TRANSACTION took aside stays until COMMIT PREPARED or ROLLBACK PREPARED";
    expect(afterFailure({ ...failed, ledger: prepared })).toBe(`rolled back; ${stays}`);
    expect(afterSuccess(prepared)).toBe(`committed; ${stays}`);
    prepared.complete({ lastTag: "COMMIT", statusAfter: "idle", chains: false });
    expect(afterFailure({ ...failed, ledger: prepared, failedUnit: 2 })).toBe(
      `committed up to unit 1 of 5; unit 2 was rolled back; ${stays}`,
    );
  });

  it("names what stays and what does not", () => {
    const some = ledger(["COMMIT", "idle"], ["BEGIN", "transaction"], ["INSERT 0 1", "transaction"]);
    expect(afterFailure({ ...failed, ledger: some, failedUnit: 4 })).toBe(
      "committed up to unit 1 of 5; units 2 to 4 were rolled back",
    );
    expect(afterFailure({ ...failed, ledger: some, failedUnit: undefined })).toBe(
      "committed up to unit 1 of 5; the rest did not run",
    );
  });

  it("does not call committed what the script rolled back itself before it committed more", () => {
    const gap = ledger(["COMMIT", "idle"], ["BEGIN", "transaction"], ["ROLLBACK", "idle"], ["CREATE TABLE", "idle"]);
    expect(afterFailure({ ...failed, ledger: gap, failedUnit: 5 })).toBe(
      "committed up to unit 4 of 5, except for what deploy.sql rolled back itself; unit 5 was rolled back",
    );
    expect(afterFailure({ ...failed, ledger: gap, units: 4, failedUnit: 4 })).toBe(
      "committed, except for what deploy.sql rolled back itself",
    );
    expect(unknownState({ database: "shop", ledger: gap, units: 5, failedUnit: 5, transactionId: undefined })).toMatch(
      /^committed up to unit 4 of 5, except for what deploy\.sql rolled back itself; unknown for unit 5/,
    );
  });

  it.each([
    ["do $$ $$", "own commits"],
    ["call p()", "own commits"],
    ["create unique  index concurrently i on t(a)", "invalid index"],
    ["reindex table concurrently t", "invalid index"],
    ["vacuum t", "not transactional"],
    ["create database x", "not transactional"],
    ["create table t(a int)", undefined],
    ["create index i on t(a)", undefined],
  ])("knows what %s leaves", (statement, residue) => {
    expect(residueOf(statement)).toBe(residue);
  });
});

describe("the announcement of a transaction", () => {
  const announced = (script: string) =>
    planScript({ script, macros: [], expansions: [], files: [], announces: true }).units.map((unit) => unit.sql());

  it("stands before the statement that ends the head, on its line", () => {
    expect(announced("begin;\nselect 1;\ncommit;\nselect 2;")).toEqual([
      "begin;\nselect 1;\nSELECT pg_temp._pgkeep_transaction();commit;",
      "\n\n\nselect 2;",
    ]);
  });

  it("stands at the end of a script of several statements without a terminator, whatever its last line is", () => {
    expect(announced("select 1; select 2 -- end")).toEqual([
      "select 1; select 2 -- end\n;SELECT pg_temp._pgkeep_transaction();",
    ]);
  });

  it("is left out of single statements, some of which must be alone", () => {
    for (const script of ["vacuum;", "call p()", "commit;", ""]) expect(commitMark(script)).toEqual([]);
  });

  it("is left out of projects that take temporary objects away, or prepare transactions", () => {
    const project = (deployScript: string, content = ""): Project => ({
      root: "/p",
      deployScript,
      files: [
        {
          path: "./a.sql",
          content,
          sizeBytes: 0,
          checksum: "",
          normalizedChecksum: "",
          isSql: true,
          isTest: false,
          metadata: undefined,
        },
      ],
      testDirectories: [],
    });
    expect(mayAnnounce(project("begin; commit;"))).toBe(true);
    for (const sql of ["discard all;", "DISCARD temp", "drop  owned by x", "prepare transaction 'x'"]) {
      expect(mayAnnounce(project(sql))).toBe(false);
      expect(mayAnnounce(project("begin; commit;", sql))).toBe(false);
    }
  });

  it("does not move places", () => {
    const plan = planScript({
      script: "begin; select 1; commit; select nosuch;",
      macros: [],
      expansions: [],
      files: [],
      announces: true,
    });
    expect(plan.place(2, 8 + 24)).toMatchObject({ line: 1 });
  });
});

describe("a kept notice", () => {
  it("is one of the last 200, oldest first", () => {
    const ring = new NoticeRing();
    for (let n = 0; n < MAX_KEPT + 5; n++) ring.add({ severity: "NOTICE", code: "00000", message: `${n}`, detail: "" });
    expect(ring.truncated).toBe(true);
    expect(ring.lines().map(({ message }) => message)).toEqual(Array.from({ length: MAX_KEPT }, (_, n) => `${n + 5}`));
    expect(ring.lines()[0]).toEqual({ severity: "NOTICE", message: "5" });
  });

  it("is cut when it is huge", () => {
    const ring = new NoticeRing();
    ring.add({ severity: "NOTICE", code: "00000", message: "x".repeat(1_000_000) });
    expect(ring.lines()[0]?.message.length).toBeLessThan(5_000);
    expect(ring.truncated).toBe(false);
  });
});

describe("a limit", () => {
  it("fires for the clock with 16 and for the person with 130, the person first", async () => {
    const person = new AbortController();
    const limit = runLimit(person.signal, 5);
    expect(limit.failure()).toBeUndefined();
    await new Promise<void>((resolve) => limit.signal.addEventListener("abort", () => resolve()));
    expect(limit.failure()?.exit).toBe(16);
    person.abort();
    expect(limit.failure()?.exit).toBe(130);
  });

  it("of zero, or longer than timers count, never fires", async () => {
    for (const ms of [0, 3e9]) {
      const { signal } = runLimit(new AbortController().signal, ms);
      await within(new Promise(() => {}), 20);
      expect(signal.aborted).toBe(false);
    }
  });

  it("gives work its grace and discards what comes too late", async () => {
    const controller = new AbortController();
    controller.abort(new PgkeepError("DEPLOY_INTERRUPTED", "interrupted"));
    const soon = new Promise<string>((resolve) => setTimeout(() => resolve("ready"), 10));
    const options = { signal: controller.signal, graceMs: 500, discard: async () => undefined };
    expect(await abortable(soon, options)).toBe("ready");
    const discarded: string[] = [];
    const late = new Promise<string>((resolve) => setTimeout(() => resolve("late"), 60));
    const discard = async (value: string) => discarded.push(value);
    await expect(abortable(late, { ...options, graceMs: 5, discard })).rejects.toThrow("interrupted");
    await late;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(discarded).toEqual(["late"]);
  });
});

describe("a filter", () => {
  it.each([
    ["test_*", "^\\./(.*/)?test_[^/]*$"],
    ["a.b/**/c?.sql", "^\\./a\\.b/(.*/)?c[^/]\\.sql$"],
    ["./x/**", "^\\./x/.*$"],
    ["(a|b)[c]{2}^$+\\", "^\\./(.*/)?\\(a\\|b\\)\\[c\\]\\{2\\}\\^\\$\\+\\\\$"],
  ])("%s becomes %s", (glob, expression) => {
    expect(globToRegExp(glob)).toBe(expression);
  });
});

describe("the head that a test run takes from deploy.sql", () => {
  it.each([
    ["begin; select 1; commit; select 2;", "begin; select 1; "],
    ["select 'commit;'; -- commit;\nend;", "select 'commit;'; -- commit;\n"],
    ["select 1;", "select 1;"],
    ["begin; savepoint a; rollback to a; rollback; x", "begin; savepoint a; rollback to a; "],
  ])("of %s is %s", (script, head) => {
    expect(headWithoutTerminator(script)).toBe(head);
  });
});
