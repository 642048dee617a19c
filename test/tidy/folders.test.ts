/**
 * No import cycles, of files or of folders: whatever is below can be read, tested and moved without what is above it.
 */
import { describe, expect, it } from "vitest";
import { cycleText, importCycles } from "./import-cycles.ts";
import { filesBelow, read } from "./repository.ts";

/** The cycles of a made-up tree, each as its steps. */
function cyclesOf(files: Record<string, string>): string[][] {
  return importCycles(new Map(Object.entries(files))).map((cycle) => cycle.map(({ from, to }) => `${from} -> ${to}`));
}

describe("imports", () => {
  it.each(["src", "test"])("of %s go round in no circle, neither of files nor of folders", (folder) => {
    const sources = new Map(filesBelow(folder, ".ts").map((path) => [path, read(path)]));
    expect(sources.size).toBeGreaterThan(100);
    const hint = "move what both sides need to a file or folder below them, named by what it does";
    expect(importCycles(sources).map(cycleText), hint).toEqual([]);
  });
});

describe("the finder of cycles", () => {
  it("is content with a tree whose imports go one way", () => {
    const tree = {
      "src/a/one.ts": 'import { two } from "./two.ts";\nimport { b } from "../b/b.ts";',
      "src/a/two.ts": 'import { b } from "../b/b.ts";',
      "src/b/b.ts": 'import { readFile } from "node:fs";\nimport { c } from "../../other/c.ts";',
    };
    expect(cyclesOf(tree)).toEqual([]);
  });

  it("finds two files that import each other, also for their types alone", () => {
    const tree = {
      "src/one.ts": 'import type { Two } from "./two.ts";',
      "src/two.ts": 'import {\n  type One,\n  one,\n} from "./one.ts";',
    };
    expect(cyclesOf(tree)).toEqual([["src/one.ts -> src/two.ts", "src/two.ts -> src/one.ts"]]);
  });

  it.each([
    ["passed on", 'export { a } from "../a/a.ts";'],
    ["for its effects", 'import "../a/a.ts";'],
    ["later", 'const a = await import("../a/a.ts");'],
    ["later, on a line of its own", 'const a = await import(\n  "../a/a.ts"\n);'],
    ["as a type in place", 'let a: import("../a/a.ts").A;'],
    ["in single quotes", "import { a } from '../a/a.ts';"],
  ])("counts what is imported %s", (_how, text) => {
    const tree = { "src/a/a.ts": 'import { b } from "../b/b.ts";', "src/b/b.ts": text };
    expect(cyclesOf(tree)).toEqual([["src/a -> src/b", "src/b -> src/a"]]);
  });

  it("finds folders that import each other where no file does", () => {
    const tree = {
      "src/a/low.ts": "",
      "src/a/high.ts": 'import { b } from "../b/low.ts";',
      "src/b/low.ts": "",
      "src/b/high.ts": 'import { a } from "../a/low.ts";',
    };
    expect(cyclesOf(tree)).toEqual([["src/a -> src/b", "src/b -> src/a"]]);
  });

  it("finds a folder and a file beside it that need each other", () => {
    const tree = {
      "src/main.ts": 'import { run } from "./commands/run.ts";',
      "src/commands/run.ts": 'import { help } from "./help.ts";',
      "src/commands/help.ts": 'import { name } from "../main.ts";',
    };
    expect(cyclesOf(tree)).toEqual([["src/main.ts -> src/commands", "src/commands -> src/main.ts"]]);
  });

  it("finds a cycle at any depth, through any number of folders", () => {
    const tree = {
      "src/x/deep/a/a.ts": 'import { b } from "../b/inner/b.ts";',
      "src/x/deep/b/inner/b.ts": 'import { c } from "../../c/c.ts";',
      "src/x/deep/c/c.ts": 'import { d } from "../a/d.ts";',
      "src/x/deep/a/d.ts": "",
    };
    expect(cyclesOf(tree)).toEqual([
      ["src/x/deep/a -> src/x/deep/b", "src/x/deep/b -> src/x/deep/c", "src/x/deep/c -> src/x/deep/a"],
    ]);
  });

  it("tells each group of entries once, by its shortest way round, and every group", () => {
    const tree = {
      "src/a/a.ts": 'import "../b/b.ts"; import "../c/c.ts";',
      "src/b/b.ts": 'import "../c/c.ts";',
      "src/c/c.ts": 'import "../a/other.ts";',
      "src/a/other.ts": "",
      "src/d/one.ts": 'import "./two.ts";',
      "src/d/two.ts": 'import "./one.ts";',
    };
    expect(cyclesOf(tree)).toEqual([
      ["src/a -> src/c", "src/c -> src/a"],
      ["src/d/one.ts -> src/d/two.ts", "src/d/two.ts -> src/d/one.ts"],
    ]);
  });

  it("passes over comments, the file itself and what is outside the tree", () => {
    const tree = {
      "src/a/a.ts": 'import { b } from "../b/b.ts";\nimport self from "./a.ts";\nimport x from "../gone.ts";',
      "src/b/b.ts": '/** import { a } from "../a/a.ts"; */\n// import "../a/a.ts";',
    };
    expect(cyclesOf(tree)).toEqual([]);
  });

  it("names the steps with the imports that make them", () => {
    const tree = new Map([
      ["src/a/a.ts", 'import { b } from "../b/b.ts";'],
      ["src/a/more.ts", 'import { b } from "../b/b.ts";'],
      ["src/b/b.ts", 'import { a } from "../a/a.ts";'],
    ]);
    expect(importCycles(tree).map(cycleText)).toEqual([
      "src/a -> src/b: src/a/a.ts imports src/b/b.ts and 1 more\nsrc/b -> src/a: src/b/b.ts imports src/a/a.ts",
    ]);
  });
});
