/** First match wins: what is said to be out of reach, no connection reaches. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../src/audit/answers.ts";
import { readConfLines } from "../../../../src/audit/hba/conf-files.ts";
import type { ConnectionKind, HbaRule } from "../../../../src/audit/hba/hba.ts";
import { kindsOf, RuleOrder } from "../../../../src/audit/hba/rule-order.ts";
import { parseRules, sorted } from "../../../../src/audit/hba/rules.ts";
import { RoleFacts } from "../../../../src/audit/roles.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { memoryFiles } from "../../../support/memory-files.ts";

const ROLES = new RoleFacts({
  roles: ["joe", "web", "staff", "sub"].map((name) => ({ name, superuser: "f", login: "t", replication: "f" })),
  members: [
    { group: "staff", member: "sub" },
    { group: "sub", member: "joe" },
  ],
  databases: [{ name: "app" }, { name: "web" }],
});

async function rulesOf(lines: readonly string[]): Promise<readonly HbaRule[]> {
  const parsed = await readConfLines("/h", memoryFiles({ "/h": lines.join("\n") }), 18);
  const { rules, problems } = sorted(parseRules(parsed, 18));
  expect(problems).toEqual([]);
  return rules;
}

interface Connection {
  kind: ConnectionKind;
  family: 4 | 6;
  address: bigint;
  user: string;
  database: string;
}

/** The server's own rule for one connection, written as plainly as it can be. */
function matches(rule: HbaRule, { kind, family, address, user, database }: Connection): boolean {
  if (!kindsOf(rule).includes(kind)) return false;
  const where = rule.address;
  if (where?.kind === "network" && (where.network.family !== family || (address & where.mask) !== where.network.first))
    return false;
  const isUser = rule.users.some(({ text, isQuoted }) => {
    if (!isQuoted && text === "all") return true;
    if (!isQuoted && text.startsWith("+")) return ROLES.isMember(user, text.slice(1));
    return text.startsWith("/") ? new RegExp(text.slice(1)).test(user) : text === user;
  });
  return (
    isUser &&
    rule.databases.some(({ text, isQuoted }) => {
      if (database === "(replication)") return !isQuoted && text === "replication";
      if (!isQuoted && text === "all") return true;
      if (!isQuoted && text === "sameuser") return database === user;
      if (!isQuoted && text === "samerole") return ROLES.isMember(user, database);
      if (!isQuoted && text === "replication") return false;
      return text.startsWith("/") ? new RegExp(text.slice(1)).test(database) : text === database;
    })
  );
}

const CONNECTIONS: Connection[] = [];
for (const kind of ["local", "plain", "ssl", "gss"] as const) {
  for (const [family, address] of [
    [4, 0x0a000001n],
    [4, 0x0a010203n],
    [4, 0x0b000001n],
    [6, 1n],
    [6, 1n << 120n],
  ] as const) {
    for (const user of ["joe", "web", "staff", "other"]) {
      for (const database of ["app", "web", "joe", "(replication)", "all", "staff"]) {
        CONNECTIONS.push({ kind, family, address, user, database });
      }
    }
  }
}

const list = (words: string[]) =>
  fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 2 }).map((each) => each.join(","));
const users = list(["all", "joe", "web", "+staff", "+sub", '"all"', "/^w", "/o"]);
const databases = list([
  "all",
  "app",
  "web",
  "sameuser",
  "samerole",
  "replication",
  '"replication"',
  '"all"',
  "/^a",
  "staff",
]);
const addresses = fc.constantFrom(
  "all",
  "0.0.0.0/0",
  "::/0",
  "10.0.0.0/8",
  "10.1.0.0/16",
  "10.0.0.1/32",
  "0.0.0.1 0.0.0.1",
  "::/8",
  "1::/16",
);
const line = fc.oneof(
  fc.tuple(databases, users).map(([database, user]) => `local ${database} ${user} md5`),
  fc
    .tuple(fc.constantFrom("host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"), databases, users, addresses)
    .map((columns) => `${columns.join(" ")} md5`),
);

describe("of random rules", () => {
  it("none that some connection reaches is said to be hidden", async () => {
    let hidden = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 2, maxLength: 6 }), async (lines) => {
        const rules = await rulesOf(lines);
        const order = new RuleOrder({ rules, isExact: true }, ROLES);
        const first = new Set(CONNECTIONS.map((each) => rules.find((rule) => matches(rule, each))));
        for (const rule of rules) {
          const isReached = order.isReached(rule);
          if (!isReached) hidden += 1;
          if (first.has(rule)) expect({ lines, rule: rule.text, isReached }).toMatchObject({ isReached: true });
          if (first.has(rule))
            expect({ lines, rule: rule.text, cover: order.coverOf(rule)?.text }).toMatchObject({ cover: undefined });
        }
      }),
      { numRuns: 1500 },
    );
    expect(hidden).toBeGreaterThan(100);
  });
});

describe("what is not known", () => {
  it("is no answer: quotes of the view, and members without a server", async () => {
    const [first, second] = await rulesOf(["host all all all reject", "host app joe 10.0.0.0/8 md5"]);
    if (first === undefined || second === undefined) throw new Error("two rules");
    const ofView = new RuleOrder({ rules: [first, second], isExact: false }, ROLES);
    expect(() => ofView.isReached(second)).toThrow(Unanswered);
    expect(() => ofView.coverOf(second)).toThrow(/quotes/);

    const rules = await rulesOf(["host all +staff all reject", "host app joe 10.0.0.0/8 md5"]);
    const ofFile = new RuleOrder({ rules, isExact: true }, undefined);
    expect(() => ofFile.isReached(rules[1] ?? second)).toThrow(/members/);
    expect(new RuleOrder({ rules, isExact: true }, ROLES).isReached(rules[1] ?? second)).toBe(false);
  });

  const widest = (count: number) =>
    rulesOf(Array.from({ length: count }, (_, index) => `host all all 10.${index >> 8}.${index & 255}.0/24 md5`));

  it("takes time in proportion to the pairs of rules, up to five thousand rules with the widest words", async () => {
    const all = await widest(5000);
    const input = (pairs: number) => all.slice(0, Math.ceil(Math.sqrt(pairs)));
    const reached = (rules: readonly HbaRule[]) => {
      const order = new RuleOrder({ rules, isExact: true }, ROLES);
      return rules.filter((rule) => order.isReached(rule));
    };
    expect(reached(all)).toHaveLength(5000);
    await expectLinearTime({ input, work: reached, largest: 5000 * 5000 });
  });
});
