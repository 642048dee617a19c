/**
 * Processes of this machine as /proc shows them: names and numbers, never a value of an environment or a command line.
 *
 * Command lines and environments are read here, looked through, and forgotten; what leaves this file says in which option
 * or variable a secret stood.
 */
import { join } from "node:path";
import { Unanswered } from "../answers.ts";
import { headOf, namesIn, ownStatusOf } from "./files.ts";
import { secretOptions } from "./secret-options.ts";

/** 128 KiB: what Linux allows one argument, and 32 times a usual command line. */
const MAX_COMMAND_BYTES = 128 * 1024;
/** 1 MiB of environment. */
const MAX_ENVIRONMENT_BYTES = 1024 * 1024;
/** 4 KiB: /proc/PID/status is about one. */
const MAX_STATUS_BYTES = 4 * 1024;

export interface HostProcess {
  pid: number;
  uid: number;
  /** The program's short name, which the process itself can change. */
  name: string;
  /** File mode creation mask, 0o022; undefined: the kernel does not show it. */
  umask: number | undefined;
  /** Options of the command line with a password: "--password", "URL", "password=". */
  secretOptions: readonly string[];
  /** Names of environment variables; undefined: they may not be looked at. */
  variables: readonly string[] | undefined;
}

/** Every process but our own. Throws Unanswered where there is no /proc, or where it hides others' processes. */
export function processesOf(proc: string, ownPid: number): readonly HostProcess[] {
  const names = namesIn(proc);
  if (names === undefined) throw new Unanswered("the system has no /proc to look at processes", "host");
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  // Every Linux has a first process. Where it is not to be seen, neither are those of others.
  if (!pids.includes(1)) throw new Unanswered("/proc hides the processes of other accounts", "host");
  return pids.filter((pid) => pid !== ownPid).flatMap((pid) => processAt(join(proc, String(pid)), pid) ?? []);
}

/** undefined: it ended meanwhile. */
function processAt(directory: string, pid: number): HostProcess | undefined {
  const status = textOf(join(directory, "status"), MAX_STATUS_BYTES);
  const command = bytesOf(join(directory, "cmdline"), MAX_COMMAND_BYTES);
  const uid = /^Uid:\s*(\d+)/m.exec(status ?? "")?.[1];
  if (status === undefined || uid === undefined || command === undefined) return undefined;
  const umask = /^Umask:\s*([0-7]+)/m.exec(status)?.[1];
  return {
    pid,
    uid: Number(uid),
    name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "",
    umask: umask === undefined ? undefined : Number.parseInt(umask, 8),
    secretOptions: secretOptions(command.toString("utf8").split("\0")),
    variables: variablesAt(join(directory, "environ")),
  };
}

/** Names alone: what stands after the sign goes nowhere. */
function variablesAt(path: string): readonly string[] | undefined {
  try {
    const bytes = headOf(path, MAX_ENVIRONMENT_BYTES);
    return bytes
      ?.toString("latin1")
      .split("\0")
      .flatMap((entry) => (entry.includes("=") ? [entry.slice(0, entry.indexOf("="))] : []));
  } catch {
    return undefined;
  }
}

function textOf(path: string, bytes: number): string | undefined {
  return bytesOf(path, bytes)?.toString("utf8");
}

/** A process may end, or change its rights, between two looks. */
function bytesOf(path: string, bytes: number): Buffer | undefined {
  try {
    return ownStatusOf(path) && headOf(path, bytes);
  } catch {
    return undefined;
  }
}
