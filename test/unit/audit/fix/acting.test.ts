/** Statements that run as another role: whoever runs the script is itself again after each of them. */
import { describe, expect, it } from "vitest";
import { actedAs, actingStatements, statementsBy } from "../../../../src/audit/fix/acting.ts";

const REVOKE = 'revoke select on table "a" from public';

describe("a statement as another role", () => {
  it("ends as who runs the script, and not as the role that is stored for it", () => {
    expect(actedAs('o"dd', REVOKE)).toEqual(['set role "o""dd"', REVOKE, "set role none"]);
  });
});

describe("a text that changes the role", () => {
  it.each([
    ["one grantor", `set role "a"; ${REVOKE}; reset role`, ['set role "a"', REVOKE, "set role none"]],
    [
      "an owner and a grantor",
      `${REVOKE}; set role "a"; ${REVOKE}; reset role`,
      [REVOKE, 'set role "a"', REVOKE, "set role none"],
    ],
    [
      "a name with a semicolon and the words themselves",
      `set role "x; reset role"; revoke "y""; reset role" from "z"; reset role`,
      ['set role "x; reset role"', 'revoke "y""; reset role" from "z"', "set role none"],
    ],
    [
      "a name written with escapes",
      'set role U&"a\\000ab"; drop "it\'s"; reset role',
      ['set role U&"a\\000ab"', 'drop "it\'s"', "set role none"],
    ],
  ])("of %s is taken apart", (_, text, expected) => {
    expect(actingStatements(text)).toEqual(expected);
  });

  it.each([
    ["has none", REVOKE],
    ["only names one", 'alter table "; set role ""a""; reset role" owner to b'],
    ["has a literal", `set role "a"; comment on role "b" is 'x; y'; reset role`],
    ["has a body", 'set role "a"; do $$begin; end$$; reset role'],
  ])("stays whole when it %s", (_, text) => {
    expect(actingStatements(text)).toEqual([text]);
  });
});

describe("statements by those who have to run them", () => {
  it("have each grantor once, as the text names it", () => {
    const text = `set role "third"; ${REVOKE}; reset role`;
    expect(statementsBy(["third"], text)).toEqual(['set role "third"', REVOKE, "set role none"]);
  });

  it("have the owner where nobody else is named and who runs the script is not enough", () => {
    const text = `${REVOKE}; set role "third"; ${REVOKE}; reset role`;
    expect(statementsBy(["keeper", "third"], text)).toEqual([
      'set role "keeper"',
      REVOKE,
      "set role none",
      'set role "third"',
      REVOKE,
      "set role none",
    ]);
    expect(statementsBy([undefined, "third"], text)).toEqual([REVOKE, 'set role "third"', REVOKE, "set role none"]);
  });
});
