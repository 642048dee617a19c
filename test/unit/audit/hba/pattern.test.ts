/** Patterns of rules and maps: what they match, and that none can take long. The server's own answers: test/pg/audit/hba. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAnchored, matchesPattern, patternProblem } from "../../../../src/audit/hba/pattern.ts";
import { expectLinearTime } from "../../../support/growth.ts";

describe("a pattern", () => {
  it.each([
    ["app", "wrapper", true],
    ["^app$", "wrapper", false],
    ["^app$", "app", true],
    ["", "anything", true],
    ["^(a|b)+c?$", "ababc", true],
    ["^(a|b)+c?$", "ababd", false],
    ["^[[:alpha:]_][^x]{1,3}$", "_abc", true],
    ["^[[:alpha:]_][^x]{1,3}$", "_axc", false],
    ["^a{0}$", "", true],
    ["^\\d\\.\\w$", "4.z", true],
    ["^[]a]$", "]", true],
    ["a|^$", "", true],
    ["x*", "", true],
    ["^.$", "名", true],
  ])("%j on %j: %s", (pattern, name, found) => expect(matchesPattern(pattern, name)).toBe(found));

  it.each([
    "(?=a)",
    "(?i)a",
    "***=a",
    "(a)\\1",
    "\\ma",
    "[[.a.]]",
    "[\\d]",
    "x".repeat(1001),
    "(".repeat(60) + ")".repeat(60),
  ])("that we do not know is not guessed at: %j", (pattern) => {
    expect(matchesPattern(pattern, "a")).toBeUndefined();
    expect(patternProblem(pattern)).toBeUndefined();
  });

  it.each(["(", ")", "a)", "[a", "*", "+a", "a**", "a{2,1}", "a{256}", "a{1", "[b-a]", "^*", "a\\"])(
    "that the server refuses is refused: %j",
    (pattern) => expect(patternProblem(pattern)).toEqual(expect.any(String)),
  );

  it.each(["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*(.*)*b", "(a?){60}a{60}$", "((a{20}){12}){20}", "(((a*)*)*)*b"])(
    "[S-08] answers in time that grows with pattern times name, however it nests its repetitions: %j",
    async (pattern) => {
      // As the name grows, so does the part of the pattern that it can be in.
      const input = (size: number) => `${"a".repeat(Math.sqrt(size))}!`;
      await expectLinearTime({ input, work: (name) => matchesPattern(pattern, name), largest: 63 * 63 });
    },
  );

  it("[S-08] of any characters has an answer, a refusal, or none", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ab^$.|*+?(){}[]\\-:,012dws \u00e9".split("")), maxLength: 30 });
    fc.assert(
      fc.property(text, fc.string({ maxLength: 20 }), (pattern, name) => {
        expect([true, false, undefined]).toContain(matchesPattern(pattern, name));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("an anchored pattern", () => {
  it.each(["^a$", "^(a|b)$", "^a$|^b$", "(^a$)"])("%j is", (pattern) => expect(isAnchored(pattern)).toBe(true));
  it.each(["a", "^a", "a$", "^a|b$", "^a\\$", "", "^", "(^a)b$"])("%j is not", (pattern) =>
    expect(isAnchored(pattern)).toBe(false),
  );
});
