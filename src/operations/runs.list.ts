/** `pgkeep runs list`: what this account deployed from this machine, newest first. */
import { hostname } from "node:os";
import { defineOperation } from "../base/operation.ts";
import { listRuns, type RunRecord } from "../deploy/journal/read.ts";

export default defineOperation({
  name: "runs.list",
  summary: "List the deploys that were run from here, newest first",
  description:
    "Each deploy leaves a record in a directory of the person who ran it, with counts, places, times and the result. " +
    "A run that ended without a result was killed or crashed, or its machine stopped: nobody can say what it did.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "runs list",
    list: "runs",
    examples: [
      { line: "pgkeep runs list", does: "the last 20 deploys" },
      { line: "pgkeep runs list --limit 500 --json", does: "all that are kept, for a script" },
    ],
  },
  input: (z) =>
    z.strictObject({
      limit: z.int().min(1).max(500).default(20).meta({ description: "How many", valueName: "N", group: "what" }),
    }),
  output: (z) =>
    z.strictObject({
      runs: z.array(
        z.strictObject({
          id: z.string(),
          started_at: z.string(),
          result: z.enum(["success", "failed", "running", "ended without a result"]),
          exit_code: z.int().nullable(),
          database: z.string(),
          servers: z.array(z.string()).meta({ description: "Servers that were to be tried" }),
          project: z.string(),
          files: z.int(),
          tests_passed: z.int().nullable(),
          tests_failed: z.int().nullable(),
          duration_ms: z.int().nullable(),
          account: z.string().meta({ description: "Account of the operating system" }),
        }),
      ),
      total: z.int().meta({ description: "Records that are kept" }),
      unreadable: z.int().meta({ description: "Damaged records among those asked for" }),
    }),
  run: async ({ limit }, { environment }) => {
    const { runs, total, unreadable } = await listRuns(environment, { limit, machine: hostname() });
    return { runs: runs.map(rowOf), total, unreadable };
  },
});

function rowOf({ started, ended, result }: RunRecord) {
  return {
    id: started.id,
    started_at: started.at,
    result,
    exit_code: ended?.exit_code ?? null,
    database: started.database,
    servers: started.servers,
    project: started.project,
    files: started.files,
    tests_passed: ended?.tests.passed ?? null,
    tests_failed: ended?.tests.failed ?? null,
    duration_ms: ended?.duration_ms ?? null,
    account: started.account,
  };
}
