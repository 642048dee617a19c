/** Readers of foreign text take time in proportion to its length. */
import { expect, test } from "vitest";
import { redactCredentials } from "../../../src/base/credentials.ts";
import { splitScript } from "../../../src/deploy/script/units.ts";
import { nameListItems } from "../../../src/pg/name-lists.ts";
import { expectLinearTime, repeated } from "../../support/growth.ts";

const readers: [string, (text: string) => unknown, string[]][] = [
  ["redactCredentials", redactCredentials, ["a", "a://", "a://b:", "password=", "password='", "a@", " "]],
  ["splitScript", splitScript, ["end;", "commit;", "select 1;", "a"]],
  ["nameListItems", nameListItems, [" ", "\n", "a, ", '"a", ']],
];
const cases = readers.flatMap(([name, read, units]) => units.map((unit) => ({ name, unit, read })));

test.each(cases)("[S-08] $name reads up to 256 KB of $unit in proportion to its length", async ({ read, unit }) => {
  await expectLinearTime({ input: repeated(unit), work: read, largest: 256_000 });
});

test("credentials are still found, the last at sign of a word counting", () => {
  expect(redactCredentials("at postgres://u:p@ss@h/d and x+y://:p@h, not a://h:5432/d or u:p@h")).toBe(
    "at postgres://u:[redacted]@h/d and x+y://:[redacted]@h, not a://h:5432/d or u:p@h",
  );
});
