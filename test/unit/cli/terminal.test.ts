/** When colour is used, how wide text is, and whether anyone is asked. */
import { describe, expect, it } from "vitest";
import type { GlobalValues } from "../../../src/cli/arguments.ts";
import { isInteractive, usesColour, viewOf } from "../../../src/cli/terminal.ts";

const TERMINALS = { stdin: true, stdout: true, stderr: true, columns: 80 };

describe("colour", () => {
  it.each([
    [true, {}, "auto", true],
    [false, {}, "auto", false],
    [true, { TERM: "dumb" }, "auto", false],
    [true, { NO_COLOR: "1" }, "auto", false],
    [true, { NO_COLOR: "" }, "auto", true],
    [false, { FORCE_COLOR: "1" }, "auto", true],
    [false, { CLICOLOR_FORCE: "1" }, "auto", true],
    [false, { FORCE_COLOR: "0" }, "auto", false],
    [true, { NO_COLOR: "1", FORCE_COLOR: "1" }, "auto", false],
    [false, { NO_COLOR: "1" }, "always", true],
    [true, { FORCE_COLOR: "1" }, "never", false],
  ] as const)("on a terminal %s with %j and --color %s is %s", (isTerminal, environment, choice, used) => {
    expect(usesColour(isTerminal, environment, choice)).toBe(used);
  });
});

describe("a question", () => {
  it("is asked only where a person reads and answers", () => {
    expect(isInteractive(TERMINALS, {}, false)).toBe(true);
    expect(isInteractive(TERMINALS, { NO_COLOR: "1" }, false)).toBe(true);
    expect(isInteractive(TERMINALS, {}, true)).toBe(false);
    expect(isInteractive(TERMINALS, { CI: "true" }, false)).toBe(false);
    expect(isInteractive(TERMINALS, { PGMI_NON_INTERACTIVE: "1" }, false)).toBe(false);
    expect(isInteractive({ ...TERMINALS, stdin: false }, {}, false)).toBe(false);
    expect(isInteractive({ ...TERMINALS, stdout: false }, {}, false)).toBe(false);
  });
});

describe("a view", () => {
  const globals: GlobalValues = {
    help: false,
    version: false,
    json: false,
    verbose: false,
    quiet: false,
    ascii: false,
    noInput: false,
    color: "auto",
    output: [],
  };
  const options = { program: "pgkeep", globals, environment: {}, terminals: TERMINALS } as const;

  it("is as wide as asked, else as the terminal, else 100 columns", () => {
    expect(viewOf("stdout", { ...options, globals: { ...globals, width: 60 } }, 0).width).toBe(60);
    expect(viewOf("stdout", options, 0).width).toBe(80);
    expect(viewOf("stdout", { ...options, terminals: { stdin: false, stdout: false, stderr: false } }, 0).width).toBe(
      100,
    );
  });

  it("knows where the command went, for the commands that a text names", () => {
    expect(viewOf("stdout", { ...options, place: " --embedded -d shop" }, 0).place).toBe(" --embedded -d shop");
  });

  it("uses plain signs with --ascii, NO_COLOR and PGKEEP_ACCESSIBLE", () => {
    expect(viewOf("stderr", options, 0).ascii).toBe(false);
    expect(viewOf("stderr", { ...options, globals: { ...globals, ascii: true } }, 0).ascii).toBe(true);
    expect(viewOf("stderr", { ...options, environment: { NO_COLOR: "1" } }, 0).ascii).toBe(true);
    expect(viewOf("stderr", { ...options, environment: { PGKEEP_ACCESSIBLE: "1" } }, 0).ascii).toBe(true);
  });
});
