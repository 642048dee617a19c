/** A plan in a file can stop a run and never steer one. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planFileText, readPlanFile } from "../../../../src/access/apply/plan-file.ts";
import { differenceOf, identityOf, requireSamePlan } from "../../../../src/access/apply/same-plan.ts";
import { writeOutputFile } from "../../../../src/config/output-file.ts";
import { planned, planOf } from "../../../support/hand-made-plan.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pgkeep-plan-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const plan = planOf("shop", [
  planned("grant select on app.orders to app"),
  planned("revoke all on app.orders from old"),
]);
const path = () => join(directory, "plan.json");

function write(change: (text: string) => string = (text) => text): void {
  writeOutputFile(path(), change(planFileText(plan, { cascade: true })));
}

describe("a plan file", () => {
  it("gives back what the plan is of, and what was chosen", async () => {
    write();
    expect(await readPlanFile(path(), "plan.json")).toEqual({ identity: identityOf(plan), choices: { cascade: true } });
  });

  it("is readable by its owner only", () => {
    const before = process.umask(0);
    write();
    process.umask(before);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it("holds the statements for people to read", () => {
    write();
    expect(readFileSync(path(), "utf8")).toContain("grant select on app.orders to app");
  });
});

describe("[A-03] [A-10] a plan file that somebody changed", () => {
  it.each([
    ["a statement", (text: string) => text.replace("grant select", "grant insert")],
    ["the identity", (text: string) => text.replace('"stateHash": "state"', '"stateHash": "other"')],
    ["a choice", (text: string) => text.replace('"cascade": true', '"cascade": false')],
    ["the end", (text: string) => text.slice(0, -40)],
    ["everything", () => "[]"],
    ["the version", (text: string) => text.replace('"version": 1', '"version": 2')],
  ])("in %s is refused", async (_, change) => {
    write(change);
    await expect(readPlanFile(path(), "plan.json")).rejects.toMatchObject({
      code: "ACCESS_PLAN_FILE_INVALID",
      exit: 10,
    });
  });

  it("with a new checksum still names a plan that nobody can make, and is stale", async () => {
    const tampered = planOf("shop", [planned("alter role app superuser")]);
    writeOutputFile(path(), planFileText(tampered, {}));
    const { identity } = await readPlanFile(path(), "plan.json");
    expect(() => requireSamePlan({ approved: identity, fresh: identityOf(plan) })).toThrow(
      expect.objectContaining({ code: "ACCESS_PLAN_STALE", exit: 22 }),
    );
  });

  it("is refused when it is a link, a directory or missing", async () => {
    await expect(readPlanFile(directory, "d")).rejects.toMatchObject({ code: "ACCESS_PLAN_FILE_INVALID" });
    await expect(readPlanFile(join(directory, "none"), "none")).rejects.toThrow(/does not exist/);
  });
});

describe("[A-03] two plans", () => {
  it.each([
    ["the model", { modelHash: "other" }, /model's file/],
    ["the database", { databaseOid: 7 }, /made anew/],
    ["the server", { serverVersion: 2 }, /another version/],
    ["the state", { stateHash: "other" }, /changed meanwhile/],
  ])("differ when %s does, and it is said how", (_, change, reason) => {
    expect(differenceOf({ approved: identityOf(plan), fresh: identityOf({ ...plan, ...change }) })).toMatch(reason);
  });

  it("are the same whatever is said about their statements", () => {
    const statements = plan.statements.map((statement) => ({ ...statement, reason: "another" }));
    expect(differenceOf({ approved: identityOf(plan), fresh: identityOf({ ...plan, statements }) })).toBeUndefined();
  });

  it("differ when one statement stands elsewhere", () => {
    const statements = [...plan.statements].reverse();
    expect(differenceOf({ approved: identityOf(plan), fresh: identityOf({ ...plan, statements }) })).toMatch(
      /not those/,
    );
  });
});
