/** `pgkeep deploy`: run an SQL project against a database. */
import { defineOperation } from "../base/operation.ts";
import { runDeploy } from "../deploy/run/deploy.ts";
import { reportSchema } from "../deploy/run/report-schema.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { withConnection } from "./connection/wizard.ts";

export default defineOperation({
  name: "deploy.run",
  summary: "Run an SQL project, all or nothing, with its tests as the gate",
  description:
    "Loads every file of the project into the session's temporary tables, replaces CALL pgmi_test() by the project's " +
    "tests and sends deploy.sql. Everything up to the first COMMIT happens completely or not at all; statements after " +
    "it run one by one, as in psql. The project's SQL decides order, transactions and what is skipped.",
  effects: "destructive",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "deploy",
    positionals: ["path"],
    json: "bare",
    formats: ["tap", "junit", "github"],
    exitCodes: [10, 11, 12, 13, 14, 15, 16, 130],
    examples: [
      { line: "pgkeep deploy ./shop -d shop", does: "deploy the project to database shop, made when missing" },
      {
        line: "pgkeep deploy . --params-file /run/secrets/shop.env --json",
        does: "in a pipeline, with secrets from a file",
      },
      {
        line: "pgkeep deploy ./shop -d shop_test --overwrite --force",
        does: "drop and recreate a disposable database first",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().meta({ description: "Directory of the project" }),
      ...connectionFields(z),
      config: z
        .string()
        .optional()
        .meta({ description: "Configuration file instead of pgkeep.yaml", valueName: "FILE" }),
      env: z.string().optional().meta({ description: "Settings block of the configuration file", valueName: "NAME" }),
      param: z
        .array(z.string())
        .optional()
        .meta({ description: "Parameter; repeatable, the last one wins", valueName: "KEY=VALUE", group: "what" }),
      paramsFile: z
        .array(z.string())
        .optional()
        .meta({ description: "File of key=value lines; repeatable, in order", valueName: "FILE", group: "what" }),
      compat: z
        .string()
        .optional()
        .meta({ description: "Session API level; empty for the latest", valueName: "LEVEL", group: "what" }),
      overwrite: z.boolean().optional().meta({ description: "Drop and recreate the database first", group: "safety" }),
      force: z.boolean().optional().meta({ description: "Do not ask before dropping", group: "safety" }),
      secretRoot: z
        .array(z.string())
        .optional()
        .meta({ description: "Directory that ${file:} may read; repeatable", valueName: "DIR", group: "what" }),
      strictSecrets: z
        .boolean()
        .optional()
        .meta({ description: "Refuse to start when a secret could be seen by others", group: "safety" }),
      timeout: z.string().optional().meta({
        description: "End the run after this long (1m30s); 0 is never; default 3m",
        valueName: "DUR",
        duration: true,
        group: "safety",
      }),
      verbose: z
        .boolean()
        .optional()
        .meta({ description: "Say more about each step, show RAISE DEBUG", short: "v", group: "output" }),
    }),
  output: (z) => reportSchema(z),
  run: async (input, context) => {
    const completed = await withConnection(input, context);
    return await runDeploy(completed.input, completed.context);
  },
});
