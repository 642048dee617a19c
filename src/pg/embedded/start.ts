/**
 * Starts the embedded server of a directory, or joins the one that runs there.
 *
 * Under the start lock, in this order: look whether it runs; make the data directory when there is none; write who may
 * connect and with which certificate; launch; record.
 *
 * Forms: a background server lives until `db stop`. A foreground server dies with the process that asked for it. A
 * background server can be joined by anybody, a foreground one by nobody, because it would vanish under the guest.
 */
import type { Clock } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import type { ConnectionSettings } from "../session.ts";
import { makeDataDirectory, writeAccessFiles } from "./data-directory.ts";
import { launchOnPort } from "./launch-on-port.ts";
import type { RunningServer } from "./launcher.ts";
import { checkedInstallation, type Platform } from "./package.ts";
import {
  dataDirectoryFor,
  type Place,
  placeOf,
  prepareSocketDirectory,
  prepareStateDirectory,
  writeRecord,
} from "./place.ts";
import { identify, isStillRunning, type ProcessRecord } from "./process-identity.ts";
import {
  connectionTo,
  endServer,
  type FoundServer,
  findServer,
  isGoneWithin,
  SERVER_VERSION,
  urlOf,
} from "./running-server.ts";
import { type ServerAccount, serverAccount } from "./server-account.ts";
import { acquireStartLock } from "./start-lock.ts";

export interface StartOptions {
  /** The project's or current directory; the server's things lie in `.pgkeep` below it. */
  directory: string;
  /** True: lives on after this process. False: ends with it, whatever ends it. */
  background: boolean;
  /** Also listen on 127.0.0.1, TLS only: a port number, or 0 for a free one. Default: the Unix socket only. */
  loopbackPort?: number | undefined;
  /** Account for the server when root starts it. Default: "postgres", else "nobody". */
  runAs?: string | undefined;
  clock: Clock;
  signal?: AbortSignal | undefined;
  report?: ((event: ProgressEvent) => void) | undefined;
  /** Where copies of the server's files may lie, instead of the user's cache. */
  cacheDirectories?: readonly string[] | undefined;
  platform?: Platform | undefined;
}

export interface EmbeddedServer extends AsyncDisposable {
  /** How pgkeep connects to it, as its superuser. */
  settings: ConnectionSettings;
  /** For other programs; names the password file and holds no password. */
  url: string;
  dataDir: string;
  socketDir: string;
  port: number;
  pid: number;
  /** "18.4" */
  version: string;
  /** True when it ran already. */
  isJoined: boolean;
  /** The account it runs as, when that is not the caller's. */
  runsAs: string | undefined;
  /** Ends the server and waits until nothing of it is left; a server that was joined in the foreground form goes on. */
  stop(): Promise<void>;
}

/**
 * Starts or joins.
 *
 * Throws DB_IN_USE when another process has it in the foreground form or with another port, DB_START_FAILED with the
 * end of the server's log, and what finding binaries, account and directories can throw.
 */
export async function startEmbedded(options: StartOptions): Promise<EmbeddedServer> {
  const { directory, clock, signal, report = () => {}, runAs } = options;
  const account = await serverAccount(runAs);
  const place = await placeOf(directory);
  await prepareStateDirectory(place, account);
  const onWait = (): void => report({ type: "db.waiting" });
  await using _lock = await acquireStartLock(place.lockFile, { clock, signal, onWait });
  const running = await findServer(place);
  if (running && !(await isEnding(running, options))) return joined(place, running, options);
  try {
    // Awaited here: a promise returned from this block would outlive the lock.
    return await launched(place, account, options);
  } catch (error) {
    throw signal?.aborted ? calledOff(signal.reason) : error;
  }
}

/** What was begun has been taken back by then: half a data directory is removed, a server that was not ready has ended. */
function calledOff(reason: unknown): unknown {
  if (!(reason instanceof PgkeepError)) return reason;
  return new PgkeepError(reason.code, reason.message, { ...reason.parts, state: "nothing was started" });
}

/** A foreground server whose owner died is on its way out: then it is waited for. */
async function isEnding(found: FoundServer, { clock, signal }: StartOptions): Promise<boolean> {
  if (found.form !== "foreground" || (await isStillRunning(found.owner))) return false;
  return isGoneWithin(found, { clock, signal, patienceMs: ORPHAN_PATIENCE_MS });
}

