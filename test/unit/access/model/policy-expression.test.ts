/** An expression of a policy stays an expression. */
import { describe, expect, it } from "vitest";
import { policyExpressionProblem } from "../../../../src/access/model/policy-expression.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";

const CONTAINED = [
  "true",
  "owner = current_user",
  "(owner = (current_user)::text)",
  "a[1] = 2 and (b or c)",
  "note = 'it''s ) ; -- /* \\'",
  "note = E'\\') ; drop table x; --'",
  "note = $$) ; drop table x; --$$",
  "note = $q$ $$ ) $q$",
  '"odd;)name" is null',
  "exists (select 1 from app.members as m where m.who = current_user)",
  "U&'\\0041' = note",
  "1 - -1 > 0",
];

const ESCAPING = [
  ["true) ; drop table app.victim; --", "comment"],
  ["true) ; drop table app.victim; select (1", "parentheses"],
  ["true) with check (false", "parentheses"],
  ["true); copy (select 1) to program 'id'; select (1", "parentheses"],
  ["true; drop table x", "semicolon"],
  ["true -- ", "comment"],
  ["true /* ", "comment"],
  ["true /* a */", "comment"],
  ["'open", "quote"],
  ['"open', "quote"],
  ["$$open", "quote"],
  ["$a$ open $b$", "quote"],
  ["E'open\\'", "quote"],
  ["(true", "parentheses"],
  ["a[1) or (b]", "parentheses"],
  ["true\n\\! id\n", "backslash"],
  [" ", "empty"],
  ["a\0b", "NUL"],
] as const;

describe("[A-10] an expression of a policy", () => {
  it.each(CONTAINED)("is taken as it is: %s", (expression) => {
    expect(policyExpressionProblem(expression)).toBeUndefined();
  });

  it.each(ESCAPING)("is refused when it could end its own statement: %j", (expression, why) => {
    expect(policyExpressionProblem(expression)).toContain(why);
  });

  it("is checked in a model, for what is seen and for what is written", async () => {
    for (const key of ["using", "check"]) {
      const policy = `{ name: p, to: [app], for: all, ${key}: "true) ; drop table app.victim; --" }`;
      const text = `version: 1\ndatabase: d\nroles: { app: { login: true } }\nschemas:\n  app:\n    rls:\n      - table: t\n        enable: true\n        policies: [${policy}]\n`;
      const error = await readModel(text, { file: "access.yaml" }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PgkeepError);
      expect(String(error)).toContain("holds a comment");
    }
  });
});
