/** `pgkeep config show`: the settings in effect and where each comes from. Never a secret. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import type { Environment } from "../config/environment.ts";
import { settingsFields } from "../config/input.ts";
import { loadSettings, type Setting, type Settings } from "../config/settings.ts";
import { resolveProjectRoot } from "../deploy/project/scan.ts";
import { ENVIRONMENT_KEYWORDS } from "../pg/connect/keywords.ts";
import { STRING_VARIABLES } from "../pg/connect/layers.ts";

export default defineOperation({
  name: "config.show",
  summary: "Show the settings in effect",
  description:
    "The value of every setting that a file or a variable gives, with --origin also its place. Secrets show that they are " +
    "set and from where. Flags of other commands would still win over all of it.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "config show",
    positionals: ["path?"],
    exitCodes: [10],
    examples: [
      { line: "pgkeep config show ./shop --origin", does: "every value with the file and line it comes from" },
    ],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().default(".").meta({ description: "Directory of the project" }),
      origin: z.boolean().default(false).meta({ description: "Show where each value comes from", group: "output" }),
      ...settingsFields(z),
    }),
  output: (z) =>
    z.strictObject({
      settings: z.array(
        z.strictObject({
          name: z.string(),
          value: z.string().nullable().meta({ description: "null for secrets and parameters" }),
          origin: z.string().optional(),
        }),
      ),
      files: z.array(z.string()),
    }),
  run: async ({ path = ".", origin, config, env }, { workingDirectory, environment, report }) => {
    const projectDirectory = resolveProjectRoot(resolve(workingDirectory, path));
    const settings = await loadSettings({ projectDirectory, workingDirectory, environment, config, env });
    for (const message of settings.warnings) report({ type: "warning", message });
    const shown = settingsInEffect(settings);
    return { settings: origin ? shown : shown.map(({ name, value }) => ({ name, value })), files: [...settings.files] };
  },
});

interface Shown {
  name: string;
  value: string | null;
  origin: string;
}

/** Shown as set, never with their value. Options can set anything, a secret of the project's own too. */
const SECRET_VARIABLES = ["PGPASSWORD", "PGSSLPASSWORD", "PGOPTIONS", ...STRING_VARIABLES, "AZURE_CLIENT_SECRET"];

/** Keywords of libpq that have another name in our files. */
const KEYS: Readonly<Record<string, string>> = { user: "username", dbname: "database" };

/** Variables that stand for connection settings, and the key of the files that each outranks. */
const VARIABLES = Object.entries(ENVIRONMENT_KEYWORDS)
  .filter(([variable]) => !SECRET_VARIABLES.includes(variable))
  .map(([variable, keyword]) => ({ variable, key: KEYS[keyword] ?? keyword }));

function settingsInEffect(settings: Settings): Shown[] {
  const { environment, connection } = settings;
  const values = new Map<string, Setting>(Object.entries(connection));
  for (const { variable, key } of VARIABLES) {
    const value = environment[variable];
    if (value) values.set(key, { value, origin: originOf(variable, settings) });
  }
  const shown: Shown[] = [...values].map(([key, setting]) => ({ name: `connection.${key}`, ...setting }));
  shown.push(...secretsInEffect(environment, settings));
  for (const [key, origin] of winningParams(settings)) shown.push({ name: `params.${key}`, value: null, origin });
  const single = {
    timeout: settings.timeout,
    strict_secrets: settings.strictSecrets,
    record_runs: settings.recordRuns,
    database: settings.embedded,
  };
  for (const [name, setting] of Object.entries(single)) if (setting) shown.push({ name, ...setting });
  const { entries, file } = settings.audit;
  for (const { path, value, line } of entries) {
    shown.push({ name: ["audit", ...path].join("."), value, origin: `${file}:${line}` });
  }
  return shown;
}

function secretsInEffect(environment: Environment, settings: Settings): Shown[] {
  return SECRET_VARIABLES.filter((name) => environment[name]).map((name) => ({
    name,
    value: null,
    origin: originOf(name, settings),
  }));
}

function originOf(variable: string, { dotenvNames }: Settings): string {
  return dotenvNames.has(variable) ? `.env ${variable}` : `environment ${variable}`;
}

/** Keys as the session knows them; the last source of each. */
function winningParams({ params }: Settings): Map<string, string> {
  return new Map(params.map(({ key, origin }) => [key.toLowerCase(), origin]));
}
