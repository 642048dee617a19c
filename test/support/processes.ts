/** What runs on this machine, read from /proc: for tests that assert that nothing is left. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface RunningProcess {
  pid: number;
  commandLine: string;
}

/** Processes whose command line or process title mentions `text`, zombies left out. */
export function processesMentioning(text: string): RunningProcess[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const commandLine = readProc(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    const isZombie = /\) Z /.test(readProc(`/proc/${pid}/stat`));
    return commandLine.includes(text) && !isZombie && Number(pid) !== process.pid
      ? [{ pid: Number(pid), commandLine }]
      : [];
  });
}

/** Numbers of all processes whose chain of parents leads to `pid`, itself included. */
export function familyOf(pid: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
  return [pid, ...children.flatMap(familyOf)];
}

export function parentOf(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

export function uidOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? Number.NaN);
}

export function isRunning(pid: number): boolean {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat !== "" && !/\) Z /.test(stat);
}

/** Addresses the process listens on over TCP, as "127.0.0.1:5432"; "*" for every address. */
export function listeningAddresses(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1] ?? [],
    ),
  );
  return ["tcp", "tcp6"].flatMap((table) =>
    readProc(`/proc/net/${table}`)
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === "0A" && inodes.has(columns[9] ?? ""))
      .map((columns) => addressText(columns[1] ?? "")),
  );
}

function addressText(hexadecimal: string): string {
  const [address = "", port = ""] = hexadecimal.split(":");
  const bytes =
    address
      .match(/../g)
      ?.map((byte) => Number.parseInt(byte, 16))
      .reverse() ?? [];
  const name = bytes.length !== 4 ? `ipv6 ${address}` : bytes.every((byte) => byte === 0) ? "*" : bytes.join(".");
  return `${name}:${Number.parseInt(port, 16)}`;
}

/** Waits until `condition` holds, at most `timeoutMs`; returns whether it did. */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<boolean> {
  for (let waited = 0; waited < timeoutMs; waited += 20) {
    if (await condition()) return true;
    await delay(20);
  }
  return condition();
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
