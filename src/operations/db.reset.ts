/** `pgkeep db reset`: stop the embedded server of this directory and remove its data. */
import { basename, resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { embeddedStatus, resetEmbedded } from "../pg/embedded/control.ts";

export default defineOperation({
  name: "db.reset",
  summary: "Remove the embedded PostgreSQL of this directory with all its data",
  description:
    "Stops the server and removes its databases, its password and its certificate. The next start begins empty. Asks " +
    "for the name of the directory; --yes answers in advance.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "db reset",
    exitCodes: [10, 12, 15],
    examples: [{ line: "pgkeep db reset --yes", does: "remove it without asking" }],
  },
  input: (z) =>
    z.strictObject({
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
      yes: z.boolean().optional().meta({ description: "Do not ask", group: "safety" }),
    }),
  output: (z) => z.strictObject({ removed: z.string().nullable().meta({ description: "The removed data directory" }) }),
  run: async ({ dir = ".", yes = false }, context) => {
    const directory = resolve(context.workingDirectory, dir);
    const { dataDir } = await embeddedStatus(directory);
    if (dataDir !== undefined && !yes) await requireApproval(basename(directory), dataDir, context);
    const { clock, signal } = context;
    return { removed: (await resetEmbedded({ directory, clock, signal })) ?? null };
  },
});

async function requireApproval(name: string, dataDir: string, { prompt }: OperationContext): Promise<void> {
  const typed = await prompt?.text(`This removes every database in ${dataDir}. Type "${name}" to go on:`);
  if (typed === name) return;
  throw new PgkeepError("DB_RESET_UNAPPROVED", "refusing to remove the embedded database", {
    detail: prompt ? `The answer was not "${name}".` : "There is no terminal to ask on.",
    hint: "Repeat with --yes to remove it.",
    state: "nothing was removed",
  });
}
