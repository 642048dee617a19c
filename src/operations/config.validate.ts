/** `pgkeep config validate`: whether every configuration file that counts here can be read. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { loadSettings } from "../config/settings.ts";
import { resolveParameters } from "../deploy/parameters/resolve.ts";
import { resolveProjectRoot } from "../deploy/project/scan.ts";

export default defineOperation({
  name: "config.validate",
  summary: "Check the configuration files",
  description:
    "Reads pgmi.yaml, pgkeep.yaml, .env and the user's file as every other command would, and the keys of parameters. " +
    "Errors come with line and column.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "config validate",
    positionals: ["path?"],
    exitCodes: [10],
    examples: [{ line: "pgkeep config validate ./shop", does: "the files of one project" }],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().default(".").meta({ description: "Directory of the project" }),
      ...settingsFields(z),
    }),
  output: (z) => z.strictObject({ valid: z.boolean(), files: z.array(z.string()), params: z.int() }),
  run: async ({ path = ".", config, env }, { workingDirectory, environment, report, signal }) => {
    const projectDirectory = resolveProjectRoot(resolve(workingDirectory, path));
    const settings = await loadSettings({ projectDirectory, workingDirectory, environment, config, env });
    for (const message of settings.warnings) report({ type: "warning", message });
    const { counts } = await resolveParameters({
      yamlParams: settings.params,
      files: [],
      pairs: [],
      workingDirectory,
      environment,
      signal,
    });
    return { valid: true, files: [...settings.files], params: counts.total };
  },
});
