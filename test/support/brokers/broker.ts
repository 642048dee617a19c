/**
 * Servers of other people, started for tests: each in a temporary directory of its own, on a free port of loopback, with
 * TLS and a password. Only processes started here are ever signalled, and they end with the test process, however that ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority, type Issued, issue } from "../certificates.ts";
import { eventually, isRunning } from "../processes.ts";

/** What every broker of the tests has. */
export interface TestBroker extends AsyncDisposable {
  /** "redis-server 7.0.15". */
  server: string;
  host: "127.0.0.1";
  /** The port with TLS. */
  port: number;
  user: string;
  password: string;
  /** The authority of the server's certificate; client certificates can be issued by it too. */
  authority: Authority;
  /** That authority, PEM. */
  ca: string;
  /** The server's files. */
  directory: string;
  pid(): number;
  /** SIGSTOP: the server accepts and says nothing. */
  pause(): void;
  resume(): void;
  /** SIGKILL, done when it is gone. */
  kill(): Promise<void>;
  /** Starts it again over the same files, at the same port, with the same certificate. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A directory that goes with the test process. */
export interface Den {
  directory: string;
  /** Starts a program in a process group of its own, that ends with this process. Output goes to `<name>.log`. */
  start(name: string, command: string, args: string[], env?: NodeJS.ProcessEnv): ServerProcess;
  remove(): Promise<void>;
}

export interface ServerProcess {
  pid: number;
  /** What it printed, for messages. */
  log(): string;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after ten seconds; done when it is gone. */
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Ends what is still noted when this process is gone, then removes the directory. */
const WATCHER = `
noted=""
while read -r sign group; do
  case "$sign" in
    +) noted="$noted $group" ;;
    -) rest=""; for one in $noted; do [ "$one" = "$group" ] || rest="$rest $one"; done; noted="$rest" ;;
  esac
done
for one in $noted; do kill -9 -- "-$one" 2>/dev/null; done
rm -rf "$1"`;

export async function makeDen(name: string): Promise<Den> {
  const directory = await mkdtemp(join(tmpdir(), `pgkeep-${name}-`));
  const watcher = spawn("/bin/sh", ["-c", WATCHER, "sh", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.stdin.on("error", () => {});
  watcher.unref();
  if ("unref" in watcher.stdin && typeof watcher.stdin.unref === "function") watcher.stdin.unref();
  return {
    directory,
    start(processName, command, args, env = {}) {
      const logFile = join(directory, `${processName}.log`);
      mkdirSync(directory, { recursive: true });
      const log = openSync(logFile, "a");
      const environment = { PATH: process.env.PATH, LC_ALL: "C.UTF-8", HOME: directory, ...env };
      const stdio: ["ignore", number, number] = ["ignore", log, log];
      const child = spawn(command, args, { cwd: directory, env: environment, detached: true, stdio });
      closeSync(log);
      const { pid } = child;
      if (pid === undefined) throw new Error(`could not start ${command}`);
      watcher.stdin.write(`+ ${pid}\n`);
      child.once("exit", () => watcher.stdin.write(`- ${pid}\n`));
      child.unref();
      return serverProcess(child, pid, logFile);
    },
    async remove() {
      watcher.stdin.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function serverProcess(child: ChildProcess, pid: number, logFile: string): ServerProcess {
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: NodeJS.Signals) => {
    if (!isGone()) process.kill(-pid, name);
  };
  return {
    pid,
    log: () => readFileSync(logFile, "utf8").slice(-3_000),
    signal,
    async end(first = "SIGTERM") {
      signal("SIGCONT");
      signal(first);
      if (await eventually(() => isGone() && !isRunning(pid), 10_000)) return;
      signal("SIGKILL");
      await eventually(() => isGone() && !isRunning(pid));
    },
  };
}

/** Certificates of a server, written where it reads them. */
export interface ServerFiles {
  authority: Authority;
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

/** `shown`: another certificate than a good one for localhost and 127.0.0.1. */
export async function writeCertificates(directory: string, shown?: Issued): Promise<ServerFiles> {
  const authority = await createAuthority("test brokers");
  const issued = shown ?? (await issue({ commonName: "localhost", names: ["localhost", "127.0.0.1"] }, authority));
  const at = (name: string) => join(directory, name);
  await writeFile(at("ca.pem"), authority.pem);
  await writeFile(at("server.pem"), issued.certificate);
  await writeFile(at("server.key"), issued.key, { mode: 0o600 });
  return { authority, caFile: at("ca.pem"), certificateFile: at("server.pem"), keyFile: at("server.key") };
}

/** Waits until the server takes connections; throws with its log when it does not. */
export async function awaitPort(port: number, server: ServerProcess, timeoutMs = 15_000): Promise<void> {
  const isOpen = await eventually(() => !isRunning(server.pid) || acceptsConnections(port), timeoutMs);
  if (!isOpen || !isRunning(server.pid)) {
    await server.end("SIGKILL");
    throw new Error(`the server did not start:\n${server.log()}`);
  }
}

export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** 2,000 looks: a signal takes effect a moment after it was sent, thread by thread, and until then a server answers. */
const MOST_LOOKS = 2_000;

function awaitStop(pid: number): void {
  const isStopped = (thread: string) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return /^ [Tt]/.test(stat.slice(stat.lastIndexOf(")") + 1));
  };
  for (let look = 0; look < MOST_LOOKS; look++) {
    try {
      if (readdirSync(`/proc/${pid}/task`).every(isStopped)) return;
    } catch {
      // A thread that ended meanwhile.
    }
  }
}

/** The parts of a broker that are the same for all: signals, restarts and the end. */
export function lifecycle(options: {
  den: Den;
  launch: () => Promise<ServerProcess>;
  first: ServerProcess;
}): Pick<TestBroker, "pid" | "pause" | "resume" | "kill" | "restart" | "stop" | typeof Symbol.asyncDispose> {
  let server = options.first;
  const stop = async (): Promise<void> => {
    await server.end("SIGKILL");
    await options.den.remove();
  };
  return {
    pid: () => server.pid,
    pause: () => {
      server.signal("SIGSTOP");
      awaitStop(server.pid);
    },
    resume: () => server.signal("SIGCONT"),
    kill: () => server.end("SIGKILL"),
    restart: async () => {
      server = await options.launch();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
