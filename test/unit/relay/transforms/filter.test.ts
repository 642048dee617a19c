/** Filters: what passes, what is left out, and that no expression or payload can stop the relay. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { expressionProblem, MAX_EXPRESSION_LENGTH } from "../../../../src/relay/transforms/expression.ts";
import filter from "../../../../src/relay/transforms/filter.ts";
import { TransformFailure } from "../../../../src/relay/transforms/transform.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { message } from "../formats/messages.ts";

async function passes(expression: string, payload: unknown, changes: Parameters<typeof message>[0] = {}) {
  const apply = await filter.prepare(expression, { outbox: "orders" });
  const one = message({ payload: typeof payload === "string" ? payload : JSON.stringify(payload), ...changes });
  const kept = apply(one);
  if (kept !== undefined) expect(kept).toBe(one);
  return kept !== undefined;
}

describe("[relay 6] a filter", () => {
  it.each([
    ["total > `100`", { total: 101 }, true],
    ["total > `100`", { total: 100 }, false],
    ["payload.total > `100`", { total: 101 }, true],
    ["payload.total > `100` && op == 'insert'", { total: 101 }, true],
    ["op == 'delete'", {}, false],
    ["headers.event_type == 'order.created'", {}, true],
    ["outbox_name == 'orders' && outbox_id == `42`", {}, true],
    ["starts_with(created_at, '2026-03')", {}, true],
    ["subject == 'orders.insert'", {}, true],
    ["contains(tags, 'vip')", { tags: ["a", "vip"] }, true],
    ["items[?qty > `5`]", { items: [{ qty: 6 }] }, true],
    ["items[?qty > `5`]", { items: [{ qty: 5 }] }, false],
    ["payload", { payload: false, x: 1 }, false],
    ["op", { op: null }, false],
    ["payload[0]", [1], true],
    ["[0]", [1], true],
    ["keys(@) == ['a'] && payload.a", { a: 1 }, true],
  ])("%s over %j: %s", async (expression, payload, expected) => {
    expect(await passes(expression, payload)).toBe(expected);
  });

  it.each([
    [null, false],
    [false, false],
    ["", false],
    [[], false],
    [{}, false],
    [0, false],
    ["0", true],
    [1, true],
    [[0], true],
    [{ a: null }, true],
  ])("takes %j for %s", async (value, expected) => {
    expect(await passes("value", { value })).toBe(expected);
  });

  it("compares big numbers as the nearest that JavaScript has, and passes the message on untouched", async () => {
    expect(await passes("id > `5`", '{"id": 12345678901234567890}')).toBe(true);
  });
});

describe("[S-08] an expression", () => {
  const refused = (text: string) => filter.options(z).safeParse(text).success === false;

  it("is refused when it is none, blank, too long, too deep or asks for what every object has", () => {
    for (const text of ["", "  ", "a &&", "(", "a[", "foo(", "`{`", "__proto__.x", "constructor", "a.toString", "$&&"])
      expect(refused(text), text).toBe(true);
    expect(refused(`'${"x".repeat(MAX_EXPRESSION_LENGTH - 2)}'`)).toBe(false);
    expect(refused(`'${"x".repeat(MAX_EXPRESSION_LENGTH - 1)}'`)).toBe(true);
    expect(expressionProblem("(".repeat(4_000))).toBeTruthy();
    expect(expressionProblem(Array(600).fill("a").join("||"))).toContain("500 parts");
  });

  it.each([
    ["padding a text to gigabytes", "pad_left('x', `1000000000`)", {}],
    [
      "doubling a list over and over",
      "let $a = [@, @, @, @] in let $b = [$a, $a, $a, $a] in let $c = [$b, $b, $b, $b] in [$c, $c, $c, $c, $c].[@,@,@,@].[@,@,@,@].[@,@,@,@].[@,@,@,@].[@,@,@,@]",
      { a: 1 },
    ],
    [
      "walking a list as often as it is long, and again",
      "$.list[*].{a: $.list[*].{b: $.list[*].c}}",
      { list: Array(500).fill(1) },
    ],
    ["replacing into megabytes", "replace(text, 'x', text)", { text: "x".repeat(5_000) }],
    ["replacing a billion times", "replace(text, 'x', 'y', `1000000000.5`)", { text: "x" }],
    ["a type error", "abs('canary')", {}],
  ])("fails by %s and says nothing of the payload", async (_name, expression, payload) => {
    const error = await passes(expression, payload).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransformFailure);
    expect(String(error)).not.toContain("canary");
  });

  it("is refused when it can repeat its input beyond measure, and taken when it only lists many fields", () => {
    const doubled = Array(12).fill("[@, @]").join(" | ");
    expect(expressionProblem(doubled)).toContain("1000 times");
    expect(expressionProblem(`${doubled} == ${doubled}`)).toContain("1000 times");
    expect(expressionProblem(`to_string(${doubled})`)).toContain("1000 times");
    expect(
      expressionProblem(
        "let $a = [@, @, @, @, @, @] in let $b = [$a, $a, $a, $a, $a, $a] in let $c = [$b, $b, $b, $b, $b, $b] in [$c, $c, $c, $c, $c]",
      ),
    ).toContain("1000 times");
    expect(expressionProblem(Array(6).fill("join('', [@, @, @, @])").join(" | "))).toContain("1000 times");
    const fields = Array.from({ length: 100 }, (_, index) => `f${index}: f${index}`).join(", ");
    expect(expressionProblem(`{${fields}}`)).toBeUndefined();
    expect(expressionProblem("items[?qty > `5`].{sku: sku, all: {a: a, b: b, c: [d, e]}} | [0]")).toBeUndefined();
  });

  it("writes a value as text, within bounds", async () => {
    expect(await passes("to_string(a) == '[1]' && to_string(b) == 'x'", { a: [1], b: "x" })).toBe(true);
  });

  it("trims what it is told to", async () => {
    expect(await passes("trim(text) == 'x'", { text: `${" ".repeat(300_000)}x${" ".repeat(300_000)}` })).toBe(true);
    expect(await passes("trim_left(text, '-') == 'x-'", { text: "--x-" })).toBe(true);
    expect(await passes("trim_right(text, '-') == '--x'", { text: "--x-" })).toBe(true);
    expect(await passes("trim(text) == ''", { text: `x${" ".repeat(900_000)}x` })).toBe(false);
  });

  it.each<[string, (size: number) => string]>([
    ["around a letter", (size) => `${" ".repeat(size / 2)}x${" ".repeat(size / 2)}`],
    ["between two letters", (size) => `x${" ".repeat(size)}x`],
  ])("trims in linear time when blanks stand %s", async (_, text) => {
    const input = (size: number) => JSON.stringify({ text: text(size) });
    await expectLinearTime({ input, work: (payload) => passes("trim(text) == 'y'", payload), largest: 900_000 });
  });

  it("pads and replaces within bounds as the library does", async () => {
    expect(await passes("pad_left(t, `3`, '0') == '007' && pad_right(t, `3`) == '7  '", { t: "7" })).toBe(true);
    expect(await passes("replace(t, 'a', 'b') == 'bb' && replace(t, 'a', 'b', `1`) == 'ba'", { t: "aa" })).toBe(true);
  });
});
