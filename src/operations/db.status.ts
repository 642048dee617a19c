/** `pgkeep db status`: whether the embedded server of this directory runs, and what it is good for. */
import { resolve } from "node:path";
import { defineOperation } from "../base/operation.ts";
import { embeddedStatus } from "../pg/embedded/control.ts";

export default defineOperation({
  name: "db.status",
  summary: "Show whether the embedded PostgreSQL of this directory runs",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "db status",
    exitCodes: [10],
    examples: [{ line: "pgkeep db status --json", does: "state, place and process for a script" }],
  },
  input: (z) =>
    z.strictObject({
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
    }),
  output: (z) =>
    z.strictObject({
      state: z.enum(["running", "stopped", "absent"]).meta({ description: "absent: there is no data either" }),
      data_dir: z.string().nullable(),
      url: z.string().nullable(),
      socket_dir: z.string().nullable(),
      version: z.string(),
      pid: z.int().nullable(),
      ends_with: z.int().nullable().meta({ description: "Process that a server of one run ends with" }),
      purpose: z.string(),
      outdated_libraries: z.array(z.string()).meta({ description: "Inside the server, without security fixes" }),
    }),
  run: async ({ dir = "." }, { workingDirectory }) => {
    const { state, dataDir, server, version, purpose, oldLibraries } = await embeddedStatus(
      resolve(workingDirectory, dir),
    );
    return {
      state,
      data_dir: dataDir ?? null,
      url: server?.url ?? null,
      socket_dir: server?.socketDir ?? null,
      version,
      pid: server?.server.pid ?? null,
      ends_with: (server?.form === "foreground" ? server.owner?.pid : undefined) ?? null,
      purpose,
      outdated_libraries: [...oldLibraries],
    };
  },
});
