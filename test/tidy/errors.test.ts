/**
 * Error codes: what the sources throw, what base/errors.ts lists and what the reference page explains are the same.
 */
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../src/base/errors.ts";
import { filesBelow, read, withoutComments } from "./repository.ts";

const LISTED = Object.keys(ERRORS).sort();
const PAGE = "docs/reference/errors.md";
const SOURCES = filesBelow("src", ".ts")
  .filter((path) => path !== "src/base/errors.ts")
  .map((path) => withoutComments(read(path)))
  .join("\n");
/** A code stands in quotes where it is thrown. */
const isUsed = (code: string): boolean => new RegExp(`["'\`]${code}["'\`]`).test(SOURCES);

describe("error codes", () => {
  it("are all used by the sources", () => {
    expect(
      LISTED.filter((code) => !isUsed(code)),
      "throw it where it happens, or take it off the list",
    ).toEqual([]);
  });

  it("are all on the reference page, which has no others", () => {
    const documented = [...read(PAGE).matchAll(/^#{2,3} `?([A-Z]+(?:_[A-Z]+)*)`?\s*$/gm)].map(
      (match) => match[1] ?? "",
    );
    expect(documented.sort(), "run: npm run build && npm run reference").toEqual(LISTED);
  });

  it.each(LISTED)("%s is explained in whole sentences", (code) => {
    const { explain } = ERRORS[code as keyof typeof ERRORS];
    expect(explain).toMatch(/^\S.{20,}\.$/s);
  });

  it("about the command line or a configuration come with a hint, wherever they are thrown", () => {
    const bare = filesBelow("src", ".ts").flatMap((path) =>
      throwsIn(withoutComments(read(path)))
        .filter((text) => /^\s*"(?:USAGE|CONFIG)_/.test(text) && !/\bhint\b|\.parts\b/.test(text))
        .map((text) => `${path}: ${text.trim().slice(0, 90)}`),
    );
    expect(bare, "add hint: one imperative, a command to paste when there is one").toEqual([]);
  });

  it("are each provoked by a test", () => {
    const tests = filesBelow("test", ".ts")
      .filter((path) => !path.startsWith("test/tidy/"))
      .map(read)
      .join("\n");
    expect(
      LISTED.filter((code) => !tests.includes(code)),
      "write the test that provokes it",
    ).toEqual([]);
  });
});

/** The arguments of each `new PgkeepError(...)`. */
function throwsIn(source: string): string[] {
  const OPENING = "new PgkeepError(";
  const found: string[] = [];
  for (let at = source.indexOf(OPENING); at >= 0; at = source.indexOf(OPENING, at + 1)) {
    const start = at + OPENING.length;
    let end = start;
    for (let depth = 1; depth > 0 && end < source.length; end++) {
      if (source[end] === "(") depth++;
      else if (source[end] === ")") depth--;
    }
    found.push(source.slice(start, end - 1));
  }
  return found;
}
