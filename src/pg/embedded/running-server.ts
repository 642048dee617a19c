/**
 * Whether the embedded server of a directory runs, how to reach it, and how to end it.
 *
 * postmaster.pid inside the data directory is the server's own word; our record adds which process that was and who
 * started it. A number in a file proves nothing: a server counts as running only when the process behind the number is
 * the recorded one or, without a record, one that was started on this very data directory.
 */
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, sleep } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";
import { shellWord } from "../../base/shell.ts";
import type { ConnectionSettings } from "../session.ts";
import { EMBEDDED_VERSION } from "./checksums.ts";
import { readGuarded } from "./guarded-files.ts";
import { signalProcess } from "./launcher.ts";
import { existingDataDirectory, type Place, placeOf, readRecord, type ServerRecord } from "./place.ts";
import { identify, isServerOn, isStillRunning, type ProcessRecord } from "./process-identity.ts";

/** The one role that exists at first. */
export const SUPERUSER = "postgres";

/** "18.4" of "18.4.0-beta.17". */
export const SERVER_VERSION = EMBEDDED_VERSION.split(".").slice(0, 2).join(".");

/** Said wherever the server is shown: the libraries inside it are old, and nobody backs it up. */
export const PURPOSE = "for trying and testing, not production";

/** Libraries inside the server's files that no longer get fixes from their makers. */
export const OLD_LIBRARIES = ["OpenSSL 1.1.1", "ICU 60"] as const;

export interface FoundServer {
  dataDir: string;
  socketDir: string;
  port: number;
  loopback: boolean;
  form: ServerRecord["form"];
  server: ProcessRecord;
  supervisor: ProcessRecord | undefined;
  owner: ProcessRecord | undefined;
}

/** The server that runs for this place; undefined when none does. Changes nothing. */
export async function findServer(place: Place): Promise<FoundServer | undefined> {
  const dataDir = await existingDataDirectory(place);
  if (dataDir === undefined) return undefined;
  const file = await readPostmasterFile(dataDir);
  if (!file) return undefined;
  const record = await readRecord(place);
  if (record?.server.pid === file.pid && record.data_dir === dataDir) {
    if (!(await isStillRunning(record.server))) return undefined;
    const { socket_dir: socketDir, port, loopback, form, server, supervisor, owner } = record;
    return { dataDir, socketDir, port, loopback, form, server, supervisor, owner };
  }
  const server = (await isServerOn(file.pid, dataDir)) ? await identify(file.pid) : undefined;
  if (!server) return undefined;
  const { socketDir, port, loopback } = file;
  return { dataDir, socketDir, port, loopback, form: "background", server, supervisor: undefined, owner: undefined };
}

interface PostmasterFile {
  pid: number;
  port: number;
  socketDir: string;
  loopback: boolean;
}

/** postmaster.pid: process id, data directory, start time, port, socket directory, first address, memory key, status. */
async function readPostmasterFile(dataDir: string): Promise<PostmasterFile | undefined> {
  const lines = ((await readGuarded(join(dataDir, "postmaster.pid"))) ?? "").split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  if (!(pid > 0)) return undefined;
  return { pid, port: Number(lines[3]), socketDir: lines[4] ?? "", loopback: (lines[5] ?? "") !== "" };
}

/**
 * Removes a postmaster.pid whose number now belongs to another process, as after a restart of a container. PostgreSQL
 * cannot tell and would refuse to start. Call it only under the start lock, after `findServer` found nothing.
 */
export async function removeStalePostmasterFile(dataDir: string): Promise<void> {
  const file = await readPostmasterFile(dataDir);
  if (file && !(await isServerOn(file.pid, dataDir))) await rm(join(dataDir, "postmaster.pid"), { force: true });
}

/** 20 s, then an immediate shutdown, then 5 s more. */
const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 5_000;
const STOP_POLL_MS = 10;

/** Ends the server and waits until nothing of it is left. Throws DB_STOP_FAILED when something is. */
export async function endServer(
  found: FoundServer,
  { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined },
) {
  for (const [name, patienceMs] of [["SIGINT", FAST_STOP_MS] as const, ["SIGQUIT", IMMEDIATE_STOP_MS] as const]) {
    if (await isStillRunning(found.server)) signalProcess(found.server.pid, name);
    if (await isGoneWithin(found, { clock, signal, patienceMs })) return removeTemporarySocketDirectory(found);
  }
  throw new PgkeepError("DB_STOP_FAILED", "the embedded server did not stop", {
    detail: `Process ${found.server.pid} still runs.`,
    state: `running in ${found.dataDir}`,
    hint: "Look into server.log in that directory.",
  });
}

