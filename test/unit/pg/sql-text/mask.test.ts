/** What the SQL lexer must see as code, by example, by property, and against the server's own scanner. */
import fc from "fast-check";
import { loadModule, scanSync } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { blockComments, maskSql, sqlRegions } from "../../../../src/pg/sql-text/mask.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";

/** The mask with blanks shown as "." so that a table of examples can be read. */
const shown = (text: string): string => maskSql(text).replaceAll(" ", ".");

describe("maskSql", () => {
  it.each([
    ["a line comment, keeping its line break", "a -- b\nc", "a.....\nc"],
    ["a line comment that ends with CRLF", "--x\r\nc", "...\r\nc"],
    ["nested block comments", "/*a/*b*/c*/d", "...........d"],
    ["an unclosed block comment to the end", "a/*b", "a..."],
    ["the body of a literal, not its quotes", "'ab' c", "'..'.c"],
    ["around a doubled quote, which stays", "'a''b' c", "'.''.'.c"],
    ["a backslash as an ordinary character outside E''", "'a\\' b", "'..'.b"],
    ["a backslash escape inside E''", "E'a\\'b' c", "E'....'.c"],
    ["a lower-case e as escape prefix too", "e'\\'' c", "e'..'.c"],
    ["no escape prefix in a longer word", "typE'\\' c", "typE'.'.c"],
    ["a continued escape string by the rules of its first part", "E'a'\n'\\'' c", "E'.'\n'..'.c"],
    ["a literal after an escape string on the same line by its own rules", "E'a', '\\' c", "E'.',.'.'.c"],
    ["the body of a quoted identifier", '"a""b" c', '".""."'.concat(".c")],
    ["the body of a dollar quote, not its tags", "$$a;b$$ c", "$$...$$.c"],
    ["a tagged dollar quote up to the same tag only", "$t$ $$ $T$ $t$ c", "$t$........$t$.c"],
    ["an unclosed dollar quote to the end", "$$a", "$$."],
    ["a dollar tag outside ASCII", "$é$a$é$ c", "$é$.$é$.c"],
    ["nothing in a parameter", "$1 + $2", "$1.+.$2"],
    ["comment signs inside literals as body", "'--' '/*' c", "'..'.'..'.c"],
    ["a comment that begins inside an operator", "a <--b\nc", "a.<...\nc"],
  ])("blanks %s", (_, text, mask) => expect(shown(text)).toBe(mask));

  it.each(["a$b$c", "a$$b$$c", "select x$y$ from t$y$"])(
    "[BX-21] reads no dollar quote inside the identifier of %j",
    (text) => expect(maskSql(text)).toBe(text),
  );

  it("[BX-21] reads a dollar quote right after a number, as the server does", () => {
    expect(shown("1$$x$$")).toBe("1$$.$$");
  });

  it("keeps the length whatever the text", () => {
    fc.assert(fc.property(sqlLike, (text) => maskSql(text).length === text.length));
  });

  it("changes nothing but to blanks", () => {
    fc.assert(
      fc.property(sqlLike, (text) => {
        const mask = maskSql(text);
        for (let at = 0; at < text.length; at++) if (mask[at] !== " " && mask[at] !== text[at]) return false;
        return true;
      }),
    );
  });

  it("covers the script with regions that touch each other", () => {
    fc.assert(
      fc.property(sqlLike, (text) => {
        let at = 0;
        for (const { start, end } of sqlRegions(text)) {
          if (start !== at || end <= start) return false;
          at = end;
        }
        return at === text.length;
      }),
    );
  });

  it.each([
    ["block comment openers", "/*"],
    ["dollar tags that never close", "$a$ $b$ "],
    ["single quotes", "'"],
    ["escape prefixes", "E'\\"],
    ["dollars", "$"],
    ["dollar tags of growing length", "$aa"],
  ])("[S-08] stays linear up to 1 million characters of %s", async (_, piece) => {
    await expectLinearTime({ input: repeated(piece), work: maskSql, largest: 1_000_000 });
  });
});

describe("blockComments", () => {
  it("finds comments only where the server would", () => {
    const text = "/*1*/ '/*no*/' $$/*no*/$$ -- /*no*/\n/*2/*2*/*/ \"/*no*/\" /*3";
    expect(blockComments(text).map(({ start, end }) => text.slice(start, end))).toEqual(["/*1*/", "/*2/*2*/*/", "/*3"]);
  });
});

describe("the mask and the server's scanner", () => {
  beforeAll(() => loadModule());

  it("agree on where literals and comments are, on generated scripts", () => {
    fc.assert(
      fc.property(sqlLike, (text) => {
        const tokens = scannedByServer(text);
        fc.pre(tokens !== undefined);
        expect(scannedByUs(text)).toEqual(tokens);
      }),
      { numRuns: 3_000 },
    );
  });
});

/** Text made of the pieces that lexers disagree about. */
const sqlLike = fc
  .array(
    fc.constantFrom(
      ..."'|''|\"|$|$$|$a$|$A$|$1|/*|*/|--|\n|\r\n|\\|E|e'|U&'|a|b$|é|😀|1|1e5|;|(|)| |\t|<|*|x".split("|"),
    ),
    { maxLength: 24 },
  )
  .map((pieces) => pieces.join(""));

/** Comments and semicolons as the server scans them, or undefined when it refuses the text. */
function scannedByServer(text: string): string[] | undefined {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return undefined;
  try {
    return scanSync(text)
      .tokens.filter(({ tokenName }) => ["C_COMMENT", "SQL_COMMENT", "ASCII_59"].includes(tokenName))
      .map(({ start, end }) =>
        place(bytes.subarray(0, start).toString().length, bytes.subarray(start, end).toString()),
      );
  } catch {
    return undefined;
  }
}

function scannedByUs(text: string): string[] {
  const found = sqlRegions(text)
    .filter(({ kind }) => kind === "line comment" || kind === "block comment")
    .map(({ start, end }) => ({ start, text: text.slice(start, end) }));
  for (const { index } of maskSql(text).matchAll(/;/g)) found.push({ start: index, text: ";" });
  return found.sort((a, b) => a.start - b.start).map((piece) => place(piece.start, piece.text));
}

function place(start: number, text: string): string {
  return `${start}: ${text}`;
}
