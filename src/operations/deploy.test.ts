/** `pgkeep test`: run a project's tests and keep nothing of it. */
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { runFields } from "../deploy/run/input.ts";
import { testRunSchema } from "../deploy/run/report-schema.ts";
import { runTests } from "../deploy/run/tests.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { withConnection } from "./connection/wizard.ts";

export default defineOperation({
  name: "deploy.test",
  summary: "Run a project's tests in a transaction that is rolled back",
  description:
    "Loads the project and runs its tests against the database as it is, each undone before the next, all of it rolled " +
    "back at the end. Every test runs even when one before it failed. With --with-deploy the part of deploy.sql before " +
    "its first COMMIT runs first, in the same transaction, so that tests see what the deploy would make.",
  effects: "write",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "test",
    positionals: ["path"],
    formats: ["tap", "junit", "github"],
    exitCodes: [10, 11, 12, 13, 14, 15],
    examples: [
      { line: "pgkeep test ./shop -d shop", does: "run all tests against the database as it is" },
      { line: "pgkeep test ./shop -d shop --filter 'test_order*'", does: "only tests with such a file name" },
      { line: "pgkeep test ./shop -d shop --with-deploy -o junit=tests.xml", does: "deploy, test, roll back, report" },
    ],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().meta({ description: "Directory of the project" }),
      ...connectionFields(z),
      ...runFields(z),
      filter: z.string().optional().meta({
        description: "Only tests whose path matches: * within a name, ** across directories, ? one character",
        valueName: "GLOB",
        group: "what",
      }),
      withDeploy: z
        .boolean()
        .optional()
        .meta({ description: "Run deploy.sql up to its first COMMIT before the tests", group: "what" }),
    }),
  output: (z) => testRunSchema(z),
  run: async (input, context) => {
    const completed = await withConnection(input, context);
    return await runTests(completed.input, completed.context);
  },
  exitCode: (output) => (output.failed > 0 ? EXIT.execution : EXIT.ok),
});