interface Patience {
  clock: Clock;
  signal?: AbortSignal | undefined;
  patienceMs: number;
}

/** Waits for a server that somebody else is ending. */
export async function isGoneWithin(found: FoundServer, { clock, signal, patienceMs }: Patience): Promise<boolean> {
  const deadline = clock.monotonicMs() + patienceMs;
  while ((await isStillRunning(found.server)) || (await isStillRunning(found.supervisor))) {
    if (clock.monotonicMs() > deadline) return false;
    await sleep(STOP_POLL_MS, signal);
  }
  return true;
}

/** A socket directory beside the data is kept; one among the temporary files is not ours to leave there. */
async function removeTemporarySocketDirectory({ socketDir, dataDir }: FoundServer): Promise<void> {
  if (dirname(socketDir) !== dirname(dataDir)) await rmdir(socketDir).catch(() => undefined);
}

/** How to reach a running server as its superuser, with the password read at each connect. */
export function connectionTo(
  place: Place,
  found: Pick<FoundServer, "socketDir" | "port" | "loopback">,
): ConnectionSettings {
  return {
    hosts: [{ host: found.loopback ? "127.0.0.1" : found.socketDir, port: found.port }],
    user: SUPERUSER,
    database: "postgres",
    password: () => readPassword(place),
    sslMode: found.loopback ? "verify-full" : "disable",
    sslNegotiation: "postgres",
    tlsFiles: found.loopback ? { rootCert: place.authorityFile } : {},
    tlsKeyPassphrase: undefined,
    channelBinding: found.loopback ? "require" : "prefer",
    requireAuth: ["scram-sha-256"],
    targetSessionAttrs: "any",
    connectTimeoutMs: 10_000,
    applicationName: "pgkeep",
    serverSettings: {},
    loadBalanceHosts: false,
  };
}

/** The superuser's password. Throws DB_NOT_RUNNING when its file is gone. */
export async function readPassword({ passwordFile }: Place): Promise<Secret> {
  const line = (await readGuarded(passwordFile))?.trim() ?? "";
  const password = line.slice(line.lastIndexOf(":") + 1);
  if (password !== "") return new Secret(password);
  throw new PgkeepError("DB_NOT_RUNNING", "the embedded server's password file is missing", {
    detail: `There is no password in ${passwordFile}.`,
    hint: "Make a new database with pgkeep db reset.",
  });
}

/** A URL for libpq and everything that speaks its syntax. It names the password file and never holds the password. */
export function urlOf(
  place: Place,
  { socketDir, port, loopback }: Pick<FoundServer, "socketDir" | "port" | "loopback">,
) {
  const passwordFile: Parameter = ["passfile", place.passwordFile];
  if (!loopback) {
    const where: Parameter[] = [["host", socketDir], ["port", String(port)], ["user", SUPERUSER], passwordFile];
    return `postgresql:///postgres?${queryOf(where)}`;
  }
  const verified: Parameter[] = [["sslmode", "verify-full"], ["sslrootcert", place.authorityFile], passwordFile];
  return `postgresql://${SUPERUSER}@127.0.0.1:${port}/postgres?${queryOf(verified)}`;
}

type Parameter = [name: string, value: string];

/** Not URLSearchParams: it writes a space as "+", which libpq takes for a plus sign. */
function queryOf(parameters: readonly Parameter[]): string {
  return parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

/** Settings for the server that runs for `directory`. Throws DB_NOT_RUNNING. */
export async function embeddedConnection(directory: string): Promise<ConnectionSettings> {
  const place = await placeOf(directory);
  return connectionTo(place, await requireServer(place));
}

/** The running server. Throws DB_NOT_RUNNING. */
export async function requireServer(place: Place): Promise<FoundServer> {
  const found = await findServer(place);
  if (found) return found;
  throw new PgkeepError("DB_NOT_RUNNING", "no embedded server is running for this directory", {
    detail: `Nothing runs in ${place.stateDirectory}.`,
    hint: `pgkeep db start --dir ${shellWord(dirname(place.stateDirectory))}`,
    state: "not connected",
  });
}
