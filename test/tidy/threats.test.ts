/**
 * The threat model is data: every row of docs/security/threat-model.md has a test that carries its id, and the test
 * that the row names exists and is the one that carries it.
 */
import { describe, expect, it } from "vitest";
import { read } from "./repository.ts";
import { testedIds } from "./test-names.ts";

const rows = [...read("docs/security/threat-model.md").matchAll(/^\| ([A-Z]-\d{2}) \|(.+)\|\s*$/gm)].map((match) => {
  const cells = (match[2] ?? "").split(/(?<!\\)\|/).map((cell) => cell.trim());
  return {
    id: match[1] ?? "",
    cells,
    files: [...(cells.at(-1) ?? "").matchAll(/`(test\/[^`]+)`/g)].map((m) => m[1] ?? ""),
  };
});
const tested = testedIds();

describe("the threat model", () => {
  it("covers deploy, access, relay, audit, connection, embedded server and package, each id once", () => {
    const ids = rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const area of ["A", "D", "R", "U", "T", "E", "S"])
      expect(ids.filter((id) => id.startsWith(area)).length).toBeGreaterThan(6);
  });

  it.each(rows)("$id says threat, mitigation and test", ({ cells }) => {
    expect(cells).toHaveLength(3);
    for (const cell of cells) expect(cell.length).toBeGreaterThan(5);
  });

  it.each(rows)("$id has the test it names", ({ id, files }) => {
    expect(files.length, "name a test file in the last column").toBeGreaterThan(0);
    for (const file of files) expect(tested.get(id) ?? [], `${file} carries [${id}] in a test name`).toContain(file);
  });
});
