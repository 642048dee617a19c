/** A policy is known again, and only the same one. */
import { describe, expect, it } from "vitest";
import type { Policy } from "../../../../src/access/catalog/snapshot.ts";
import { hasSameExpressions, markSql, plainForm } from "../../../../src/access/plan/policy-mark.ts";

const present = (using: string, comment?: string): Policy => ({
  schema: "app",
  table: "t",
  name: "p",
  command: "all",
  permissive: true,
  roles: [""],
  using,
  check: undefined,
  comment,
});

describe("an expression and the server's form of it", () => {
  it.each([
    ["owner = current_user", "(owner = CURRENT_USER)"],
    ["  a\n > 1 ", "(a > 1)"],
    ["((a) or (b))", "((a) OR (b))"],
  ])("%j is plainly %j", (model, server) => {
    expect(hasSameExpressions({ using: model, check: undefined }, present(server))).toBe(true);
  });

  it.each([
    ["name = 'A'", "(name = 'a')"],
    ['"A" = 1', '("a" = 1)'],
    ["(a) or (b)", "a) or (b"],
    ["a = 1", "(a = 2)"],
  ])("%j is not %j", (model, server) => {
    expect(hasSameExpressions({ using: model, check: undefined }, present(server))).toBe(false);
  });

  it("leaves inner parentheses where they are", () => {
    expect(plainForm("(a) or (b)")).toBe("(a) or (b)");
    expect(plainForm("((')'))")).toBe("')'");
  });

  it("is not taken for the same because of a foreign or old mark", () => {
    const wanted = { using: "a = b", check: undefined };
    expect(hasSameExpressions(wanted, present("(a = (b)::text)", `[pgkeep ${"0".repeat(32)} ${"0".repeat(32)}]`))).toBe(
      false,
    );
  });

  it("keeps what else a comment says, once", () => {
    const policy = { name: "p", to: [], command: "all" as const, permissive: true, using: "a", check: undefined };
    const sql = markSql(
      { schema: "app", table: "t", sql: '"app"."t"' },
      policy,
      `mine\n[pgkeep ${"1".repeat(32)} ${"2".repeat(32)}]`,
    );
    expect(sql).toContain("mine");
    expect(sql).not.toContain("1".repeat(32));
  });
});
