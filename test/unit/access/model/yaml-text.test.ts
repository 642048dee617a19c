/** The writer of models: what is written is read back as it was, whatever it holds. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { PlainDocument } from "../../../../src/access/model/profiles.ts";
import { yamlText } from "../../../../src/access/model/yaml-text.ts";
import { AWKWARD_NAMES } from "../../../support/awkward-names.ts";

const roundTrip = (value: PlainDocument) => parse(yamlText([], [{ key: "root", value }]), { schema: "core" }).root;

/** A small generator with a seed, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const PIECES = [
  ...AWKWARD_NAMES,
  "a",
  "b c",
  ": ",
  " #",
  "\\",
  '"',
  "'",
  "\n\n  x",
  "|",
  ">",
  "%",
  "\u0085",
  "\ufeff",
  "\u{e0001}",
  "",
];

function randomText(random: () => number): string {
  const count = 1 + Math.floor(random() * 3);
  return Array.from({ length: count }, () => PIECES[Math.floor(random() * PIECES.length)] ?? "").join("");
}

function randomDocument(random: () => number, depth: number): PlainDocument {
  const kind = depth === 0 ? 0 : Math.floor(random() * 4);
  const size = Math.floor(random() * 5);
  if (kind === 1) return Array.from({ length: size }, () => randomDocument(random, depth - 1));
  if (kind >= 2) {
    return Object.fromEntries(
      Array.from({ length: size }, () => [randomText(random), randomDocument(random, depth - 1)]),
    );
  }
  return random() < 0.1 ? random() < 0.5 : random() < 0.1 ? Math.floor(random() * 1_000) : randomText(random);
}

describe("the YAML of a model", () => {
  it.each(AWKWARD_NAMES)("[A-02] keeps the name %j as key, value and item", (name) => {
    const document = { [name]: { inner: name, list: [name, { [name]: name }] } };
    expect(roundTrip(document)).toEqual(document);
  });

  it("gives back 3,000 random documents", () => {
    const random = randomFrom(20260101);
    for (let count = 0; count < 3_000; count++) {
      const document = randomDocument(random, 4);
      expect(roundTrip(document)).toEqual(document);
    }
  });

  it("[A-11] holds no character that a terminal or a pipeline would obey", () => {
    const hostile = "\u001b[31m\u202e\u200b\u0085##[error]##vso[task]::error::x";
    const text = yamlText([], [{ key: "roles", value: { [hostile]: { comment: hostile } } }]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not be there.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
    expect(text).not.toMatch(/##\[|##vso\[|^\s*::/m);
    expect(parse(text).roles).toEqual({ [hostile]: { comment: hostile } });
  });

  it("leaves out what is undefined, and keeps lists of names within the width of a screen", () => {
    const names = Array.from({ length: 60 }, (_, index) => `table_${index}`);
    const text = yamlText(["head"], [{ key: "grants", value: { a: undefined, only: names }, comment: ["why"] }]);
    expect(text.split("\n").every((line) => line.length <= 110)).toBe(true);
    expect(text.startsWith("# head\n\n# why\ngrants:\n")).toBe(true);
    expect(parse(text)).toEqual({ grants: { only: names } });
  });
});
