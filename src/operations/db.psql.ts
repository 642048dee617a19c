/** `pgkeep db psql`: an installed psql on the embedded server. */
import { resolve } from "node:path";
import { EXIT } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { runPsql } from "../pg/embedded/control.ts";

export default defineOperation({
  name: "db.psql",
  summary: "Open psql on the running embedded PostgreSQL",
  description:
    "Runs the psql of this machine, which the embedded server's package does not hold, as the superuser. The password " +
    "reaches it by a file that only you can read. Arguments after -- go to psql.",
  effects: "write",
  surfaces: ["cli"],
  cli: {
    command: "db psql",
    positionals: ["arguments?"],
    exitCodes: [10],
    examples: [
      { line: "pgkeep db psql", does: "an interactive session" },
      { line: "pgkeep db psql -d shop -- -c 'select now()'", does: "one statement in another database" },
    ],
  },
  input: (z) =>
    z.strictObject({
      arguments: z.array(z.string()).optional().meta({ description: "Arguments for psql, after --" }),
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
      database: z
        .string()
        .optional()
        .meta({ description: "Database; default postgres", valueName: "NAME", short: "d" }),
    }),
  output: (z) => z.strictObject({ psql_status: z.int().meta({ description: "What psql ended with" }) }),
  run: async (
    { dir = ".", database = "postgres", arguments: psqlArguments = [] },
    { workingDirectory, environment, signal },
  ) => ({
    psql_status: await runPsql({
      directory: resolve(workingDirectory, dir),
      database,
      psqlArguments,
      environment,
      signal,
    }),
  }),
  exitCode: ({ psql_status }) => (psql_status === 0 ? EXIT.ok : EXIT.failed),
});
