/** From words to a command and its input: the grammar, and what its complaints never repeat. */
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import { locateCommand, parseCommand, wantsJson } from "../../../src/cli/arguments.ts";
import type { CommandEntry, FlagSpec } from "../../../src/cli/manifest.ts";

const flag = (name: string, more: Partial<FlagSpec> = {}): FlagSpec => ({
  name,
  field: name,
  type: "string",
  description: name,
  group: "what",
  ...more,
});

const entry = (words: string, more: Partial<CommandEntry> = {}): CommandEntry => ({
  words,
  operation: "any",
  summary: words,
  effects: "read",
  json: "envelope",
  formats: [],
  exitCodes: [],
  positionals: [],
  flags: [],
  examples: [],
  validate: "table",
  ...more,
});

const DEPLOY = entry("deploy", {
  positionals: [{ field: "path", type: "string", required: true, description: "where" }],
  flags: [
    flag("host", { short: "h" }),
    flag("port", { short: "p", type: "integer", minimum: 1, maximum: 65_535 }),
    flag("param", { type: "list" }),
    flag("labels", { type: "map" }),
    flag("force", { type: "boolean" }),
    flag("idempotent", { type: "boolean", default: true }),
    flag("sslmode", { values: ["disable", "require"] }),
    flag("timeout", { duration: true }),
  ],
  ownTimeout: true,
});
const COMMANDS = [DEPLOY, entry("db start"), entry("db stop"), entry("ai"), entry("ai skill")];

const parse = (...words: string[]) => parseCommand(DEPLOY, words, "pgkeep").input;

function failureOf(action: () => unknown): PgkeepError {
  try {
    action();
  } catch (error) {
    if (error instanceof PgkeepError) return error;
  }
  throw new Error("nothing was thrown");
}

describe("the words of a command", () => {
  it("may have flags before, after and between arguments", () => {
    for (const words of [
      ["./shop", "--host", "db"],
      ["--host", "db", "./shop"],
      ["--host=db", "./shop"],
    ])
      expect(parse(...words)).toMatchObject({ path: "./shop", host: "db" });
  });

  it("give -h to the host, attached, spaced or with an equals sign", () => {
    for (const words of [["-hdb"], ["-h", "db"], ["-h=db"]]) expect(parse(".", ...words)).toMatchObject({ host: "db" });
  });

  it("switch booleans off with =false", () => {
    expect(parse(".", "--force", "--idempotent=false")).toMatchObject({ force: true, idempotent: false });
    expect(parse(".", "--force=false")).toMatchObject({ force: false });
  });

  it("fill in defaults for what is not given", () => {
    expect(parse(".")).toEqual({ path: ".", idempotent: true });
  });

  it("keep every value of a repeated flag and never split one at a comma", () => {
    expect(parse(".", "--param", "a=1,2", "--param=b=x=y")).toMatchObject({ param: ["a=1,2", "b=x=y"] });
  });

  it("collect key=value pairs where a map is wanted", () => {
    expect(parse(".", "--labels", "a=1", "--labels", "b=")).toMatchObject({ labels: { a: "1", b: "" } });
  });

  it("take a value that begins with a dash", () => {
    expect(parse(".", "--param", "-x=1")).toMatchObject({ param: ["-x=1"] });
  });

  it("end flags with two dashes", () => {
    expect(parse("--", "--host")).toMatchObject({ path: "--host" });
  });

  it.each([
    ["a number that is none", ["-p", "abc"]],
    ["a number out of its range", ["--port=70000"]],
    ["a value that is not on the list", ["--sslmode", "maybe"]],
    ["a duration without unit", ["--timeout", "90"]],
    ["a flag without its value", ["--host"]],
    ["a boolean that is neither", ["--force=perhaps"]],
    ["a pair without equals sign", ["--labels", "x"]],
    ["one argument too many", ["b"]],
  ])("refuse %s", (_, words) => {
    expect(failureOf(() => parse(".", ...words)).code).toBe("USAGE_ARGUMENTS");
  });

  it("refuse an empty place, which is nearly always a variable that is not set", () => {
    const command = { ...DEPLOY, flags: [flag("connection", { group: "connection" }), flag("note")] };
    const empty = (...words: string[]) => failureOf(() => parseCommand(command, words, "pgkeep")).message;
    expect(empty(".", "--connection", "")).toBe("--connection is empty");
    expect(empty("")).toBe("<path> is empty");
    expect(parseCommand(command, [".", "--note", ""], "pgkeep").input).toEqual({ path: ".", note: "" });
    expect(parseCommand(command, [".", "--connection="], "pgmi").input).toEqual({ path: ".", connection: "" });
  });

  it("name the argument that is missing, and where it stands", () => {
    const error = failureOf(() => parse());
    expect(error.message).toBe('"deploy" needs <path>');
    expect(error.parts.hint).toContain("deploy <path>");
  });
});