/** 20 s: a fast shutdown with its checkpoint. */
const ORPHAN_PATIENCE_MS = 20_000;

function joined(place: Place, found: FoundServer, options: StartOptions): EmbeddedServer {
  if (found.form === "foreground") {
    throw inUse("another pgkeep is using the embedded server of this directory", {
      detail: `Process ${found.owner?.pid} started it for itself, and it ends with that process.`,
      hint: "Wait for that process, or share one server: pgkeep db start.",
    });
  }
  const { loopbackPort } = options;
  const isOtherPort = loopbackPort !== undefined && loopbackPort !== 0 && loopbackPort !== found.port;
  if (loopbackPort !== undefined && (!found.loopback || isOtherPort)) {
    throw inUse("the embedded server runs without the port that was asked for", {
      detail: found.loopback ? `It listens on 127.0.0.1 port ${found.port}.` : "It has a Unix socket only.",
      hint: "pgkeep db stop, then start it again with the port.",
    });
  }
  const stop = options.background ? () => endServer(found, options) : async () => {};
  return serverHandle(place, found, { isJoined: true, runsAs: undefined, stop });
}

function inUse(message: string, parts: { detail: string; hint: string }): PgkeepError {
  return new PgkeepError("DB_IN_USE", message, { ...parts, state: "nothing was started" });
}

async function launched(place: Place, account: ServerAccount, options: StartOptions): Promise<EmbeddedServer> {
  const { report = () => {}, clock } = options;
  const begun = clock.monotonicMs();
  const installation = await checkedInstallation({ account, ...options });
  const dataDir = await dataDirectoryFor(place, account);
  await makeDataDirectory(place, { dataDir, account, installation, signal: options.signal, report });
  await writeAccessFiles(place, { dataDir, account, now: clock.now() });
  report({ type: "db.starting", data_dir: dataDir, run_as: account.isForeign ? account.name : null });
  const socketDir = await prepareSocketDirectory(place, dataDir, account);
  const form = options.background ? "background" : "foreground";
  const work = { installation, account, dataDir, socketDir, form, clock, signal: options.signal } as const;
  const { running, port } = await launchOnPort(work, { loopbackPort: options.loopbackPort, place });
  const found = await recordServer(place, { dataDir, socketDir, port, running, options });
  report({ type: "db.ready", pid: found.server.pid, ms: Math.round(clock.monotonicMs() - begun) });
  const runsAs = account.isForeign ? account.name : undefined;
  return serverHandle(place, found, { isJoined: false, runsAs, stop: () => stopOwn(found, running, options) });
}

async function stopOwn(found: FoundServer, running: RunningServer, { clock }: StartOptions): Promise<void> {
  await running.stop();
  await endServer(found, { clock });
}

interface HandleParts {
  isJoined: boolean;
  runsAs: string | undefined;
  stop(): Promise<void>;
}

function serverHandle(place: Place, found: FoundServer, parts: HandleParts): EmbeddedServer {
  const { dataDir, socketDir, port, server } = found;
  return {
    settings: connectionTo(place, found),
    url: urlOf(place, found),
    dataDir,
    socketDir,
    port,
    pid: server.pid,
    version: SERVER_VERSION,
    ...parts,
    [Symbol.asyncDispose]: parts.stop,
  };
}

interface StartedServer {
  dataDir: string;
  socketDir: string;
  port: number;
  running: RunningServer;
  options: StartOptions;
}

async function recordServer(
  place: Place,
  { dataDir, socketDir, port, running, options }: StartedServer,
): Promise<FoundServer> {
  const [server, supervisor, owner] = await Promise.all([
    requireProcess(running.pid),
    requireProcess(running.supervisorPid),
    requireProcess(process.pid),
  ]);
  const form = options.background ? "background" : "foreground";
  const loopback = options.loopbackPort !== undefined;
  try {
    const processes = { server, supervisor, owner };
    await writeRecord(place, {
      format: 1,
      data_dir: dataDir,
      socket_dir: socketDir,
      port,
      loopback,
      form,
      ...processes,
    });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { dataDir, socketDir, port, loopback, form, server, supervisor, owner };
}

async function requireProcess(pid: number): Promise<ProcessRecord> {
  const found = await identify(pid);
  if (found) return found;
  throw new PgkeepError("DB_START_FAILED", "the embedded server ended right after its start", {
    state: "nothing was started",
  });
}
