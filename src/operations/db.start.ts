/** `pgkeep db start`: an embedded PostgreSQL for this directory, in the background. */
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { PURPOSE } from "../pg/embedded/running-server.ts";
import { startEmbedded } from "../pg/embedded/start.ts";

/** Names of this machine's own loopback. The libraries inside the server are too old to face anybody else. */
const LOOPBACK = new Set(["127.0.0.1", "localhost"]);

export default defineOperation({
  name: "db.start",
  summary: "Start the embedded PostgreSQL of this directory",
  description:
    "Starts a real PostgreSQL in the background, for trying and testing, not production. Its data stays in " +
    ".pgkeep/db between runs. It has a random password and a Unix socket that only you can enter; with --port it also " +
    "listens on 127.0.0.1, TLS only. Starting it again joins the one that runs.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "db start",
    exitCodes: [10, 15],
    examples: [
      { line: "pgkeep db start", does: "start it, or say that it runs" },
      { line: "pgkeep db start --port 0", does: "also on a free port of 127.0.0.1, with TLS" },
      { line: 'psql "$(pgkeep db url)"', does: "connect an installed psql" },
    ],
  },
  input: (z) =>
    z.strictObject({
      dir: z.string().optional().meta({ description: "Directory it belongs to; default this one", valueName: "DIR" }),
      port: z.int().min(0).max(65535).optional().meta({
        description: "Also listen on this port of 127.0.0.1; 0 is any free one",
        valueName: "PORT",
      }),
      listen: z.string().optional().meta({
        description: "Address for that port: 127.0.0.1, and refused for any other",
        valueName: "ADDRESS",
        group: "safety",
      }),
      as: z.string().optional().meta({
        description: "Account to run the server as, for root; default postgres, else nobody",
        valueName: "ACCOUNT",
        group: "safety",
      }),
    }),
  output: (z) =>
    z.strictObject({
      data_dir: z.string(),
      url: z.string().meta({ description: "For libpq; names the password file, holds no password" }),
      socket_dir: z.string(),
      version: z.string(),
      pid: z.int(),
      port: z.int(),
      already_running: z.boolean(),
      run_as: z.string().nullable().meta({ description: "Account of the server when it is not yours" }),
      purpose: z.string(),
    }),
  run: async ({ dir = ".", port, listen, as }, { workingDirectory, clock, signal, report }) => {
    const loopbackPort = loopbackPortOf(port, listen);
    const directory = resolve(workingDirectory, dir);
    const server = await startEmbedded({ directory, background: true, loopbackPort, runAs: as, clock, signal, report });
    return {
      data_dir: server.dataDir,
      url: server.url,
      socket_dir: server.socketDir,
      version: server.version,
      pid: server.pid,
      port: server.port,
      already_running: server.isJoined,
      run_as: server.runsAs ?? null,
      purpose: PURPOSE,
    };
  },
});

function loopbackPortOf(port: number | undefined, listen: string | undefined): number | undefined {
  if (listen === undefined) return port;
  if (LOOPBACK.has(listen)) return port ?? 0;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the embedded server listens on 127.0.0.1 and nowhere else", {
    detail: "It is for trying and testing: the libraries inside it no longer get security fixes.",
    hint: "Leave --listen out, or install PostgreSQL to serve other machines.",
    state: "nothing was started",
  });
}
