/** One scalar out of a JSON text: what JSON.parse would find, without what it would change. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LosslessJson } from "../../../../src/relay/json/lossless.ts";
import { scalarAt } from "../../../../src/relay/json/scalar.ts";

describe("looking up a scalar", () => {
  const json =
    '{"a": {"b": [1, {"c": "x \\"y\\" \\u00e4"}]}, "n": 12345678901234567890, "t": true, "z": null, "e": "", "k\\u0065y": "v", "o": {}}';

  it.each([
    [["a", "b", "0"], "1"],
    [["a", "b", "1", "c"], 'x "y" ä'],
    [["n"], "12345678901234567890"],
    [["t"], "true"],
    [["e"], ""],
    [["key"], "v"],
    [["z"], undefined],
    [["o"], undefined],
    [["a"], undefined],
    [["a", "b", "2"], undefined],
    [["a", "b", "x"], undefined],
    [["missing"], undefined],
    [["t", "deeper"], undefined],
    [["__proto__"], undefined],
    [["constructor"], undefined],
  ])("%j is %j", (path, expected) => {
    expect(scalarAt(json, path)).toBe(expected);
  });

  it("of the document itself", () => {
    expect(scalarAt(' "x"', [])).toBe("x");
    expect(scalarAt("-1.5e3", [])).toBe("-1.5e3");
  });

  it("finds in every document what parsing finds", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, isSpaced) => {
        const text = JSON.stringify(value, undefined, isSpaced ? 2 : 0);
        for (const [path, scalar] of leaves(value)) {
          expect(scalarAt(text, path)).toBe(typeof scalar === "string" ? scalar : JSON.stringify(scalar));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("never throws, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }),
        fc.array(fc.string({ maxLength: 3 }), { maxLength: 3 }),
        (text, path) => {
          scalarAt(text, path);
          scalarAt(`{"a":${text}`, ["a", ...path]);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe("JSON without loss", () => {
  it.each([
    "9007199254740993",
    "12345678901234567890",
    "-0.12345678901234567890123",
    "1e400",
    "1e-400",
    "123456789.0123456789",
  ])("keeps %s", (number) => {
    const json = new LosslessJson();
    const parsed = json.parse(`{"a": [${number}, "${number}", 1.5]}`);
    expect(json.write(parsed)).toBe(`{"a":[${number},"${number}",1.5]}`);
  });

  it("leaves what JavaScript holds as numbers, and long digits inside of texts alone", () => {
    const json = new LosslessJson();
    expect(json.parse('[9007199254740991, 0.1, 1e5, "12345678901234567890", "\\"12345678901234567890"]')).toEqual([
      9007199254740991,
      0.1,
      100000,
      "12345678901234567890",
      '"12345678901234567890',
    ]);
    expect(json.hasMarks).toBe(false);
  });

  it("refuses what is no JSON, also where a number would be replaced", () => {
    for (const text of [
      "{12345678901234567890: 1}",
      "[12345678901234567890",
      "012345678901234567",
      "12345678901234567890 1",
    ]) {
      expect(() => new LosslessJson().parse(text)).toThrow(SyntaxError);
    }
  });
});

/** Paths of all scalars that scalarAt can reach: no names twice, no null. */
function* leaves(value: unknown, path: string[] = []): Generator<[string[], unknown]> {
  if (value === null) return;
  if (typeof value !== "object") yield [path, value];
  else for (const [name, part] of Object.entries(value)) yield* leaves(part, [...path, name]);
}
