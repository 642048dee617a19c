/** `pgkeep init`: a new project from a template. */
import { lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { errorCodeOf, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { jsonSchemaOf } from "../config/config-shape.ts";
import { PGKEEP_SHAPE, PGKEEP_YAML } from "../config/pgkeep-yaml.ts";
import { PGMI_SHAPE, PGMI_YAML } from "../config/pgmi-yaml.ts";
import { quotedPath } from "../deploy/project/problems.ts";
import { copyTemplate, templateNamed, writeNewFile } from "../deploy/project/templates.ts";

export default defineOperation({
  name: "project.init",
  summary: "Make a new project",
  description:
    "Copies a template into an empty directory; pgmi.yaml and .env may be there already and stay as they are. With " +
    "--embedded the project is set up to deploy to the embedded server of its own directory, so that nothing has to be " +
    "installed to try it.",
  effects: "write",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "init",
    positionals: ["directory?"],
    exitCodes: [],
    examples: [
      { line: "pgkeep init ./shop", does: "a new project in ./shop" },
      { line: "pgkeep init ./shop --embedded", does: "one that deploys to its own embedded server" },
    ],
  },
  input: (z) =>
    z.strictObject({
      directory: z.string().default(".").meta({ description: "Directory to make the project in" }),
      template: z
        .string()
        .default("basic")
        .meta({ description: "Template to copy", short: "t", valueName: "NAME", group: "what" }),
      embedded: z
        .boolean()
        .default(false)
        .meta({ description: "Let the project use the embedded server of its directory", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      directory: z.string().meta({ description: "Absolute path" }),
      template: z.string(),
      embedded: z.boolean(),
      files: z.array(z.string()).meta({ description: "Files written, relative to the directory" }),
      kept: z.array(z.string()).meta({ description: "Files that were there and stay as they are" }),
    }),
  run: async ({ directory = ".", template: name = "basic", embedded = false }, { workingDirectory }) => {
    const template = templateNamed(name);
    const { path, kept } = prepareTarget(resolve(workingDirectory, directory));
    const files = copyTemplate(template, { directory: path, keep: new Set(kept) });
    for (const [file, text] of await extraFiles(embedded)) {
      writeNewFile(path, file, text);
      files.push(file);
    }
    return { directory: path, template: template.name, embedded, files, kept };
  },
});

/** What may be in the target before: settings that somebody wrote first. */
const MAY_STAY: ReadonlySet<string> = new Set([PGMI_YAML, ".env"]);

/** Makes the directory when it is missing. Throws USAGE_TARGET_NOT_EMPTY, FILE_WRITE_FAILED. */
function prepareTarget(target: string): { path: string; kept: string[] } {
  let isThere = false;
  try {
    isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
    if (!isThere) mkdirSync(target, { recursive: true });
    const path = realpathSync.native(target);
    const found = readdirSync(path);
    const foreign = found.filter((name) => !MAY_STAY.has(name));
    if (foreign.length === 0) return { path, kept: found.sort() };
    throw new PgkeepError("USAGE_TARGET_NOT_EMPTY", `directory ${quotedPath(target)} is not empty`, {
      detail: `It holds ${foreign.length} other ${foreign.length === 1 ? "entry" : "entries"} than ${[...MAY_STAY].join(" and ")}.`,
      hint: "Name an empty or new directory.",
      state: "nothing was started",
    });
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    const code = isThere && errorCodeOf(error) === "ENOTDIR" ? "USAGE_TARGET_NOT_EMPTY" : "FILE_WRITE_FAILED";
    throw new PgkeepError(code, `could not use ${quotedPath(target)} as a project directory`, {
      detail: `The system answered ${errorCodeOf(error) ?? "with an unknown error"}.`,
      hint: "Name a new directory, below one that you can write to.",
      state: "nothing was written",
    });
  }
}

const SCHEMA_FOLDER = ".pgkeep/schema";

/** Schemas for editors, in the project so that no editor has to fetch one, and the embedded setting when asked for. */
async function extraFiles(embedded: boolean): Promise<[path: string, text: string][]> {
  const { modelFileSchema } = await import("../access/model/grammar.ts");
  const schemas: [string, string][] = [
    [`${SCHEMA_FOLDER}/pgmi.schema.json`, schemaText(PGMI_SHAPE, PGMI_YAML)],
    [`${SCHEMA_FOLDER}/pgkeep.schema.json`, schemaText(PGKEEP_SHAPE, PGKEEP_YAML)],
    [`${SCHEMA_FOLDER}/access.schema.json`, `${JSON.stringify(modelFileSchema(), null, 2)}\n`],
  ];
  return embedded ? [...schemas, [PGKEEP_YAML, EMBEDDED_CONFIG]] : schemas;
}

function schemaText(shape: typeof PGMI_SHAPE, file: string): string {
  return `${JSON.stringify(jsonSchemaOf(shape, { title: file, description: `Settings in ${file}` }), null, 2)}\n`;
}

const EMBEDDED_CONFIG = `# yaml-language-server: $schema=${SCHEMA_FOLDER}/pgkeep.schema.json
# Without a connection of its own, this project uses the embedded server of this directory. A flag or a PG* variable
# that names a server wins. Take the line out before the project goes anywhere real.
database: embedded
`;