describe("an unknown flag", () => {
  it("is refused with the nearest name and where the flags are listed", () => {
    const near = failureOf(() => parse(".", "--hots", "x"));
    expect([near.code, near.message, near.parts.hint]).toEqual([
      "USAGE_UNKNOWN_FLAG",
      'unknown flag "--hots"',
      'Did you mean "--host"?',
    ]);
    expect(failureOf(() => parse(".", "--nothing")).parts.hint).toBe("pgkeep deploy --help lists the flags.");
  });

  it("is not a shorter spelling of a known one", () => {
    expect(failureOf(() => parse(".", "--forc")).code).toBe("USAGE_UNKNOWN_FLAG");
  });

  it("[D-04] shows its name and never its value", () => {
    const canary = "s3cr3t-Canary";
    for (const word of [`--parm=pw=${canary}`, `--password=${canary}`, `--${canary}`, `-P${canary}`]) {
      const { message, parts } = failureOf(() => parse(".", word));
      expect(`${message} ${parts.hint}`).not.toMatch(/s3cr3t|Canary/);
    }
  });
});

describe("the command's name", () => {
  it("is one word or two, with global flags around it", () => {
    expect(locateCommand(["--json", "db", "-v", "start"], COMMANDS)).toMatchObject({
      command: { words: "db start" },
      rest: ["--json", "-v"],
    });
    expect(locateCommand(["ai"], COMMANDS).command?.words).toBe("ai");
    expect(locateCommand(["ai", "skill", "x"], COMMANDS)).toMatchObject({
      command: { words: "ai skill" },
      rest: ["x"],
    });
  });

  it("stays open after the first of two words", () => {
    expect(locateCommand(["db"], COMMANDS)).toMatchObject({ command: undefined, group: "db" });
  });

  it.each([
    ["is never abbreviated", ["dep"]],
    ["is suggested when mistyped", ["deplyo"]],
    ["is not guessed after a group", ["db", "sotp"]],
    ["is not an argument of a command that takes none", ["ai", "skil"]],
  ])("%s", (_, words) => {
    expect(failureOf(() => locateCommand(words, COMMANDS)).code).toBe("USAGE_UNKNOWN_COMMAND");
  });

  it("leaves an unknown flag's value to the complaint about that flag", () => {
    const located = locateCommand(["ai", "--databse", "x"], COMMANDS);
    expect(located).toMatchObject({ command: { words: "ai" }, rest: ["--databse", "x"] });
  });

  it("comes before the command's own flags", () => {
    expect(failureOf(() => locateCommand(["--host", "db", "deploy"], COMMANDS)).code).toBe("USAGE_UNKNOWN_FLAG");
  });

  it("[D-04] is not repeated when it is near to no command, because it can be a pasted secret", () => {
    const { message, parts } = failureOf(() => locateCommand(["postgres://u:hunter2@h/db"], COMMANDS));
    expect(`${message} ${parts.hint}`).not.toContain("hunter2");
  });
});

describe("a wish for JSON", () => {
  it.each([
    [["deploy", "--json"], true],
    [["deploy", "--format", "json"], true],
    [["--format=json", "nope"], true],
    [["deploy", "--json=false"], false],
    [["deploy", "--", "--json"], false],
    [["deploy"], false],
  ])("in %j is %s", (words, wished) => {
    expect(wantsJson(words)).toBe(wished);
  });
});
