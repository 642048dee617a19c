/**
 * Launches the embedded server where it was asked to listen: on its Unix socket, and on a port of 127.0.0.1 when wanted.
 *
 * Everything that keeps the server private is given on its command line, where no setting stored in the database or in
 * a configuration file can undo it.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { Installation } from "./installation.ts";
import { launchServer, type RunningServer } from "./launcher.ts";
import { type Place, readRecord } from "./place.ts";
import type { ServerAccount } from "./server-account.ts";

export interface LaunchWork {
  installation: Installation;
  account: ServerAccount;
  dataDir: string;
  socketDir: string;
  form: "background" | "foreground";
  clock: Clock;
  signal: AbortSignal | undefined;
}

export interface WantedPort {
  /** On 127.0.0.1; 0: any that is free. undefined: the Unix socket only. */
  loopbackPort: number | undefined;
  /** Where the last run's port was recorded. */
  place: Place;
}

/** The port names the socket too; a server with a socket only has a directory to itself, so it keeps the usual one. */
const USUAL_PORT = 5432;

/** 3: between finding a free port and using it another program can take it, hardly three times. */
const PORT_ATTEMPTS = 3;

/** Throws DB_START_FAILED when the port is taken, and what launching throws. */
export async function launchOnPort(
  work: LaunchWork,
  { loopbackPort, place }: WantedPort,
): Promise<{ running: RunningServer; port: number }> {
  if (loopbackPort === undefined) {
    return { running: await launch(work, { port: USUAL_PORT, isLoopback: false }), port: USUAL_PORT };
  }
  for (let attempt = 1; ; attempt++) {
    const port = loopbackPort === 0 ? await freePort((await readRecord(place))?.port) : loopbackPort;
    try {
      return { running: await launch(work, { port, isLoopback: true }), port };
    } catch (error) {
      if (!isPortTaken(error)) throw error;
      if (loopbackPort !== 0 || attempt === PORT_ATTEMPTS) throw portTaken(port, error);
    }
  }
}

function launch({ socketDir, ...work }: LaunchWork, at: { port: number; isLoopback: boolean }): Promise<RunningServer> {
  const { dataDir } = work;
  return launchServer({
    ...work,
    logFile: join(dataDir, "server.log"),
    settings: serverSettings({ ...at, dataDir, socketDir }),
  });
}

interface SettingsInput {
  port: number;
  dataDir: string;
  socketDir: string;
  isLoopback: boolean;
}

/** What the command line fixes. Failing statements are not logged: their text may hold what somebody typed by mistake. */
function serverSettings({ port, dataDir, socketDir, isLoopback }: SettingsInput): Record<string, string> {
  return {
    listen_addresses: isLoopback ? "127.0.0.1" : "",
    port: String(port),
    unix_socket_directories: socketDir,
    unix_socket_permissions: "0700",
    ssl: "on",
    ssl_cert_file: "server.crt",
    ssl_key_file: "server.key",
    ssl_min_protocol_version: "TLSv1.2",
    // In full: on the command line a relative name would start from the root directory.
    hba_file: join(dataDir, "pg_hba.conf"),
    password_encryption: "scram-sha-256",
    cluster_name: "pgkeep",
    logging_collector: "off",
    log_destination: "stderr",
    log_min_error_statement: "panic",
    shared_buffers: "32MB",
    max_connections: "50",
  };
}

/** The port of the last run when it is free, so that addresses noted elsewhere stay right; any other otherwise. */
async function freePort(preferred: number | undefined): Promise<number> {
  const wanted = preferred === undefined || preferred === USUAL_PORT ? [0] : [preferred, 0];
  for (const port of wanted) {
    const found = await tryPort(port);
    if (found !== undefined) return found;
  }
  throw new PgkeepError("DB_START_FAILED", "no free port on 127.0.0.1", { state: "nothing was started" });
}

function tryPort(port: number): Promise<number | undefined> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", (error) => (errorCodeOf(error) === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}

function isPortTaken(error: unknown): boolean {
  return error instanceof PgkeepError && /Address already in use/.test(error.parts.detail ?? "");
}

function portTaken(port: number, cause: unknown): PgkeepError {
  return new PgkeepError("DB_START_FAILED", `could not start the embedded server on port ${port}`, {
    detail: "Another program listens on that port of 127.0.0.1.",
    hint: "Choose another port, or 0 for any that is free.",
    state: "nothing was started",
    cause,
  });
}
