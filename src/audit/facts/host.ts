/**
 * The server's machine, looked at from the inside. Names, modes and places only: never what a file holds.
 *
 * Looked at only when this is that machine: the session came over a socket or loopback, and the postmaster.pid in the data
 * directory that the server names was written by the server we talk to, at the second it says it started. A tunnel to
 * another machine, or a container with files of its own, has no such file here. Whoever knows better asks for it.
 */
import { join } from "node:path";
import { platform } from "node:process";
import type { Session } from "../../pg/session.ts";
import { Unanswered } from "../answers.ts";
import { type FileStatus, headOf, namesIn, statusOf } from "./files.ts";
import type { LineFacts } from "./line.ts";
import { type HostProcess, processesOf } from "./processes.ts";

export type { FileStatus } from "./files.ts";

/** An account of the machine with a home directory that exists or may not be looked at. */
export interface HostAccount {
  name: string;
  uid: number;
  home: string;
}

export interface HostFacts {
  /** The file that a path leads to; undefined: there is none. Throws Unanswered when it may not be looked at. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Accounts by home directory, each directory once. Throws Unanswered. */
  accounts(): readonly HostAccount[];
  /** Name of an account, or its number. */
  accountName(uid: number): string;
  /** What /etc/shadow has for an account; only root may know. Throws Unanswered. */
  passwordState(name: string): "locked" | "none" | "set";
  /** Throws Unanswered without /proc. */
  processes(): readonly HostProcess[];
  /** Directory of the system's configuration, "/etc". */
  etc: string;
  /** The server's account; undefined when it was not found. */
  serverUid: number | undefined;
  /** The postmaster; undefined when its file may not be read. */
  serverPid: number | undefined;
  isRoot: boolean;
}

/** Where a machine keeps what we look at; tests have their own. */
export interface HostPlaces {
  etc: string;
  proc: string;
}

export interface HostRequest {
  line: LineFacts;
  /** --host: look although nothing proves that this is the server's machine. */
  isAsked: boolean;
  places?: HostPlaces | undefined;
}

/** 1 MiB: machines with ten thousand accounts have less. */
const MAX_ACCOUNTS_BYTES = 1024 * 1024;
/** 2 s: the file has whole seconds, and the server writes it a moment after it started. */
const START_TOLERANCE_S = 2;

/** The machine whose directories are at `places`. */
export function hostAt(places: HostPlaces, server: Pick<HostFacts, "serverUid" | "serverPid">): HostFacts {
  return new LocalHost(places, server);
}

/** Neither can be set by whoever owns a database; the directory is shown to members of pg_read_all_settings alone. */
const WHERE = `
  select pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) as started,
         (select s.setting from pg_catalog.pg_settings as s where s.name = 'data_directory') as directory,
         (select s.setting from pg_catalog.pg_settings as s where s.name = 'port') as port`;

/** The machine, or undefined when nothing shows that the server runs here. Costs a round trip when it may. */
export async function localHost(session: Session, request: HostRequest): Promise<HostFacts | undefined> {
  const { line, isAsked, places = { etc: "/etc", proc: "/proc" } } = request;
  // Windows has no modes that mean anything to these checks.
  if (platform === "win32" || (!isAsked && line.transport !== "socket" && !line.isLoopback)) return undefined;
  const [row] = await session.query(WHERE);
  const dataDirectory = row?.directory ?? undefined;
  const lock = dataDirectory === undefined ? undefined : lockFile(dataDirectory);
  const isOurs = lock !== undefined && isWrittenBy(lock, { started: Number(row?.started), port: Number(row?.port) });
  if (!isOurs && !isAsked) return undefined;
  return hostAt(places, {
    serverPid: isOurs ? lock.pid : undefined,
    serverUid: dataDirectory === undefined ? undefined : ownerOf(dataDirectory),
  });
}

interface LockFile {
  pid: number;
  /** Seconds since 1970. */
  started: number;
  port: number;
}

/** postmaster.pid: process, directory, start, port, one a line. undefined: none, or not ours to read. */
function lockFile(dataDirectory: string): LockFile | undefined {
  try {
    const lines = headOf(join(dataDirectory, "postmaster.pid"), 4096)?.toString("utf8").split("\n") ?? [];
    const [pid, , started, port] = lines.map(Number);
    return pid === undefined || started === undefined || port === undefined ? undefined : { pid, started, port };
  } catch {
    return undefined;
  }
}

function isWrittenBy(lock: LockFile, server: { started: number; port: number }): boolean {
  return lock.port === server.port && Math.abs(lock.started - server.started) <= START_TOLERANCE_S;
}

function ownerOf(path: string): number | undefined {
  try {
    return statusOf(path)?.uid;
  } catch {
    return undefined;
  }
}

class LocalHost implements HostFacts {
  readonly etc: string;
  readonly serverUid: number | undefined;
  readonly serverPid: number | undefined;
  readonly #proc: string;
  #processes: readonly HostProcess[] | undefined;

  constructor({ etc, proc }: HostPlaces, server: Pick<HostFacts, "serverUid" | "serverPid">) {
    this.etc = etc;
    this.#proc = proc;
    this.serverUid = server.serverUid;
    this.serverPid = server.serverPid;
  }

  get isRoot(): boolean {
    return process.geteuid?.() === 0;
  }

  async status(path: string): Promise<FileStatus | undefined> {
    return statusOf(path);
  }

  accounts(): readonly HostAccount[] {
    const byHome = new Map<string, HostAccount>();
    for (const [name = "", , uid, , , home = ""] of this.#lines("passwd")) {
      // Many accounts of the system share a directory that is nobody's home, or have one that was never made.
      if (!home.startsWith("/") || home === "/" || byHome.has(home) || isMissing(home)) continue;
      byHome.set(home, { name, uid: Number(uid), home });
    }
    return [...byHome.values()];
  }

  accountName(uid: number): string {
    try {
      return this.#lines("passwd").find((fields) => fields[2] === String(uid))?.[0] ?? String(uid);
    } catch {
      return String(uid);
    }
  }

  passwordState(name: string): "locked" | "none" | "set" {
    const field = this.#lines("shadow").find((fields) => fields[0] === name)?.[1];
    if (field === undefined) throw new Unanswered(`the system keeps the password of account ${name} elsewhere`);
    if (field === "") return "none";
    return /^[!*]/.test(field) ? "locked" : "set";
  }

  processes(): readonly HostProcess[] {
    this.#processes ??= processesOf(this.#proc, process.pid);
    return this.#processes;
  }

  /** Lines of passwd and shadow as fields. */
  #lines(file: string): string[][] {
    const bytes = headOf(join(this.etc, file), MAX_ACCOUNTS_BYTES);
    if (bytes === undefined) throw new Unanswered(`the system has no ${file} to look at`);
    return bytes
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(":"));
  }
}

function isMissing(home: string): boolean {
  try {
    return namesIn(home) === undefined;
  } catch {
    return false;
  }
}
