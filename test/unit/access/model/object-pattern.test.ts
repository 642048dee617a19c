/** Patterns of a model: which names they mean. */
import { describe, expect, it } from "vitest";
import { isExactPattern, nameMatcher, objectMatcher } from "../../../../src/access/model/object-pattern.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { exactPattern } from "../../../../src/base/glob.ts";
import { AWKWARD_NAMES } from "../../../support/awkward-names.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";

const routine = (name: string): CatalogObject => ({
  kind: "routine",
  subkind: "function",
  oid: 1,
  schema: "app",
  name,
  sql: name,
  owner: "o",
  acl: undefined,
});

describe("a pattern", () => {
  it.each([
    ["*", "anything", true],
    ["log_*", "log_2026", true],
    ["log_*", "blog_2026", false],
    ["*_log", "a_log", true],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["t?", "t1", true],
    ["t?", "t12", false],
    ["t?", "t🐘", true],
    ["T", "t", false],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a\\\\b", "a\\b", true],
  ])("%s means %s: %s", (pattern, name, expected) => {
    expect(nameMatcher([pattern])(name)).toBe(expected);
  });

  it.each(AWKWARD_NAMES)("can mean exactly %j", (name) => {
    const pattern = exactPattern(name);
    expect(isExactPattern(pattern)).toBe(true);
    expect(nameMatcher([pattern])(name)).toBe(true);
    expect(nameMatcher([pattern])(`${name}x`)).toBe(false);
  });

  it("means a routine by signature, or all of a name without one", () => {
    const means = (pattern: string, name: string) =>
      objectMatcher({ kind: "routine", schema: "app", patterns: [pattern] })(routine(name));
    expect(means("total(integer, text)", "total(integer, text)")).toBe(true);
    expect(means("total(integer,text)", "total(integer, text)")).toBe(true);
    expect(means("total(integer)", "total(integer, text)")).toBe(false);
    expect(means("total", "total(integer, text)")).toBe(true);
    expect(means("tot*", "total()")).toBe(true);
    expect(means("tot", "total()")).toBe(false);
  });

  it("means objects of its kind, schema and form only", () => {
    const view: CatalogObject = { ...routine("v"), kind: "table", subkind: "view" };
    const matches = (target: Parameters<typeof objectMatcher>[0]) => objectMatcher(target)(view);
    expect(matches({ kind: "table", schema: "app", patterns: ["*"] })).toBe(true);
    expect(matches({ kind: "table", schema: "other", patterns: ["*"] })).toBe(false);
    expect(matches({ kind: "table", schema: "app", subkinds: ["table"], patterns: ["*"] })).toBe(false);
    expect(matches({ kind: "sequence", schema: "app", patterns: ["*"] })).toBe(false);
  });

  it("[A-10] takes time in proportion to the name whatever it holds", async () => {
    const matches = nameMatcher([`${"*a".repeat(30)}b`]);
    await expectLinearTime({ input: repeated("a"), work: matches, largest: 1_000 });
    expect(matches("a".repeat(63))).toBe(false);
  });
});
