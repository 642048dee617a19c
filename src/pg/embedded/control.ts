/**
 * Everything about an embedded server besides starting it: state, end, removal, and psql.
 */
import { spawn } from "node:child_process";
import { lstat, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { exists, removeDataDirectory } from "./guarded-files.ts";
import { existingDataDirectory, type Place, placeOf } from "./place.ts";
import { isStillRunning } from "./process-identity.ts";
import {
  endServer,
  type FoundServer,
  findServer,
  OLD_LIBRARIES,
  PURPOSE,
  requireServer,
  SERVER_VERSION,
  SUPERUSER,
  urlOf,
} from "./running-server.ts";
import { acquireStartLock } from "./start-lock.ts";

export interface ControlOptions {
  directory: string;
  clock: Clock;
  signal?: AbortSignal | undefined;
}

export interface EmbeddedStatus {
  state: "running" | "stopped" | "absent";
  /** Where the data is; undefined when there is none. */
  dataDir: string | undefined;
  server: (FoundServer & { url: string }) | undefined;
  version: string;
  purpose: typeof PURPOSE;
  oldLibraries: typeof OLD_LIBRARIES;
}

/** Changes nothing, needs no lock, and never starts anything. */
export async function embeddedStatus(directory: string): Promise<EmbeddedStatus> {
  const place = await placeOf(directory);
  const [dataDir, server] = await Promise.all([existingDataDirectory(place), findServer(place)]);
  const facts = { dataDir, version: SERVER_VERSION, purpose: PURPOSE, oldLibraries: OLD_LIBRARIES } as const;
  if (server) return { ...facts, state: "running", server: { ...server, url: urlOf(place, server) } };
  return { ...facts, state: dataDir === undefined ? "absent" : "stopped", server: undefined };
}

/** URL of the running server. Throws DB_NOT_RUNNING. */
export async function embeddedUrl(directory: string): Promise<string> {
  const place = await placeOf(directory);
  return urlOf(place, await requireServer(place));
}

/**
 * Ends the background server of the directory and waits until nothing of it is left. Returns the process id that
 * ended, or undefined when none ran. Throws DB_IN_USE for another process's foreground server.
 */
export async function stopEmbedded({ directory, clock, signal }: ControlOptions): Promise<number | undefined> {
  const place = await placeOf(directory);
  if (!(await exists(place.stateDirectory))) return undefined;
  await using _lock = await acquireStartLock(place.lockFile, { clock, signal });
  // Awaited here: a promise returned from this block would outlive the lock.
  return await endFound(place, { clock, signal });
}

async function endFound(place: Place, waiting: Omit<ControlOptions, "directory">): Promise<number | undefined> {
  const found = await findServer(place);
  if (!found) return undefined;
  if (found.form === "foreground" && (await isStillRunning(found.owner))) {
    throw new PgkeepError("DB_IN_USE", "another pgkeep is using the embedded server of this directory", {
      detail: `Process ${found.owner?.pid} started it for itself, and it ends with that process.`,
      hint: "Wait for that process, or end it.",
      state: "nothing was stopped",
    });
  }
  await endServer(found, waiting);
  return found.server.pid;
}

/** Ends the server and removes its data, password and certificate. Returns the removed data directory, if any. */
export async function resetEmbedded({ directory, clock, signal }: ControlOptions): Promise<string | undefined> {
  const place = await placeOf(directory);
  if (!(await exists(place.stateDirectory))) return undefined;
  await using _lock = await acquireStartLock(place.lockFile, { clock, signal });
  await endFound(place, { clock, signal });
  const dataDir = await existingDataDirectory(place);
  if (dataDir !== undefined) {
    await removeAsOwner(dataDir);
    await removeEmptied(place, dataDir);
  }
  for (const path of [place.recordFile, place.passwordFile, place.authorityFile]) await rm(path, { force: true });
  return dataDir;
}

async function removeAsOwner(dataDir: string): Promise<void> {
  const { uid, gid } = await lstat(dataDir);
  await removeDataDirectory(dataDir, { name: "", uid, gid, isForeign: process.getuid?.() === 0 && uid !== 0 });
}

/** The socket's directory, and the distant directory that held only these two. */
async function removeEmptied({ stateDirectory }: Place, dataDir: string): Promise<void> {
  const parent = dirname(dataDir);
  await rmdir(join(parent, "run")).catch(() => undefined);
  if (parent !== stateDirectory) await rmdir(parent).catch(() => undefined);
}

export interface PsqlOptions {
  directory: string;
  database: string;
  /** Further arguments for psql, as they are. */
  psqlArguments: readonly string[];
  /** Environment for psql. PG* variables are left out: they would lead it elsewhere. */
  environment: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal | undefined;
}

/**
 * Runs an installed psql on the running server, with our own standard streams, and returns its exit status. The
 * password travels by the password file. Throws DB_NOT_RUNNING and DB_PSQL_MISSING.
 */
export async function runPsql({
  directory,
  database,
  psqlArguments,
  environment,
  signal,
}: PsqlOptions): Promise<number> {
  const place = await placeOf(directory);
  const found = await requireServer(place);
  const others = Object.entries(environment).filter(([name]) => !name.startsWith("PG"));
  const child = spawn("psql", [...psqlArguments], {
    env: { ...Object.fromEntries(others), ...libpqVariables(place, found), PGDATABASE: database },
    stdio: "inherit",
    signal,
  });
  using _interrupts = leaveInterruptsToChild();
  return await new Promise((resolve, reject) => {
    child.once("error", (error) => reject(errorCodeOf(error) === "ENOENT" ? psqlMissing() : error));
    child.once("close", (status) => resolve(status ?? 1));
  });
}

/** While psql has the terminal, Ctrl-C cancels its query. Our own listeners would end us and leave psql behind. */
function leaveInterruptsToChild(): Disposable {
  const ours = process.listeners("SIGINT");
  const ignore = (): void => {};
  process.removeAllListeners("SIGINT").on("SIGINT", ignore);
  return {
    [Symbol.dispose]: () => {
      process.off("SIGINT", ignore);
      for (const listener of ours) process.on("SIGINT", listener);
    },
  };
}

/** The server as libpq's variables, so that psql's own flags (-d, -U) change what they name and nothing else. */
function libpqVariables(place: Place, { socketDir, port, loopback }: FoundServer): Record<string, string> {
  const verified = { PGHOST: "127.0.0.1", PGSSLMODE: "verify-full", PGSSLROOTCERT: place.authorityFile };
  const where = loopback ? verified : { PGHOST: socketDir };
  return { ...where, PGPORT: String(port), PGUSER: SUPERUSER, PGPASSFILE: place.passwordFile };
}

function psqlMissing(): PgkeepError {
  return new PgkeepError("DB_PSQL_MISSING", "could not find psql", {
    detail: "The embedded server's package holds the server only.",
    hint: "Install PostgreSQL's client (Debian: apt install postgresql-client), or use the URL of pgkeep db url.",
    state: "not connected",
  });
}
