/**
 * Makes a data directory and runs `postgres` on it, so that no server outlives whoever asked for it.
 *
 * We are never the direct parent. A shell is: it starts the server, and in the foreground form a second process of it
 * waits for the end of a pipe whose other end only we hold. Our end closes however we die, SIGKILL included, and the
 * shell then asks the server to stop. The background form has no such pipe and goes on without us. In both the server
 * has its own process group, so a Ctrl-C in the terminal reaches us and not the database we are still talking to.
 *
 * Ready is what postmaster.pid says, the way pg_ctl waits for it: its line 8 becomes "ready" and its first line is the
 * server's process id, which the shell told us.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { Secret } from "../../base/secrets.ts";
import { readGuarded, writePrivateFile } from "./guarded-files.ts";
import type { Installation } from "./installation.ts";
import type { ServerAccount } from "./server-account.ts";

/** Nothing of our environment reaches the server: PG* variables would change what it does, and secrets stay here. */
const SERVER_ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" } as const;

/** 30 s: a first start on a busy machine with slow storage takes 6. */
const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 5;

/** 20 s: a fast shutdown writes one checkpoint; longer means it hangs. */
const STOP_TIMEOUT_MS = 20_000;

/** 16 kB of the log are kept for the error when the server does not start. */
const LOG_TAIL_BYTES = 16_384;

/** 256 reads of at most 4 kB: one log file stays under 1 MiB, and one older file is kept beside it. */
const LOG_READS_PER_FILE = 256;

/**
 * $1 log file, $2 reads per log file (0: no bound), then the command.
 *
 * The bounded log passes through a named pipe: dd copies one file's worth, the file is moved aside, the next begins.
 * At the end of input dd copies nothing, and the last file gets its name back.
 */
const LOGGING = `log=$1; reads=$2; shift 2; umask 077
keep() {
  while :; do
    [ ! -f "$log" ] || mv -f "$log" "$log.1"
    dd bs=4096 count="$reads" of="$log" 2>/dev/null
    [ -s "$log" ] || break
  done
  [ ! -f "$log.1" ] || mv -f "$log.1" "$log"
}
sink=$log
if [ "$reads" != 0 ]; then
  sink=$log.pipe; rm -f "$sink"; mkfifo "$sink" || exit 1
  keep <"$sink" >/dev/null 2>&1 3<&- &
fi
`;

const FOREGROUND = `exec 3<&0 </dev/null
${LOGGING}
"$@" 3<&- >>"$sink" 2>&1 & p=$!
echo "$p"; exec >/dev/null
trap 'kill -INT $p' INT TERM
{ read x <&3; kill -INT $p; } & w=$!
wait $p; s=$?; while kill -0 $p 2>/dev/null; do wait $p; s=$?; done
kill $w 2>/dev/null; wait; [ "$reads" = 0 ] || rm -f "$sink"; exit $s`;

const BACKGROUND = `exec </dev/null
${LOGGING}
"$@" >>"$sink" 2>&1 & p=$!
echo "$p"; exec >/dev/null
wait $p; s=$?; wait; [ "$reads" = 0 ] || rm -f "$sink"; exit $s`;

/** Runs the command; ends it when our end of the pipe closes, as the foreground form does. */
const TIED = `exec 3<&0 </dev/null; umask 077
"$@" 3<&- & p=$!
{ read x <&3; kill -TERM $p; } >/dev/null 2>&1 & w=$!
wait $p; s=$?; kill $w 2>/dev/null; exit $s`;

export interface DataDirectoryOptions {
  installation: Installation;
  account: ServerAccount;
  /** Made here when absent; must be empty otherwise. The account must be able to reach the directory above it. */
  dataDir: string;
  superuser: string;
  password: Secret;
  extraArguments?: readonly string[];
  signal?: AbortSignal | undefined;
}

