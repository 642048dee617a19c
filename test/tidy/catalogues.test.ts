/**
 * Catalogues: the generated index is what the folder calls for, and no member is without a test.
 */
import { describe, expect, it } from "vitest";
import { CATALOGUES, membersOf, staleIndexes } from "../../scripts/catalogue.mjs";
import { filesBelow, read, withoutComments } from "./repository.ts";

/** A case file is a test: describe-checks.ts and describe-rule-checks.ts run every one of their folder. */
const TESTS = filesBelow("test", ".test.ts", ".case.ts", ".rules.ts")
  .filter((path) => !path.startsWith("test/tidy/"))
  .map((path) => ({ path, text: withoutComments(read(path)) }));
const MEMBERS = CATALOGUES.flatMap(({ folder }) => membersOf(folder).map((name) => [folder, name] as const));

describe("catalogues", () => {
  it("have a fresh index", () => {
    expect(
      staleIndexes().map(({ folder, file }) => `${folder}/${file}`),
      "run: npm run catalogue",
    ).toEqual([]);
  });

  it.each(MEMBERS)("%s/%s.ts has a test", (folder, name) => {
    const area = folder.split("/").at(-1) ?? folder;
    const file = new RegExp(
      `(^|/)${area}/([^/]*/)*${name.replaceAll(".", "\\.")}(\\.[^/]*)?\\.(test|case|rules)\\.ts$`,
    );
    const imports = `${area}/${name}.ts"`;
    const tested = TESTS.some(
      ({ path, text }) => file.test(path) || text.includes(imports) || runs(text, folder, name),
    );
    expect(tested, `add test/unit/${folder.slice("src/".length)}/${name}.test.ts`).toBe(true);
  });
});

/** Operations and their looks are also tested by a test that runs their command: `"db", "start"` or `"db start"`. */
function runs(text: string, folder: string, name: string): boolean {
  if (folder !== "src/operations" && folder !== "src/cli/renderers") return false;
  const words = /command: "([a-z ]+)"/.exec(read(`src/operations/${name}.ts`))?.[1]?.split(" ");
  return words !== undefined && new RegExp(`["'\`]${words.join(`(?:["'],\\s*["']| )`)}["'\` ]`).test(text);
}
