/** A machine made of real files in a temporary directory, with planted owners and modes, for checks of the host. */
import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostFacts, hostAt } from "../../src/audit/facts/host.ts";
import type { CheckOutcome } from "../../src/audit/run/result.ts";
import { foundOf } from "./audited.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./project.ts";

export interface PlantedHost extends Disposable {
  host: HostFacts;
  at(path: string): string;
  chmod(path: string, mode: number): void;
}

interface Planting {
  /** Below the root of the machine: "etc/passwd", "home/ann/.pgpass". Directories get 0755, files 0644. */
  files: Readonly<Record<string, string>>;
  /** Account names by home directory below the root. */
  homes?: Readonly<Record<string, string>>;
  /** Default: the account of the test. */
  serverUid?: number | undefined;
  serverPid?: number | undefined;
}

/** Everything in it is open to everybody's eyes until the test says otherwise. */
export function plantHost({ files, homes = {}, serverUid = process.getuid?.(), serverPid }: Planting): PlantedHost {
  const passwd = (root: TemporaryDirectory) =>
    Object.entries(homes).map(([home, name], index) => `${name}:x:${5_000 + index}:100::${root.at(home)}:/bin/sh\n`);
  const directory = temporaryDirectory({ ...files, "etc/keep": "", "proc/keep": "" });
  writePasswd(directory, passwd(directory).join(""));
  openUp(directory.path, Object.keys(files));
  return {
    host: hostAt({ etc: directory.at("etc"), proc: directory.at("proc") }, { serverUid, serverPid }),
    at: (path) => directory.at(path),
    chmod: (path, mode) => chmodSync(directory.at(path), mode),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

function writePasswd(directory: TemporaryDirectory, text: string): void {
  writeFileSync(
    directory.at("etc/passwd"),
    `root:x:0:0::/:/bin/sh\nserver:x:${process.getuid?.()}:0::/nonexistent:/bin/sh\n${text}`,
  );
}

function openUp(root: string, files: readonly string[]): void {
  chmodSync(root, 0o755);
  for (const file of files) {
    const parts = file.split("/");
    for (let depth = 1; depth < parts.length; depth++) chmodSync(join(root, ...parts.slice(0, depth)), 0o755);
    chmodSync(join(root, file), 0o644);
  }
}

/** Runs the shell commands of a failed check's findings, as a person would paste them. */
export function pasteFixes(outcome: CheckOutcome): void {
  for (const { object, fix } of foundOf(outcome)) {
    if (fix?.kind !== "shell") throw new Error(`the finding about ${object} has no commands to paste`);
    for (const command of fix.commands) execFileSync("/bin/sh", ["-c", command]);
  }
}

/** A name that leads nowhere but to itself: nobody, not even root, can say what it is. */
export function plantLoop(path: string): void {
  symlinkSync(path, path);
}
