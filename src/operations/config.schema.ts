/** `pgkeep config schema`: the JSON schema of a configuration file, for editors. */
import { defineOperation } from "../base/operation.ts";
import { jsonSchemaOf } from "../config/config-shape.ts";
import { PGKEEP_SHAPE, PGKEEP_YAML, USER_SHAPE } from "../config/pgkeep-yaml.ts";
import { PGMI_SHAPE, PGMI_YAML } from "../config/pgmi-yaml.ts";

export default defineOperation({
  name: "config.schema",
  summary: "Print the JSON schema of a configuration file",
  description:
    "For editors that check and complete YAML. The schema comes from the same table as the program's own checks.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "config schema",
    json: "bare",
    examples: [
      { line: "pgkeep config schema", does: "the schema of pgkeep.yaml" },
      { line: "pgkeep config schema --file pgmi", does: "the schema of pgmi.yaml" },
      { line: "pgkeep config schema --file access", does: "the schema of access models" },
    ],
  },
  input: (z) =>
    z.strictObject({
      file: z.enum(["pgkeep", "pgmi", "user", "access"]).default("pgkeep").meta({
        description: "Which file: pgkeep.yaml, pgmi.yaml, the user's config.yaml, or an access model",
        group: "what",
      }),
    }),
  output: (z) => z.looseObject({ $schema: z.string(), title: z.string() }),
  run: async ({ file = "pgkeep" }) => {
    if (file === "access") return await accessSchema();
    if (file === "pgmi") return jsonSchemaOf(PGMI_SHAPE, { title: PGMI_YAML, description: "Settings of a project" });
    if (file === "user") return jsonSchemaOf(USER_SHAPE, { title: "config.yaml", description: "Settings of a person" });
    return jsonSchemaOf(PGKEEP_SHAPE, { title: PGKEEP_YAML, description: "Settings of a project for pgkeep" });
  },
});

/** Loaded when asked for: the grammar brings the catalogue of object kinds with it. */
async function accessSchema() {
  const { modelFileSchema } = await import("../access/model/grammar.ts");
  return modelFileSchema();
}
