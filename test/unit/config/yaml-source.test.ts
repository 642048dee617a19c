/** YAML as a tree with positions: what the readers of configuration and models both rest on. */
import { describe, expect, it } from "vitest";
import { MAX_ALIASES, parseYamlSource, type SourceNode, SourceProblems } from "../../../src/config/yaml-source.ts";
import { expectLinearTime, repeated } from "../../support/growth.ts";
import { failureOf } from "../../support/project.ts";

async function parsed(text: string): Promise<{ root: SourceNode | undefined; problems: SourceProblems }> {
  const problems = new SourceProblems();
  return { root: await parseYamlSource(text, problems), problems };
}

const refusal = async (problems: SourceProblems) =>
  (await failureOf(() => problems.throwIfAny("CONFIG_FILE_INVALID", "f.yaml"))).message;

/** Keys in keys, each a blank deeper: 1,400 of them make a megabyte. */
const indented = (size: number): string =>
  Array.from({ length: Math.ceil(Math.sqrt(2 * size)) }, (_, level) => `${" ".repeat(level)}a:`).join("\n");

describe("a YAML document", () => {
  it("is a tree of texts as they were written, with their places", async () => {
    const { root } = await parsed('a: 1.50\nb:\n  - "x"\n  - ~\n');
    expect(root).toEqual({
      kind: "map",
      at: { line: 1, column: 1 },
      entries: [
        {
          key: "a",
          at: { line: 1, column: 1 },
          value: { kind: "scalar", at: { line: 1, column: 4 }, text: "1.50", isNull: false, isPlain: true },
        },
        {
          key: "b",
          at: { line: 2, column: 1 },
          value: {
            kind: "list",
            at: { line: 3, column: 3 },
            items: [
              { kind: "scalar", at: { line: 3, column: 5 }, text: "x", isNull: false, isPlain: false },
              { kind: "scalar", at: { line: 4, column: 5 }, text: "", isNull: true, isPlain: true },
            ],
          },
        },
      ],
    });
  });

  it("keeps the first of repeated keys and says where the second is", async () => {
    const { root, problems } = await parsed("a: 1\na: 2\n");
    expect(root?.kind === "map" && root.entries).toHaveLength(1);
    expect(await refusal(problems)).toBe('f.yaml:2:1 repeats the key "a"');
  });

  it("has numbers as keys by their text", async () => {
    const { root } = await parsed("0x10: a\n70001: b\n");
    expect(root?.kind === "map" && root.entries.map(({ key }) => key)).toEqual(["0x10", "70001"]);
  });

  it("[S-07] gives nothing when aliases go past their limit, and one problem", async () => {
    const copies = Array.from({ length: MAX_ALIASES + 5 }, (_, index) => `b${index}: *x\n`).join("");
    const { root, problems } = await parsed(`a: &x 1\n${copies}`);
    expect(root).toBeUndefined();
    expect(problems.count).toBe(1);
  });

  it("[S-07] ends when an alias stands inside of what it means", async () => {
    const { root, problems } = await parsed("a: &x [1, *x]\n");
    expect(root).toBeUndefined();
    expect(await refusal(problems)).toMatch(/more than 100 aliases|without an anchor/);
  });

  it.each<[string, (size: number) => string]>([
    ["brackets", repeated("[")],
    ["braces", repeated("{a: ")],
    ["dashes", repeated("- ")],
    ["explicit keys", repeated("? ")],
    ["indentation", indented],
    ["brackets beside quoted ones", repeated('{"]": ')],
  ])("[S-08] is refused in linear time when %s nest too deeply", async (_, input) => {
    await expectLinearTime({ input, work: parsed, largest: 1_000_000 });
    const { root, problems } = await parsed(input(1_000_000));
    expect(root).toBeUndefined();
    expect(await refusal(problems)).toMatch(/nested too deeply/);
  });

  it("may nest as deeply as people do, and hold as many brackets in texts as it likes", async () => {
    const { root, problems } = await parsed(
      `a: ${"[".repeat(60)}${"]".repeat(60)}\nb: "${"[".repeat(500)}"\nc: ${"x[".repeat(200)}\n`,
    );
    expect(problems.count).toBe(0);
    expect(root?.kind === "map" && root.entries).toHaveLength(3);
  });

  it("is one document", async () => {
    const { problems } = await parsed("a: 1\n---\nb: 2\n");
    expect(await refusal(problems)).toBe("f.yaml:2:1 is not valid YAML here (multiple docs)");
  });

  it("counts one problem once, however often it is found", () => {
    const problems = new SourceProblems();
    for (let count = 0; count < 3; count++) problems.add({ line: 1, column: 2 }, "is wrong");
    expect(problems.count).toBe(1);
  });
});
