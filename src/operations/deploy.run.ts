/** `pgkeep deploy`: run an SQL project against a database. */
import { defineOperation } from "../base/operation.ts";
import { journalOf } from "../deploy/journal/journal.ts";
import { runDeploy } from "../deploy/run/deploy.ts";
import { runFields } from "../deploy/run/input.ts";
import { reportSchema } from "../deploy/run/report-schema.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { accessGateOf, gateSchema } from "./access/deploy-gate.ts";
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
    exitCodes: [10, 11, 12, 13, 14, 15, 20, 21],
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
      ...runFields(z),
      compat: z
        .string()
        .optional()
        .meta({ description: "Session API level; empty for the latest", valueName: "LEVEL", group: "what" }),
      overwrite: z.boolean().optional().meta({ description: "Drop and recreate the database first", group: "safety" }),
      noRecord: z
        .boolean()
        .optional()
        .meta({ description: "Keep no record of this run for pgkeep runs", group: "output" }),
      verifyAccess: z.string().optional().meta({
        description:
          "Commit only when this access model holds; an access.yaml with gate: true beside deploy.sql does the same",
        valueName: "FILE",
        group: "safety",
      }),
      requireAccessClean: z
        .boolean()
        .optional()
        .meta({ description: "Commit only when access plan would have nothing to do", group: "safety" }),
      force: z.boolean().optional().meta({ description: "Do not ask before dropping", group: "safety" }),
    }),
  output: (z) => reportSchema(z).extend(gateSchema(z)),
  run: async ({ noRecord, verifyAccess, requireAccessClean, ...input }, context) => {
    const gate = await accessGateOf({ path: input.path, verifyAccess, requireAccessClean }, context);
    const completed = await withConnection(input, context);
    const journal = context.recordsRuns && !noRecord ? journalOf(completed.context) : undefined;
    const report = await runDeploy(completed.input, completed.context, { journal, gate: gate?.hold });
    return { ...report, ...gate?.result() };
  },
});
