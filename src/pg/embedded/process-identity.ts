/**
 * Which process a number means, now and later.
 *
 * Process ids are used again, after a restart of a container even at once. A process is the same one only when it also
 * started at the same moment, so that is what gets recorded and compared. The moment is counted from the machine's
 * start and carries that start's own id: wall clocks are set, and then every process would seem another.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { errorCodeOf } from "../../base/errors.ts";

/** Loaded only where there is no /proc: it takes longer than all else here. */
async function run(program: string, words: readonly string[]): Promise<{ stdout: string }> {
  const { execFile } = await import("node:child_process");
  return await promisify(execFile)(program, words);
}

export interface ProcessRecord {
  pid: number;
  /** Equal for the same process only; opaque. */
  started: string;
}

/** The process that has this number at this moment; undefined when there is none. */
export async function identify(pid: number): Promise<ProcessRecord | undefined> {
  if (!(pid > 0) || !isAlive(pid)) return undefined;
  const started = process.platform === "linux" ? await linuxStart(pid) : await psStart(pid);
  return started === undefined ? undefined : { pid, started };
}

/** This process, without waiting; undefined where there is no /proc. */
export function identifySelf(): ProcessRecord | undefined {
  try {
    const started = startOf(readFileSync("/proc/self/stat", "utf8"), readFileSync(BOOT_ID, "utf8"));
    return started === undefined ? undefined : { pid: process.pid, started };
  } catch {
    return undefined;
  }
}

/** Whether the recorded process still runs. */
export async function isStillRunning(record: ProcessRecord | undefined): Promise<boolean> {
  return record !== undefined && (await identify(record.pid))?.started === record.started;
}

/** Whether anything has this process id, or with a negative number this process group. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is one, and it is not ours.
    return errorCodeOf(error) === "EPERM";
  }
}

/** Field 22 of /proc/PID/stat, in ticks since the machine's start. The name before it may hold spaces and parentheses. */
async function linuxStart(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(BOOT_ID, "utf8").catch(() => ""),
    ]);
    return startOf(stat, boot);
  } catch {
    return undefined;
  }
}

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

function startOf(stat: string, boot: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie has ended; only its parent has not looked yet.
  return fields[0] === "Z" ? undefined : `${boot.trim()}:${fields[19]}`;
}

async function psStart(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run("ps", ["-o", "lstart=", "-p", String(pid)]);
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process was started as a PostgreSQL server on that data directory. */
export async function isServerOn(pid: number, dataDir: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  try {
    if (process.platform === "linux") {
      const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
      return words[words.indexOf("-D") + 1] === dataDir && /(^|\/)postgres$/.test(words[0] ?? "");
    }
    const { stdout } = await run("ps", ["-ww", "-o", "command=", "-p", String(pid)]);
    return stdout.includes(`postgres -D ${dataDir} `);
  } catch {
    return false;
  }
}
