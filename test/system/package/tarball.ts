/**
 * The package as npm would publish it: packed once per test file, listed, and installed into an empty folder.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface PackedFile {
  path: string;
  size: number;
  mode: number;
}

export interface Tarball {
  path: string;
  files: PackedFile[];
  /** Bytes of the tarball, and of what it unpacks to. */
  packedBytes: number;
  unpackedBytes: number;
}

/** A folder of its own, entered by other accounts too: a server started by root runs as another one. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pgkeep-package-"));
  run("chmod", ["755", folder]).catch(() => undefined);
  return folder;
}

export async function pack(folder: string): Promise<Tarball> {
  const command = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", command, { maxBuffer: 16 * 1024 * 1024 });
  const report: unknown = JSON.parse(stdout);
  const [packed] = Array.isArray(report) ? report : Object.values(report ?? {});
  return {
    path: join(folder, packed.filename),
    files: packed.files,
    packedBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
  };
}

/** Installs the tarball into `folder`/app and returns that path. No install script runs. */
export async function install(tarball: Tarball, folder: string): Promise<string> {
  const app = join(folder, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", "--ignore-scripts", "--prefer-offline", ...quiet, tarball.path], { cwd: app });
  return app;
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
