/** Expressions against those who write them and those whose data they see: time, memory, prototypes. */
import { describe, expect, it } from "vitest";
import type { Message } from "../../../../src/relay/message.ts";
import { compileExpression, expressionProblem } from "../../../../src/relay/transforms/expression.ts";
import { TransformFailure } from "../../../../src/relay/transforms/transform.ts";

function message(payload: string): Message {
  return {
    id: 1n,
    outbox: "orders",
    dedupKey: "outbox_orders:1:0",
    messageKey: undefined,
    op: "event",
    createdAt: "2026-01-01T00:00:00.000000Z",
    payload,
    headers: "{}",
  };
}

function answer(expression: string, payload: string): string {
  try {
    return compileExpression(expression).json(message(payload));
  } catch (error) {
    if (error instanceof TransformFailure) return error.message;
    throw error;
  }
}

const MANY = JSON.stringify({
  s: "a".repeat(900_000),
  n: Array.from({ length: 200_000 }, (_, index) => index),
  one: [Array.from({ length: 100_000 }, () => 1)],
  other: [Array.from({ length: 100_000 }, () => 1)],
});

describe("an expression over a large payload", () => {
  it.each([
    "n[?contains($.s, 'ab')]",
    "map(&length(upper($.s)), n)",
    "n[?$.one == $.other]",
    "n[?length(sort($.n)) == `1`]",
  ])("[R-20] [S-08] ends by itself, whatever it does: %s", (expression) => {
    // Each would take minutes at least.
    expect(answer(expression, MANY)).toMatch(
      /^the expression takes (?:too long|more than 1000000 steps) on this payload$/,
    );
  });

  it("[R-20] takes a million steps at most", () => {
    expect(answer("n[?$.n[?@ == `-1`] == `[0]`]", MANY)).toMatch(/too long|steps/);
    expect(answer("length(n[?@ > `-1`])", MANY)).toBe("200000");
  });
});

describe("data that is named like JavaScript's own fields", () => {
  const hostile =
    '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "items": [["__proto__", {"polluted": 1}]], "g": [{"k": "__proto__"}, {"k": "constructor"}]}';

  it.each([
    "@",
    "from_items(items)",
    "merge(@, @)",
    "group_by(g, &k)",
    '{"__proto__": items}',
    "to_string(@)",
    "values(@)",
  ])("[S-07] changes no object but its own: %s", (expression) => {
    answer(expression, hostile);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  it.each(["payload.constructor", "headers.__proto__", "toString", '{a: "__proto__"}.a.b', "g[0].hasOwnProperty"])(
    "[S-07] is not reached through a prototype: %s",
    (expression) => {
      expect(expressionProblem(expression)).toContain("every object has in JavaScript");
    },
  );
});
