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
