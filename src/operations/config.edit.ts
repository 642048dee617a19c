/**
 * `pgkeep config edit`: asks for a project's connection and writes it to pgmi.yaml.
 *
 * Only what is asked for changes: parameters, timeout and the other connection keys of an existing file are kept,
 * comments are not. The password is not asked for, because the file cannot hold one.
 */
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { PGMI_YAML, readPgmiYaml } from "../config/pgmi-yaml.ts";
import { askConnection, saveConnection, wizardLeft } from "./connection/questions.ts";

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
    const entries = (await readPgmiYaml(project)) ?? [];
    if (entries.length > 0 && !(await prompt.confirm(`${PGMI_YAML} exists; change it (its comments are lost)?`)))
      throw wizardLeft();
    const current = entries.flatMap(({ path: [section, key = ""], value }) =>
      section === "connection" ? [[key, value] as const] : [],
    );
    const answers = await askConnection(prompt, Object.fromEntries(current));
    return { path: await saveConnection(project, entries, answers) };
  },
});
