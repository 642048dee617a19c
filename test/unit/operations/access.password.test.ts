/** `access password`: a verifier out, no password in sight. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "../../../src/base/clock.ts";
import type { ProgressEvent, Prompter } from "../../../src/base/operation.ts";
import { forgetSecretsForTests, Secret, scrub } from "../../../src/base/secrets.ts";
import renderer from "../../../src/cli/renderers/access.password.ts";
import operation from "../../../src/operations/access.password.ts";
import { matchesScramVerifier, parseScramVerifier } from "../../../src/pg/scram.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pgkeep-password-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  forgetSecretsForTests();
});

interface Situation {
  environment?: Record<string, string>;
  answers?: (string | undefined)[];
  /** What was piped in. */
  stdin?: string;
}

function running(input: Record<string, unknown>, { environment = {}, answers, stdin }: Situation = {}) {
  const events: ProgressEvent[] = [];
  const left = [...(answers ?? [])];
  const prompt: Prompter = {
    text: async () => undefined,
    secret: async () => left.shift(),
    confirm: async () => false,
    choose: async () => undefined,
  };
  const result = operation.run(operation.input(z).parse(input), {
    environment,
    workingDirectory: directory,
    clock: systemClock,
    signal: new AbortController().signal,
    report: (event) => events.push(event),
    prompt: answers ? prompt : undefined,
    readStdin: stdin === undefined ? undefined : async () => stdin,
  });
  return { events, result };
}

async function opens(password: string, result: Promise<{ verifier?: string | undefined }>): Promise<boolean> {
  const verifier = parseScramVerifier((await result).verifier ?? "");
  return verifier !== undefined && matchesScramVerifier(new Secret(password), verifier);
}

describe("access password", () => {
  it("makes a verifier from an environment variable", async () => {
    const { result } = running({ from: "${env:APP_PASSWORD}" }, { environment: { APP_PASSWORD: "correct horse" } });
    expect(await opens("correct horse", result)).toBe(true);
  });

  it("makes a verifier from a file below a named root", async () => {
    const file = join(directory, "app");
    writeFileSync(file, "correct horse\n");
    chmodSync(file, 0o600);
    const { result } = running({ from: `\${file:${file}}`, secretRoot: ["."], iterations: 20_000 });
    expect(await opens("correct horse", result)).toBe(true);
    expect((await result).verifier).toContain("$20000:");
  });

  it("makes a verifier from a password typed twice", async () => {
    expect(await opens("correct horse", running({}, { answers: ["correct horse", "correct horse"] }).result)).toBe(
      true,
    );
  });

  it("prints the verifier in spite of redaction, and hides the password", async () => {
    const { verifier } = await running({ from: "${env:P}" }, { environment: { P: "correct horse" } }).result;
    const printed = renderer.result?.({ verifier }, VIEW);
    expect(printed).toBe(`${verifier}\n`);
    expect(scrub(`${printed} correct horse`)).toBe(`${printed} [secret]`);
  });

  it.each(["correct horse", "${env:A}${env:B}", "x${env:A}", "$${env:A}", ""])(
    "[A-05] takes no password on the command line, like %j, and does not repeat it",
    async (from) => {
      const error = await running({ from }, { environment: { A: "aaaaaa", B: "bbbbbb" } }).result.catch((e) => e);
      expect(error).toMatchObject({ code: "CONFIG_VALUE_INVALID", exit: 10 });
      if (from) expect(`${error.message} ${error.parts.detail} ${error.parts.hint}`).not.toContain(from);
    },
  );

  it("ends as cancelled when the prompt is left", async () => {
    await expect(running({}, { answers: [undefined] }).result).rejects.toMatchObject({ code: "CANCELLED", exit: 12 });
    await expect(running({}, { answers: ["once", undefined] }).result).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("refuses two passwords that differ, and an empty one", async () => {
    await expect(running({}, { answers: ["one", "two"] }).result).rejects.toThrow(/not the same/);
    await expect(running({}, { answers: ["", ""] }).result).rejects.toThrow(/empty/);
  });

  it("says what to give when there is nobody to ask", async () => {
    await expect(running({}).result).rejects.toMatchObject({ parts: { hint: expect.stringContaining("--from") } });
  });

  it.each([
    [{ from: "-" }, "correct horse\n"],
    [{ from: "-" }, "correct horse\r\n"],
    [{}, "correct horse"],
  ])("takes %j from standard input", async (input, stdin) => {
    expect(await opens("correct horse", running(input, { stdin }).result)).toBe(true);
  });

  it("asks a person who is there, whatever standard input is", async () => {
    const { result } = running({}, { answers: ["typed word", "typed word"], stdin: "piped word" });
    expect(await opens("typed word", result)).toBe(true);
  });

  it.each([
    ["", /no password came/],
    ["\n", /no password came/],
    ["two\nlines\n", /more than one line/],
  ])("refuses %j from standard input", async (stdin, message) => {
    await expect(running({ from: "-" }, { stdin }).result).rejects.toThrow(message);
  });

  it("without standard input refuses to take a password from it", async () => {
    await expect(running({ from: "-" }).result).rejects.toThrow(/no password came/);
  });

  it("[A-05] warns about characters outside ASCII", async () => {
    const { events, result } = running({ from: "${env:P}" }, { environment: { P: "pä ss" } });
    await result;
    expect(events.map((event) => renderer.progress?.(event, VIEW))).toEqual([expect.stringContaining("outside ASCII")]);
  });

  it.each([4095, 100_001, 5000.5])("refuses %d iterations", (iterations) => {
    expect(() => operation.input(z).parse({ iterations })).toThrow();
  });
});

const VIEW = {
  colour: false,
  ascii: true,
  width: 80,
  isTerminal: false,
  isFitted: false,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;
