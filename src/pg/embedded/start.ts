/**
 * Starts the embedded server of a directory, or joins the one that runs there.
 *
 * Under the start lock, in this order: look whether it runs; make the data directory when there is none (aside, then
 * renamed, so that a half-made one never counts); write who may connect and with which certificate; launch; record.
 * Everything that keeps the server private is given on its command line, where no setting stored in the database or
 * in a configuration file can undo it.
 *
 * Forms: a background server lives until `db stop`. A foreground server dies with the process that asked for it. A
 * background server can be joined by anybody, a foreground one by nobody, because it would vanish under the guest.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { Secret } from "../../base/secrets.ts";
import type { ConnectionSettings } from "../session.ts";
import { createServerCertificate } from "./certificate.ts";
import {
  exists,
  readGuarded,
  refuseUnsafeDirectory,
  removeDataDirectory,
  replacePrivateFile,
  writePrivateFile,
} from "./guarded-files.ts";
import type { Installation } from "./installation.ts";
import { initializeDataDirectory, launchServer, type RunningServer } from "./launcher.ts";
import { checkedInstallation, type Platform } from "./package.ts";
import {
  dataDirectoryFor,
  type Place,
  placeOf,
  prepareSocketDirectory,
  prepareStateDirectory,
  readRecord,
  writeRecord,
} from "./place.ts";
import { identify, isStillRunning, type ProcessRecord } from "./process-identity.ts";
import {
  connectionTo,
  endServer,
  type FoundServer,
  findServer,
  isGoneWithin,
  removeStalePostmasterFile,
  SERVER_VERSION,
  SUPERUSER,
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
  await makeDataDirectory(place, { dataDir, account, installation, options });
  await writeAccessFiles(place, { dataDir, account, now: clock.now() });
  report({ type: "db.starting", data_dir: dataDir, run_as: account.isForeign ? account.name : null });
  const socketDir = await prepareSocketDirectory(place, dataDir, account);
  const { running, port } = await launchOnPort({ place, installation, account, dataDir, socketDir, options });
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

interface DataDirectoryWork {
  dataDir: string;
  account: ServerAccount;
  installation: Installation;
  options: StartOptions;
}

/** Makes the data directory when there is none; refuses one of another major or another account. */
async function makeDataDirectory(place: Place, { dataDir, account, installation, options }: DataDirectoryWork) {
  await removeUnfinished(dataDir, account);
  if (await exists(dataDir)) {
    await refuseUnsafeDirectory(dataDir, [account.uid]);
    await refuseOtherMajor(dataDir);
    return removeStalePostmasterFile(dataDir);
  }
  options.report?.({ type: "db.initializing", data_dir: dataDir });
  const password = new Secret(randomBytes(24).toString("base64url"));
  const unfinished = `${dataDir}${UNFINISHED}${randomBytes(6).toString("hex")}`;
  const { signal } = options;
  try {
    await initializeDataDirectory({
      installation,
      account,
      dataDir: unfinished,
      superuser: SUPERUSER,
      password,
      signal,
    });
    // The password first: a data directory whose password nobody knows would be lost.
    await replacePrivateFile(place.passwordFile, `*:*:*:${SUPERUSER}:${password.expose()}\n`);
    await rename(unfinished, dataDir);
  } catch (error) {
    // The failure is what the person has to hear of; what cannot be removed now, the next start removes.
    await removeUnfinished(dataDir, account).catch(() => undefined);
    throw error;
  }
}

const UNFINISHED = ".unfinished-";

/** What a start that failed or was killed in the middle left behind: a directory, its password file. Nobody else makes one: we hold the lock. */
async function removeUnfinished(dataDir: string, account: ServerAccount): Promise<void> {
  const parent = dirname(dataDir);
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.name.startsWith(basename(dataDir) + UNFINISHED)) continue;
    const path = join(parent, entry.name);
    if (entry.isDirectory()) await removeDataDirectory(path, account);
    else await rm(path, { force: true });
  }
}

