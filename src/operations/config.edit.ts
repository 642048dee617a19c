/**
 * `pgkeep config edit`: asks for a project's connection and writes it to pgmi.yaml.
 *
 * Only what is asked for changes: parameters, timeout and the other connection keys of an existing file are kept,
 * comments are not. The password is not asked for, because the file cannot hold one.
 */
import { resolve } from "node:path";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { defineOperation, type Prompter } from "../base/operation.ts";
import { SSL_MODES } from "../config/connection-keys.ts";
import { PGMI_YAML, readPgmiYaml } from "../config/pgmi-yaml.ts";
import { replacePrivateFile } from "../pg/embedded/guarded-files.ts";

export default defineOperation({
  name: "config.edit",
  summary: "Ask for a project's connection and write it to pgmi.yaml",
  description:
    "A wizard for a terminal. Parameters, timeout and other settings of an existing pgmi.yaml are kept, its comments are " +
    "not. Passwords are never written; use PGPASSWORD or a password file.",
  effects: "write",
  surfaces: ["cli"],
  cli: {
    command: "config edit",
    positionals: ["directory?"],
    exitCodes: [10, 12],
    examples: [{ line: "pgkeep config edit ./shop", does: "answer questions, get ./shop/pgmi.yaml" }],
  },
  input: (z) =>
    z.strictObject({ directory: z.string().default(".").meta({ description: "Directory of the project" }) }),
  output: (z) => z.strictObject({ path: z.string().meta({ description: "Absolute path of the file written" }) }),
  run: async ({ directory = "." }, { prompt, workingDirectory }) => {
    if (!prompt)
      throw new PgkeepError("CONFIG_NO_TERMINAL", "the wizard needs a terminal to ask at", {
        state: "nothing was written",
        hint: "Write pgmi.yaml by hand; pgkeep config schema tells what it may hold.",
      });
    const project = resolve(workingDirectory, directory);
    const path = resolve(project, PGMI_YAML);
    const entries = (await readPgmiYaml(project)) ?? [];
    if (entries.length > 0 && !(await prompt.confirm(`${PGMI_YAML} exists; change it (its comments are lost)?`)))
      throw left();
    const kept = new Map(entries.map(({ path: [section = "", key = ""], value }) => [`${section}.${key}`, value]));
    for (const [key, value] of await answers(prompt, kept)) kept.set(`connection.${key}`, value);
    await write(path, yamlText(kept));
    return { path };
  },
});

const left = (): PgkeepError => new PgkeepError("CANCELLED", "the wizard was left", { state: "nothing was written" });

/** Each question offers what holds now; an empty answer keeps it. */
async function answers(prompt: Prompter, current: ReadonlyMap<string, string>): Promise<[string, string][]> {
  const given: [string, string][] = [];
  const defaults = { host: "localhost", port: "5432", username: "", database: "" };
  for (const [key, otherwise] of Object.entries(defaults)) {
    const now = current.get(`connection.${key}`) ?? otherwise;
    const answer = await prompt.text(now === "" ? key : `${key} (${now})`);
    if (answer === undefined) throw left();
    const value = answer.trim() || now;
    if (key === "port") checkPort(value);
    if (value !== "") given.push([key, value]);
  }
  const choices = SSL_MODES.map((mode) => ({ value: mode, label: mode }));
  const mode = await prompt.choose("sslmode", choices);
  if (mode === undefined) throw left();
  return [...given, ["sslmode", mode]];
}

async function write(path: string, text: string): Promise<void> {
  try {
    await replacePrivateFile(path, text);
  } catch (cause) {
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write ${PGMI_YAML}`, {
      detail: `The system reported ${errorCodeOf(cause) ?? "an error"}.`,
      state: "nothing was written",
      cause,
    });
  }
}

function checkPort(text: string): void {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the port is not a number from 1 to 65535", {
    state: "nothing was written",
  });
}

/** The file's text from "section.key" to value. Values are quoted as JSON, which is YAML too and needs no further rules. */
function yamlText(values: ReadonlyMap<string, string>): string {
  const lines = ["# Settings of this project; pgkeep config schema describes them."];
  for (const section of ["connection", "params"]) {
    const own = [...values].filter(([name]) => name.startsWith(`${section}.`));
    if (own.length === 0) continue;
    lines.push(`${section}:`);
    for (const [name, value] of own) lines.push(`  ${keyAndValue(name.slice(section.length + 1), value)}`);
  }
  const timeout = values.get("timeout.");
  if (timeout !== undefined) lines.push(`timeout: ${JSON.stringify(timeout)}`);
  return `${lines.join("\n")}\n`;
}

const keyAndValue = (key: string, value: string): string =>
  key === "port" ? `port: ${value}` : `${key}: ${JSON.stringify(value)}`;
