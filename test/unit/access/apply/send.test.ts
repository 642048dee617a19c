/** Messages of a bounded size, and where a plan may be cut into transactions. */
import { describe, expect, it } from "vitest";
import { transactionsOf } from "../../../../src/access/apply/one-by-one.ts";
import { batchesOf } from "../../../../src/access/apply/send.ts";
import { planned, planOf } from "../../../support/hand-made-plan.ts";

describe("many statements", () => {
  const statements = (count: number, length: number) =>
    Array.from({ length: count }, (_, index) => ({ n: index + 1, sql: "x".repeat(length) }));

  it.each([
    [500, 10, [500]],
    [501, 10, [500, 1]],
    [3, 2 ** 17, [2, 1]],
    [2, 2 ** 20, [1, 1]],
    [0, 0, []],
  ])("%i of %i characters travel as messages of %j", (count, length, sizes) => {
    expect(batchesOf(statements(count, length)).map((batch) => batch.length)).toEqual(sizes);
  });
});

describe("one by one", () => {
  const cut = (statements: Parameters<typeof planOf>[1]) =>
    transactionsOf(planOf("shop", statements).statements).map((part) => part.map(({ n }) => n));
  const owner = (object: string) => planned(`alter table ${object} owner to o`, { object, lock: "access exclusive" });

  it("a transaction ends after each locked object", () => {
    expect(cut([owner("a"), owner("b"), planned("grant x to y"), owner("c")])).toEqual([[1], [2], [3, 4]]);
  });

  it("statements on one object stay together", () => {
    expect(cut([owner("a"), owner("a"), owner("b")])).toEqual([[1, 2], [3]]);
  });

  it("none ends while a role is borrowed", () => {
    const set = planned("set role o", { kind: "temporary" });
    const reset = planned("reset role", { kind: "temporary" });
    expect(cut([set, owner("a"), owner("b"), reset, owner("c")])).toEqual([[1, 2, 3, 4, 5]]);
  });
});
