/** The wizard: what it asks, what it keeps, and that it writes nothing unless it was finished. */
import { readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { OperationContext, Prompter } from "../../../src/base/operation.ts";
import { readPgmiYaml } from "../../../src/config/pgmi-yaml.ts";
import operation from "../../../src/operations/config.edit.ts";
import { temporaryDirectory } from "../../support/project.ts";

/** Answers questions that begin with these words; undefined leaves the wizard. */
function answering(answers: Record<string, string | boolean | undefined>): Prompter {
  const answer = (question: string) => answers[question.split(/[ ;]/)[0] ?? ""];
  return {
    text: async (question) => {
      const given = answer(question);
      return typeof given === "string" || given === undefined ? given : undefined;
    },
    secret: async () => undefined,
    confirm: async (question) => answer(question) === true,
    choose: async (question, choices) => choices.find(({ value }) => value === answer(question))?.value,
  };
}

const ANSWERS = { host: "db.example", port: "", username: "app", database: "shop", sslmode: "verify-full" };

function run(directory: string, prompt?: Prompter) {
  const context: OperationContext = {
    environment: {},
    workingDirectory: directory,
    clock: systemClock,
    signal: new AbortController().signal,
    report: () => undefined,
    prompt,
  };
  return operation.run({ directory: "." }, context);
}

describe("config edit", () => {
  it("writes what was answered, for the owner only", async () => {
    using folder = temporaryDirectory();
    await run(folder.path, answering(ANSWERS));
    expect(statSync(folder.at("pgmi.yaml")).mode & 0o777).toBe(0o600);
    const entries = await readPgmiYaml(folder.path);
    expect(Object.fromEntries((entries ?? []).map(({ path, value }) => [path.join("."), value]))).toEqual({
      "connection.host": "db.example",
      "connection.port": "5432",
      "connection.username": "app",
      "connection.database": "shop",
      "connection.sslmode": "verify-full",
    });
  });

  it("keeps parameters, timeout and other keys as they are, however they are written", async () => {
    const before =
      'connection:\n  host: old\n  sslcert: /a "b"\nparams:\n  ratio: 1.50\n  text: "tab\\t# no comment"\ntimeout: 1m\n';
    using folder = temporaryDirectory({ "pgmi.yaml": before });
    await run(folder.path, answering({ ...ANSWERS, host: "", "pgmi.yaml": true }));
    const entries = await readPgmiYaml(folder.path);
    expect(Object.fromEntries((entries ?? []).map(({ path, value }) => [path.join("."), value]))).toMatchObject({
      "connection.host": "old",
      "connection.sslcert": '/a "b"',
      "params.ratio": "1.50",
      "params.text": "tab\t# no comment",
      timeout: "1m",
    });
  });

  it.each([
    ["the file is not to be changed", { ...ANSWERS, "pgmi.yaml": false }, "CANCELLED"],
    ["a question is left", { ...ANSWERS, "pgmi.yaml": true, database: undefined }, "CANCELLED"],
    ["the port is none", { ...ANSWERS, "pgmi.yaml": true, port: "70000" }, "CONFIG_VALUE_INVALID"],
  ])("writes nothing when %s", async (_, answers, code) => {
    using folder = temporaryDirectory({ "pgmi.yaml": "timeout: 1m\n" });
    await expect(run(folder.path, answering(answers))).rejects.toMatchObject({ code });
    expect(readFileSync(folder.at("pgmi.yaml"), "utf8")).toBe("timeout: 1m\n");
  });

  it("says so when the directory cannot be written to", async () => {
    using folder = temporaryDirectory();
    const missing = run(folder.at("missing"), answering(ANSWERS));
    await expect(missing).rejects.toMatchObject({ code: "FILE_WRITE_FAILED" });
  });

  it("without a terminal fails with status 1", async () => {
    using folder = temporaryDirectory();
    await expect(run(folder.path)).rejects.toMatchObject({ code: "CONFIG_NO_TERMINAL", exit: 1 });
  });
});
