/** The two checksums: published vectors, the rules one by one, and what holds for any text. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalizedChecksum, normalizeSql, rawChecksum } from "../../../../src/deploy/project/checksum.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";

const normalized = (text: string): string => Buffer.from(normalizeSql(Buffer.from(text))).toString();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("rawChecksum", () => {
  it("[SA-06] is the SHA-256 of the bytes in lower-case hexadecimal", () => {
    expect(rawChecksum(Buffer.from("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("[SA-07] the normalized checksum", () => {
  it.each([
    ["SELECT 1 -- x", "select 1"],
    ["A/*x*/b", "a b"],
    ["'Production  X'", "'Production X'"],
    ["E'a\\'-- k' , A", "e'a\\'-- k' , a"],
    ["'a\\' , A; -- z", "'a\\' , a;"],
    ["DO $$ BEGIN  PERFORM X; -- keep\nEND $$; -- drop", "do $$ BEGIN PERFORM X; -- keep END $$;"],
    ["$Tag$ Aa $tag$ Bb $Tag$, C", "$Tag$ Aa $tag$ Bb $Tag$, c"],
    ["$1, $2A", "$1, $2a"],
    ["ÄÖ, Ab", "ÄÖ, ab"],
    ["A /* open", "a"],
  ])("[SA-07] of %j is that of %j", (text, expected) => {
    expect(normalized(text)).toBe(expected);
    expect(normalizedChecksum(Buffer.from(text))).toBe(sha256(expected));
  });

  it.each([
    ["nested comments", "A/*1/*2*/3*/B", "a b"],
    ["a line comment that CRLF ends", "A--x\r\nB", "a b"],
    ["a line comment that a lone carriage return does not end", "A--x\rB", "a"],
    ["case inside quoted identifiers", '"Ab""Cd" EF', '"Ab""Cd" ef'],
    ["comment signs inside quoted identifiers", '"--A" B', '"--A" b'],
    ["doubled quotes", "'A''--B' C", "'A''--B' c"],
    ["an escape prefix only where no word ends in it", "typE'A\\' , B", "type'A\\' , b"],
    ["an escape prefix after a non-ASCII letter as part of a word", "éE'A\\' , B", "ée'A\\' , b"],
    ["an escape string's backslash before its end", "E'A\\\\' , B", "e'A\\\\' , b"],
    ["an unclosed literal", "'Ab  C", "'Ab C"],
    ["an unclosed escape string that ends in a backslash", "E'Ab\\", "e'Ab\\"],
    ["an unclosed dollar quote", "$$ Ab  C", "$$ Ab C"],
    ["a dollar sign inside a word as the start of a quote, as the reference does", "a$B$c D$B$ E", "a$B$c D$B$ e"],
    ["a dollar sign before a non-ASCII letter as an ordinary character", "$É$ A", "$É$ a"],
    ["Unicode white space", "A\u00a0\u2003\u3000B\u0085\u1680\u202f\u205f\u2028\u2029C", "a b c"],
    ["no characters that only look like white space", "A\u200bB\ufeffC", "a\u200bb\ufeffc"],
    ["white space at both ends", " \n A \t", "a"],
    ["an empty text", "", ""],
    ["nothing but a comment", "-- x\n/* y */", ""],
  ])("[SA-07] keeps %s", (_, text, expected) => expect(normalized(text)).toBe(expected));

  it("gives files of any size the same value, whatever was normalized before", () => {
    const long = `${"SELECT 'Long  Text';\n".repeat(10_000)}`;
    const expected = "select 'Long Text'; ".repeat(10_000).trim();
    expect(normalized("A")).toBe("a");
    expect(normalized(long)).toBe(expected);
    expect(normalized("B")).toBe("b");
  });

  it("does not change when it is applied to its own result, outside dollar quotes and literals", () => {
    const safe = fc.string({ unit: fc.constantFrom(..."aB \n\t;,()-/*é１".split("")), maxLength: 60 });
    fc.assert(
      fc.property(safe, (text) => {
        const once = normalized(text);
        // A comment that disappears can bring signs together only with a blank between them, so nothing new arises.
        expect(normalized(once)).toBe(once);
      }),
    );
  });

  it("has no two blanks in a row, none at an end, and never grows", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        const result = normalized(text.toWellFormed());
        expect(result).not.toMatch(/^ | $| {2}|[\t\n\r\u00a0\u3000]/);
        expect(Buffer.byteLength(result)).toBeLessThanOrEqual(Buffer.byteLength(text.toWellFormed()));
      }),
    );
  });

  it("agrees with a plain reading of its rules on generated SQL", () => {
    const pieces = fc.constantFrom(
      ..."'|''|\"|$|$$|$a$|$A$|$1|/*|*/|--|\n|\r\n|\r|\\|E|e|aE|_E|é|1|;| |\t|\u00a0|X".split("|"),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        expect(normalized(text)).toBe(plainNormalization(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    { piece: "a  B ", one: "a b", between: " " },
    { piece: "-- gone\n", one: "", between: "" },
    { piece: "'X  y'", one: "'X y'", between: "" },
    { piece: "$$A  b$$,", one: "$$A b$$,", between: "" },
  ])("is the same whatever the size, with $piece repeated", ({ piece, one, between }) => {
    const expected = Array.from({ length: 60_000 }, () => one).join(between);
    expect(normalizedChecksum(Buffer.from(piece.repeat(60_000)))).toBe(sha256(expected));
  });

  it.each([["/*"], ["$a$ $b$ "], ["'"], ["E'\\"], ["$"], ["--\n"]])(
    "[S-08] stays linear up to 1 MB of %j",
    async (piece) => {
      const input = (size: number) => Buffer.from(repeated(piece)(size));
      await expectLinearTime({ input, work: normalizeSql, largest: 1_000_000 });
    },
  );
});

/** The same rules written for reading: two passes over characters, no buffers. */
function plainNormalization(text: string): string {
  return withoutComments(text)
    .replace(/[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g, " ")
    .replace(/^ | $/g, "");
}

function withoutComments(text: string): string {
  let out = "";
  let rest = text;
  let before = "";
  const take = (length: number, show: (piece: string) => string): void => {
    const piece = rest.slice(0, length);
    out += show(piece);
    before += piece;
    rest = rest.slice(length);
  };
  while (rest !== "") {
    const line = /^--[^\n]*/.exec(rest)?.[0];
    const literal = /(?:^|[^A-Za-z0-9_$\u0080-\uffff])[eE]$/.test(before)
      ? /^'(?:\\[\s\S]|''|[^'\\])*(?:'(?!')|\\?$)/.exec(rest)?.[0]
      : /^'(?:''|[^'])*(?:'(?!')|$)/.exec(rest)?.[0];
    const identifier = /^"(?:""|[^"])*(?:"(?!")|$)/.exec(rest)?.[0];
    const tag = /^\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$/.exec(rest)?.[0];
    // CRLF ends a comment as its line feed does; the carriage return is white space and disappears either way.
    if (line !== undefined) take(line.length, () => " ");
    else if (rest.startsWith("/*")) take(commentLength(rest), () => " ");
    else if (literal !== undefined) take(literal.length, (piece) => piece);
    else if (identifier !== undefined) take(identifier.length, (piece) => piece);
    else if (tag !== undefined) take(dollarLength(rest, tag), (piece) => piece);
    else take(1, (piece) => piece.replace(/[A-Z]/, (letter) => letter.toLowerCase()));
  }
  return out;
}

function commentLength(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const pair = text.slice(at, at + 2);
    if (pair === "/*") depth++;
    if (pair === "*/") depth--;
    if (pair === "/*" || pair === "*/") at++;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function dollarLength(text: string, tag: string): number {
  const close = text.indexOf(tag, tag.length);
  return close < 0 ? text.length : close + tag.length;
}