/** Runs initdb: SCRAM for every connection, UTF-8, C locale, page checksums. The password travels by a 0600 file. */
export async function initializeDataDirectory(options: DataDirectoryOptions): Promise<void> {
  const { dataDir, account } = options;
  const passwordFile = `${dataDir}.password`;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (account.isForeign) await chown(dataDir, account.uid, account.gid);
  try {
    await writePrivateFile(passwordFile, options.password.expose(), account);
    await runInitdb(options, passwordFile);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function runInitdb(options: DataDirectoryOptions, passwordFile: string): Promise<void> {
  const child = spawn("/bin/sh", ["-c", TIED, "sh", ...initdbCommand(options, passwordFile)], {
    ...identityOf(options.account),
    cwd: "/",
    env: SERVER_ENVIRONMENT,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = tailOf(child);
  const abandon = (): void => void child.stdin.destroy();
  options.signal?.addEventListener("abort", abandon, { once: true });
  const status = await exitOf(child);
  options.signal?.removeEventListener("abort", abandon);
  options.signal?.throwIfAborted();
  if (status === 0) return;
  throw new PgkeepError("DB_START_FAILED", "could not create the embedded server's data directory", {
    detail: output(),
    state: "nothing was started",
  });
}

function initdbCommand(options: DataDirectoryOptions, passwordFile: string): string[] {
  const { installation, dataDir, superuser, extraArguments = [] } = options;
  const authentication = ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--pwfile", passwordFile];
  const content = ["-E", "UTF8", "--no-locale", "--data-checksums"];
  return [installation.initdb, "-D", dataDir, "-U", superuser, ...authentication, ...content, ...extraArguments];
}

export interface LaunchOptions {
  installation: Installation;
  account: ServerAccount;
  dataDir: string;
  logFile: string;
  /** "foreground" ends with this process, "background" lives until it is stopped. */
  form: "foreground" | "background";
  /** Server settings for the command line; they win over postgresql.conf. */
  settings: Readonly<Record<string, string>>;
  /** False keeps the whole log in one file, for tests that search it. Default true. */
  isLogBounded?: boolean;
  clock: Clock;
  signal?: AbortSignal | undefined;
}

export interface RunningServer {
  /** The postmaster's process id. */
  pid: number;
  /** The shell's process id; it is gone after everything it started is gone. */
  supervisorPid: number;
  /** Fast shutdown; resolves when the server and everything started with it are gone. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts the server and waits until it accepts connections. Throws DB_START_FAILED with the end of its log. */
export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  const child = spawnShell(options);
  const ended = exitOf(child);
  const pid = await postmasterPid(child);
  const isForeground = options.form === "foreground";
  const stop = async (): Promise<void> => {
    if (isForeground) child.stdin?.destroy();
    else signalProcess(pid, "SIGINT");
    await endWithin(ended, pid, options);
  };
  try {
    await waitUntilReady(options, pid, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  // The pipe and the child must not keep this process alive: when our work is done we end, and then so does the server.
  child.unref();
  if (child.stdin && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return { pid, supervisorPid: child.pid ?? pid, stop: memoized(stop) };
}

function spawnShell({ installation, account, dataDir, logFile, form, settings, isLogBounded = true }: LaunchOptions) {
  const script = form === "foreground" ? FOREGROUND : BACKGROUND;
  const reads = isLogBounded ? LOG_READS_PER_FILE : 0;
  const server = [installation.postgres, "-D", dataDir, ...settingArguments(settings)];
  return spawn("/bin/sh", ["-c", script, "sh", logFile, String(reads), ...server], {
    ...identityOf(account),
    cwd: "/",
    env: SERVER_ENVIRONMENT,
    detached: true,
    stdio: [form === "foreground" ? "pipe" : "ignore", "pipe", "ignore"],
  });
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** The first line the shell prints is the server's process id; after it the pipe is closed on both sides. */
async function postmasterPid(child: ChildProcess): Promise<number> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  child.stdout?.destroy();
  const pid = Number.parseInt(text, 10);
  if (pid > 1) return pid;
  throw new PgkeepError("DB_START_FAILED", "the shell that runs the embedded server did not start", {
    state: "nothing was started",
  });
}

async function waitUntilReady(options: LaunchOptions, pid: number, ended: Promise<number>): Promise<void> {
  const { clock, signal, dataDir, logFile } = options;
  const deadline = clock.monotonicMs() + READY_TIMEOUT_MS;
  let status: number | undefined;
  void ended.then((code) => {
    status = code;
  });
  while (!(await isReady(dataDir, pid))) {
    if (status !== undefined) throw await startFailure(logFile, `It ended with exit status ${status}.`);
    if (clock.monotonicMs() > deadline) throw await startFailure(logFile, "It was not ready after 30 seconds.");
    await sleep(READY_POLL_MS, signal);
  }
}

async function isReady(dataDir: string, pid: number): Promise<boolean> {
  const lines = ((await readGuarded(join(dataDir, "postmaster.pid"))) ?? "").split("\n");
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}

async function startFailure(logFile: string, why: string): Promise<PgkeepError> {
  return new PgkeepError("DB_START_FAILED", "the embedded server did not start", {
    detail: `${why}\n${(await readGuarded(logFile, LOG_TAIL_BYTES)) ?? ""}`.trimEnd(),
    state: "nothing was started",
  });
}

/** An immediate shutdown is the last resort: the next start then recovers from the write-ahead log. */
async function endWithin(ended: Promise<number>, pid: number, { clock }: LaunchOptions): Promise<void> {
  const deadline = clock.monotonicMs() + STOP_TIMEOUT_MS;
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  for (let isForced = false; !hasEnded; await Promise.race([ended, sleep(READY_POLL_MS)])) {
    if (isForced || clock.monotonicMs() < deadline) continue;
    signalProcess(pid, "SIGQUIT");
    isForced = true;
  }
}

/** Sends a signal; a process that is already gone is what we wanted. */
export function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCodeOf(error) !== "ESRCH") throw error;
  }
}

function identityOf(account: ServerAccount): { uid: number; gid: number } | Record<string, never> {
  return account.isForeign ? { uid: account.uid, gid: account.gid } : {};
}

async function exitOf(child: ChildProcess): Promise<number> {
  try {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode ?? 1;
  } catch {
    return 1;
  }
}

function tailOf(child: ChildProcess): () => string {
  let text = "";
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString("utf8")).slice(-LOG_TAIL_BYTES);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => text.trim();
}

function memoized(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
