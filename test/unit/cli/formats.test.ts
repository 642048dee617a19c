/** Which format goes where. */
import { describe, expect, it } from "vitest";
import type { GlobalValues } from "../../../src/cli/arguments.ts";
import { planOutputs } from "../../../src/cli/formats.ts";
import type { CommandEntry } from "../../../src/cli/manifest.ts";

const COMMAND: CommandEntry = {
  words: "test",
  summary: "",
  effects: "read",
  json: "envelope",
  formats: ["junit", "tap"],
  exitCodes: [],
  positionals: [],
  flags: [],
  examples: [],
  validate: "table",
};
const plan = (globals: Partial<GlobalValues>) =>
  planOutputs(COMMAND, {
    help: false,
    version: false,
    json: false,
    verbose: false,
    quiet: false,
    ascii: false,
    noInput: false,
    color: "auto",
    output: [],
    ...globals,
  });

describe("the outputs of a run", () => {
  it("are human text when nothing is asked for", () => {
    expect(plan({})).toEqual({ stdout: "human", files: [] });
  });

  it("are not two in one file, where the second would replace the first", () => {
    for (const second of ["tap=a.xml", "tap=./a.xml", `tap=${process.cwd()}/a.xml`]) {
      expect(() => plan({ output: ["junit=a.xml", second] })).toThrow("a file can have one format only");
    }
  });

  it("are several files and one stdout", () => {
    expect(plan({ json: true, output: ["junit=a.xml", "tap=b=c.tap"] })).toEqual({
      stdout: "json",
      files: [
        { format: "junit", path: "a.xml" },
        { format: "tap", path: "b=c.tap" },
      ],
    });
    expect(plan({ output: ["tap=-"] }).stdout).toBe("tap");
  });

  it("agree when --json and --format json say the same", () => {
    expect(plan({ json: true, format: "json" }).stdout).toBe("json");
  });

  it.each([
    ["two formats on stdout", { json: true, output: ["tap"] }],
    ["a format the command does not have", { output: ["sarif=a"] }],
    ["a file without a name", { output: ["tap="] }],
    ["a stream of events in a file", { output: ["ndjson=a"] }],
  ])("refuse %s", (_, globals) => {
    expect(() => plan(globals)).toThrow(expect.objectContaining({ code: "USAGE_ARGUMENTS" }));
  });
});
