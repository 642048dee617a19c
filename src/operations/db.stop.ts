/** `pgkeep db stop`: end the embedded server of this directory and wait until nothing of it is left. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { stopEmbedded } from "../pg/embedded/control.ts";

export default defineOperation({
  name: "db.stop",
  summary: "Stop the embedded PostgreSQL of this directory",
  description:
    "Ends open sessions, writes everything to disk and waits until no process of it is left. The data stays. When " +
    "nothing runs, nothing happens.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "db stop",
    exitCodes: [10, 15],
    examples: [{ line: "pgkeep db stop", does: "stop it; the data stays" }],
  },
  input: (z) =>
    z.strictObject({
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
    }),
  output: (z) =>
    z.strictObject({
      stopped: z.boolean().meta({ description: "False when nothing ran" }),
      pid: z.int().nullable(),
    }),
  run: async ({ dir = "." }, { workingDirectory, clock, signal }) => {
    const pid = await stopEmbedded({ directory: resolve(workingDirectory, dir), clock, signal });
    return { stopped: pid !== undefined, pid: pid ?? null };
  },
});
