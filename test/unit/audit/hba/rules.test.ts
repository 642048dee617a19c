/** Rules out of words: what a reason may repeat, and that a rule keeps its meaning when it is written again. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readConfLines } from "../../../../src/audit/hba/conf-files.ts";
import type { HbaProblem, HbaRule } from "../../../../src/audit/hba/hba.ts";
import { writtenLine, writtenRule } from "../../../../src/audit/hba/rule-text.ts";
import { parseRules } from "../../../../src/audit/hba/rules.ts";
import { memoryFiles } from "../../../support/memory-files.ts";

async function parsed(text: string): Promise<readonly (HbaRule | HbaProblem)[]> {
  return parseRules(await readConfLines("/h", memoryFiles({ "/h": text }), 18), 18);
}

describe("the reason of a refused line", () => {
  it.each([
    "ldapbindpasswd=c4n4ry",
    "host all all all ldap ldapbasedn=x ldapbindpasswd: c4n4ry",
    "host all all all ldap ldapbindpasswd=one c4n4ry",
    "host all all all ldap ldapbindpasswd=one c4n4ry!=two",
    "host all all ldapbindpasswd=c4n4ry/24 md5",
    "host all all all radiussecrets=c4n4ry",
    "host all all all md5 radiussecrets=c4n4ry",
    "host all all all radius radiussecrets=c4n4ry",
  ])("holds no secret of it: %s", async (line) => {
    const [item] = await parsed(line);
    expect(item).toMatchObject({ reason: expect.any(String) });
    expect(JSON.stringify(item)).not.toContain("c4n4ry");
  });
});

describe("a rule that is written again", () => {
  const word = fc.oneof(
    fc.constantFrom("all", "replication", "sameuser", "+a", "@a", "a b", 'q"q', "a,b", "#", "x\\", "/^a$", ""),
    fc.string({ unit: fc.constantFrom(..."aZ_0.-é名".split("")), minLength: 1, maxLength: 8 }),
  );
  const token = fc.record({ text: word, isQuoted: fc.boolean() });
  const column = fc.array(token, { minLength: 1, maxLength: 3 });

  /** Every word in quotes, or bare where it can stand so. */
  const written = (tokens: readonly { text: string; isQuoted: boolean }[]): string =>
    tokens
      .map(({ text, isQuoted }) =>
        isQuoted || !/^[\p{L}\d_.+/^$-]+$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text,
      )
      .join(",");

  it("is the same rule", async () => {
    const address = fc.constantFrom(
      "all",
      "10.1.2.3/8",
      "10.0.0.0 255.0.255.0",
      "fe80::/64",
      ".example.com",
      "samenet",
    );
    const property = fc.asyncProperty(column, column, address, async (databases, users, where) => {
      const [rule] = await parsed(`host ${written(databases)} ${written(users)} ${where} md5`);
      if (rule === undefined || !("method" in rule)) throw new Error("not a rule");
      const [again] = await parsed(writtenLine(writtenRule(rule), {}));
      const meaning = (each: HbaRule | HbaProblem | undefined): unknown =>
        each !== undefined && "method" in each
          ? { ...each, users: each.users.map(plain), databases: each.databases.map(plain) }
          : each;
      expect(meaning(again)).toEqual(meaning(rule));
    });
    await fc.assert(property, { numRuns: 1000 });
  });
});

/** Quotes matter only where they change what a word means. */
function plain({ text, isQuoted, isPattern }: HbaRule["users"][number]): unknown {
  const isSpecial = ["all", "sameuser", "samerole", "samegroup", "replication"].includes(text) || text.startsWith("+");
  return { text, isPattern, isName: isSpecial && isQuoted };
}