async function refuseOtherMajor(dataDir: string): Promise<void> {
  const major = (await readGuarded(join(dataDir, "PG_VERSION")))?.trim();
  if (major === SERVER_VERSION.split(".")[0]) return;
  throw new PgkeepError("DB_START_FAILED", "cannot use the embedded server's data directory", {
    detail: major ? `It was made by PostgreSQL ${major}, this is ${SERVER_VERSION}.` : "It is not a data directory.",
    hint: "Make a new database with pgkeep db reset.",
    state: "nothing was started",
  });
}

/** SCRAM everywhere, and over TCP only inside TLS. */
const HBA = [
  "local   all         all                scram-sha-256",
  "local   replication all                scram-sha-256",
  "hostssl all         all 127.0.0.1/32   scram-sha-256",
  "hostssl replication all 127.0.0.1/32   scram-sha-256",
  "host    all         all all            reject",
  "",
].join("\n");

/** Two years; renewed at a start in its last month. */
const CERTIFICATE_DAYS = 730;
const RENEWAL_MS = 30 * 24 * 3_600_000;

async function writeAccessFiles(
  place: Place,
  { dataDir, account, now }: { dataDir: string; account: ServerAccount; now: Date },
): Promise<void> {
  await writePrivateFile(join(dataDir, "pg_hba.conf"), HBA, account);
  if (await isCertificateFresh(place, dataDir, now)) return;
  const { authority, certificate, key } = createServerCertificate({ now, days: CERTIFICATE_DAYS });
  await writePrivateFile(join(dataDir, "server.key"), key, account);
  await writePrivateFile(join(dataDir, "server.crt"), certificate, account);
  await replacePrivateFile(place.authorityFile, authority);
}

async function isCertificateFresh({ authorityFile }: Place, dataDir: string, now: Date): Promise<boolean> {
  try {
    const read = async (path: string) => new X509Certificate((await readGuarded(path)) ?? "");
    const [authority, leaf] = await Promise.all([read(authorityFile), read(join(dataDir, "server.crt"))]);
    const isOfAuthority = leaf.verify(authority.publicKey);
    return isOfAuthority && Date.parse(leaf.validTo) - now.getTime() > RENEWAL_MS;
  } catch {
    return false;
  }
}

interface LaunchWork {
  place: Place;
  installation: Installation;
  account: ServerAccount;
  dataDir: string;
  socketDir: string;
  options: StartOptions;
}

/** The port names the socket too; a server with a socket only has a directory to itself, so it keeps the usual one. */
const USUAL_PORT = 5432;

/** 3: between finding a free port and using it another program can take it, hardly three times. */
const PORT_ATTEMPTS = 3;

async function launchOnPort(work: LaunchWork): Promise<{ running: RunningServer; port: number }> {
  const { loopbackPort } = work.options;
  if (loopbackPort === undefined) return { running: await launch(work, USUAL_PORT), port: USUAL_PORT };
  for (let attempt = 1; ; attempt++) {
    const port = loopbackPort === 0 ? await freePort((await readRecord(work.place))?.port) : loopbackPort;
    try {
      return { running: await launch(work, port), port };
    } catch (error) {
      if (!isPortTaken(error)) throw error;
      if (loopbackPort !== 0 || attempt === PORT_ATTEMPTS) throw portTaken(port, error);
    }
  }
}

function launch(
  { installation, account, dataDir, socketDir, options }: LaunchWork,
  port: number,
): Promise<RunningServer> {
  const { background, clock, signal, loopbackPort } = options;
  return launchServer({
    installation,
    account,
    dataDir,
    logFile: join(dataDir, "server.log"),
    form: background ? "background" : "foreground",
    settings: serverSettings({ port, dataDir, socketDir, isLoopback: loopbackPort !== undefined }),
    clock,
    signal,
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
