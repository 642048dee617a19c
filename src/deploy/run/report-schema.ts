/** The report as a schema, for library types, the MCP server and the reference. Mirrors `DeployReport`. */
import type { ZodNamespace } from "../../base/operation.ts";

/** What a test run gives. Mirrors `TestRunResult`. */
export function testRunSchema(z: ZodNamespace) {
  const count = z.number().int().nonnegative();
  return z.strictObject({
    database: z.string().meta({ description: "Database the tests ran against" }),
    passed: count.meta({ description: "Tests that passed" }),
    failed: count.meta({ description: "Tests and fixtures that failed" }),
    skipped: count.meta({ description: "Tests that could not run" }),
    duration_ms: count.meta({ description: "Duration of the run" }),
    tests: testsSchema(z).meta({ description: "Each test, in the order of the plan" }),
    state: z.string().meta({ description: "What the database is like now" }),
    notices: noticesSchema(z).meta({ description: "The last 200 notices" }),
    warnings: warningsSchema(z).meta({ description: "Where a secret could be seen" }),
  });
}

/** What a deploy gives. */
export function reportSchema(z: ZodNamespace) {
  const count = z.number().int().nonnegative();
  return z.strictObject({
    status: z.enum(["success", "failed"]).meta({ description: "How the run ended" }),
    exitCode: z.number().int().meta({ description: "Exit status of the command line" }),
    database: z.string().optional().meta({ description: "Target database" }),
    filesLoaded: count.optional().meta({ description: "Project files loaded, deploy.sql left out" }),
    testMacros: count.optional().meta({ description: "Test macros expanded" }),
    durationMs: count.optional().meta({ description: "Duration of the run" }),
    executionUnits: count.optional().meta({ description: "Messages that deploy.sql was sent in" }),
    unitsCommitted: count.optional().meta({ description: "Of these, how many have lasting effects" }),
    unitsCompleted: count.optional().meta({ description: "Messages the server completed, durable or not" }),
    executionMode: z.enum(["atomic", "psql"]).optional().meta({ description: "Part of the script that failed" }),
    error: z.string().optional().meta({ description: "What happened" }),
    sqlstate: z.string().optional().meta({ description: "The server's code of the failure" }),
    detail: z.string().optional().meta({ description: "Why" }),
    hint: z.string().optional().meta({ description: "What to do" }),
    where: z.string().optional().meta({ description: "The server's context" }),
    failedFile: z.string().optional().meta({ description: "Project file that failed" }),
    script: z.string().optional().meta({ description: "File that line and column belong to" }),
    line: count.optional().meta({ description: "Line, from 1" }),
    column: count.optional().meta({ description: "Column in characters, from 1" }),
    sourceLine: z.string().optional().meta({ description: "Text of that line" }),
    scriptExpanded: z.boolean().optional().meta({ description: "Whether line counts in the expanded script" }),
    code: z.string().optional().meta({ description: "Code of the failure" }),
    state: z.string().optional().meta({ description: "What the database is like now" }),
    files: z
      .array(z.strictObject({ path: z.string(), ms: z.number().nonnegative() }))
      .optional()
      .meta({ description: "Project files executed, in order" }),
    tests: testsSchema(z).optional().meta({ description: "Tests in the order of the plan" }),
    notices: noticesSchema(z).optional().meta({ description: "The last 200 notices" }),
    noticesTruncated: z.boolean().optional().meta({ description: "Whether earlier notices are missing" }),
    warnings: warningsSchema(z).optional().meta({ description: "Where a secret could be seen" }),
  });
}

function testsSchema(z: ZodNamespace) {
  return z.array(
    z.strictObject({
      path: z.string(),
      name: z.string(),
      result: z.enum(["passed", "failed", "skipped"]),
      ms: z.number().nonnegative().optional(),
      message: z.string().optional(),
      line: z.number().int().optional(),
    }),
  );
}

function noticesSchema(z: ZodNamespace) {
  return z.array(
    z.strictObject({
      severity: z.string(),
      message: z.string(),
      detail: z.string().optional(),
      hint: z.string().optional(),
    }),
  );
}

function warningsSchema(z: ZodNamespace) {
  return z.array(z.strictObject({ id: z.string(), message: z.string(), remedy: z.string() }));
}
