/** `pgkeep db url`: the connection string of the running embedded server, without its password. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { embeddedUrl } from "../pg/embedded/control.ts";

export default defineOperation({
  name: "db.url",
  summary: "Print the connection string of the running embedded PostgreSQL",
  description:
    "For psql and other programs that use libpq. The string names the password file, which only you can read, and does " +
    "not hold the password.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "db url",
    exitCodes: [10],
    examples: [{ line: 'pg_dump "$(pgkeep db url)"', does: "use an installed client program" }],
  },
  input: (z) =>
    z.strictObject({
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
    }),
  output: (z) => z.strictObject({ url: z.string() }),
  run: async ({ dir = "." }, { workingDirectory }) => ({ url: await embeddedUrl(resolve(workingDirectory, dir)) }),
});
