/** Our matching of patterns against the server's own, on random patterns and names. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { matchesPattern, patternProblem } from "../../../../src/audit/hba/pattern.ts";
import { sharedCluster } from "../../../support/cluster.ts";

const PIECES = [
  "a",
  "b",
  ".",
  "^",
  "$",
  "|",
  "*",
  "+",
  "?",
  "(",
  ")",
  "{2}",
  "{1,}",
  "{0,2}",
  "[ab]",
  "[^a]",
  "\\d",
  "\\.",
  "[[:digit:]]",
  "1",
  "-",
  "(?:",
];

it("matches and refuses as the server does", async () => {
  const cluster = await sharedCluster(18);
  const pattern = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(""));
  const name = fc.string({ unit: fc.constantFrom("a", "b", "1", ".", "-"), maxLength: 6 });
  const pairs = fc.sample(fc.tuple(pattern, name), { numRuns: 4000, seed: 7 });
  const rows = await cluster.sql(
    `create function pg_temp.answer(p_pattern text, p_name text) returns text language plpgsql as $$
       begin return (p_name ~ p_pattern)::text; exception when others then return 'refused'; end $$;
     select pg_temp.answer(e.each ->> 0, e.each ->> 1) as answer
       from json_array_elements('${JSON.stringify(pairs).replaceAll("'", "''")}'::json) with ordinality as e(each, place)
      order by e.place`,
  );
  let unknown = 0;
  for (const [index, [ours, given]] of pairs.entries()) {
    const theirs = rows[index]?.answer;
    const known = matchesPattern(ours, given);
    if (patternProblem(ours) !== undefined) expect(theirs, ours).toBe("refused");
    else if (known === undefined) unknown += 1;
    else
      expect({ pattern: ours, name: given, answer: String(known) }).toEqual({
        pattern: ours,
        name: given,
        answer: theirs,
      });
  }
  expect(unknown).toBeLessThan(pairs.length / 10);
});
