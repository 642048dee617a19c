/** Names and literals in SQL text: always quoted, never cut, never ending early. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkIdentifier, ident, identifierProblem, literal, qualified } from "../../../src/pg/identifiers.ts";

describe("an identifier", () => {
  it.each([
    ["app", '"app"'],
    ["Order Items", '"Order Items"'],
    ['say "hi"', '"say ""hi"""'],
    ['"; drop table x; --', '"""; drop table x; --"'],
    ["back\\slash", '"back\\slash"'],
    ["two\nlines", 'U&"two\\000alines"'],
    ['\u202e"\\!', 'U&"\\202e""\\\\!"'],
  ])("%s is quoted", (name, quoted) => expect(ident(name)).toBe(quoted));

  it("is qualified with its schema, both quoted", () => expect(qualified("a.b", "c")).toBe('"a.b"."c"'));

  it("may have 63 bytes and not 64, in characters of any width", () => {
    expect(identifierProblem("x".repeat(63))).toBeUndefined();
    expect(identifierProblem("x".repeat(64))).toContain("64 bytes");
    expect(identifierProblem("é".repeat(31))).toBeUndefined();
    expect(identifierProblem("é".repeat(32))).toContain("64 bytes");
  });

  it.each(["", "a\0b", "\ud800", "x".repeat(64)])("%j is refused, and not repeated", (name) => {
    expect(() => ident(name)).toThrow(expect.objectContaining({ code: "CONFIG_VALUE_INVALID" }));
    expect(() => checkIdentifier(name, "role")).toThrow("the name of a role cannot be used");
  });

  it("never ends before its end, whatever is in it", () => {
    const names = fc
      .string({ minLength: 1, maxLength: 15, unit: "grapheme" })
      .filter((name) => identifierProblem(name) === undefined);
    fc.assert(
      fc.property(names, (name) => {
        const quoted = ident(name);
        if (quoted.startsWith("U&")) return;
        expect(quoted.slice(1, -1).replaceAll('""', "")).not.toContain('"');
        expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(name);
      }),
    );
  });
});

describe("a literal", () => {
  it.each([
    ["plain", "'plain'"],
    ["it's", "'it''s'"],
    ["a\\b", " E'a\\\\b'"],
    ["\\'; drop", " E'\\\\''; drop'"],
    ["", "''"],
  ])("%s is quoted the same for both settings of standard_conforming_strings", (text, quoted) => {
    expect(literal(text)).toBe(quoted);
  });

  it("cannot hold NUL", () => {
    expect(() => literal("a\0b")).toThrow(expect.objectContaining({ code: "CONFIG_VALUE_INVALID" }));
  });
});
