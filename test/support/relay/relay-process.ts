/** Relays in processes of their own, to be stopped, continued and killed, that deliver to real sinks. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import type { Tide } from "../tide-session.ts";
import type { Instructions } from "./relay-program.ts";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));

/** What a relay told, with the time at which it did (as Date.now). */
export interface Told {
  at: number;
  type: string;
  event?: string;
  epoch?: string;
  position?: string;
  state?: string;
  reason?: string;
  address?: string;
}

export interface RelayProcess extends AsyncDisposable {
  label: string;
  pid: number;
  told: Told[];
  /** Resolves with the signal that ended it, or its exit status. */
  ended: Promise<string | number>;
  isGone(): boolean;
  /** Standard input. */
  input: Writable;
  signal(name: NodeJS.Signals): void;
  /** Whether it owns a pipeline, as far as it told. */
  owns(): boolean;
}

export interface RelayProgram {
  start(tide: Tide, options?: RelayProcessOptions): RelayProcess;
  remove(): Promise<void>;
}

export type RelayProcessOptions = Partial<Omit<Instructions, "database">> & {
  /** Where the database is reached, when not directly. */
  via?: { host: string; port: number };
};

/** Packs the sources as they are now into one program; the caller removes it. It lies where packages are found. */
export async function packRelayProgram(): Promise<RelayProgram> {
  const cache = join(REPOSITORY, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "pgkeep-relay-program-"));
  const build = await rolldown({
    input: { program: join(REPOSITORY, "test/support/relay/relay-program.ts") },
    platform: "node",
    external: (id) => !/^(?:[./]|@oxc-project\/runtime)/.test(id),
    checks: { ineffectiveDynamicImport: false },
    transform: { target: "node20" },
  });
  await build.write({
    dir: directory,
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await build.close();
  let count = 0;
  return {
    start: (tide, options = {}) => {
      count += 1;
      return startProcess(join(directory, "program.mjs"), tide, { label: `relay-${count}`, ...options });
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function startProcess(
  program: string,
  { cluster, database }: Tide,
  { via, label = "relay", environment = {}, ...options }: RelayProcessOptions,
): RelayProcess {
  const { host, port } = via ?? cluster;
  const instructions: Instructions = {
    database: { host, port, user: cluster.superuser, password: cluster.password, database },
    label,
    only: undefined,
    leaseMs: 3_000,
    takeoverIntervalMs: 200,
    killAt: undefined,
    ...options,
    environment: { RELAY: label, ...environment },
  };
  const child = spawn(process.execPath, [program, JSON.stringify(instructions)], {
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "ignore", "inherit", "pipe"],
  });
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) throw new Error("the relay did not start");
  stdin.on("error", () => undefined);
  const told: Told[] = [];
  createInterface(child.stdio[3] as Readable).on("line", (line) => told.push(JSON.parse(line)));
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const ended = new Promise<string | number>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code ?? 0));
  });
  return {
    label,
    pid,
    told,
    ended,
    isGone,
    input: stdin,
    signal: (name) => {
      if (!isGone()) child.kill(name);
    },
    owns: () =>
      told.findLast(({ type, event }) => type === "relay.ownership" && event !== "denied")?.event === "acquired",
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
