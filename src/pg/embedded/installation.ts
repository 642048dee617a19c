/**
 * A copy of the server's files that the server's account can read and that only we can write.
 *
 * The npm package is not run where it lies: it may be below a directory that only its owner enters (root's home), and
 * the links between its libraries are missing when install scripts were disabled. So its files are copied once into a
 * cache, the links are made there, and the copy is put in place by one rename, so that several processes can do this
 * at the same time. What executes (programs and libraries) is compared with known checksums before every start.
 */
import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";

/** SHA-256, lower-case hexadecimal, by path relative to the installation with "/" separators. */
export type Checksums = Readonly<Record<string, string>>;

export interface Installation {
  root: string;
  initdb: string;
  postgres: string;
}

/** Copies `source` (a package's `native` directory) to `target` unless it is there. */
export async function stageInstallation(source: string, target: string): Promise<Installation> {
  await makePrivateDirectory(dirname(target));
  if (!(await exists(target))) await copyInPlace(source, target);
  await refuseUnsafeDirectory(target);
  return installationAt(target);
}

export function installationAt(root: string): Installation {
  const program = (name: string): string => join(root, "bin", process.platform === "win32" ? `${name}.exe` : name);
  return { root, initdb: program("initdb"), postgres: program("postgres") };
}

/** A directory that only we write to and everybody may enter. Throws DB_DIRECTORY_UNSAFE when it is somebody else's. */
export async function makePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await refuseUnsafeDirectory(directory);
}

/** Throws DB_DIRECTORY_UNSAFE when `directory` is a link, not ours, or writable by others. */
export async function refuseUnsafeDirectory(directory: string, owners = [process.getuid?.()]): Promise<void> {
  const status = await lstat(directory);
  const isOurs = owners.includes(status.uid) || process.platform === "win32";
  const isWritableByOthers = (status.mode & 0o022) !== 0 && process.platform !== "win32";
  if (status.isDirectory() && isOurs && !isWritableByOthers) return;
  throw new PgkeepError("DB_DIRECTORY_UNSAFE", `cannot use the directory "${directory}"`, {
    detail: isOurs ? "It is not a directory or can be written by others." : "It belongs to another user.",
    hint: "Remove it, or take the right away with chmod go-w.",
    state: "nothing was started",
  });
}

async function copyInPlace(source: string, target: string): Promise<void> {
  const temporary = await mkdtemp(`${target}.`);
  try {
    // FICLONE shares the blocks where the file system can; elsewhere it is an ordinary copy.
    await cp(source, temporary, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await makeLinks(temporary);
    await openForReading(temporary);
    await renameUnlessThere(temporary, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another process was faster; its copy is as good as ours.
    if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(errorCodeOf(error) ?? "") || !(await exists(to))) throw error;
  }
}

/** pg-symlinks.json lists the links that an install script would make: `{source, target}`, both below "native/". */
async function makeLinks(root: string): Promise<void> {
  const list = join(root, "pg-symlinks.json");
  if (!(await exists(list))) return;
  for (const { source, target } of parseLinks(await readFile(list, "utf8"))) {
    const link = inside(root, target);
    await rm(link, { force: true });
    await symlink(relative(dirname(link), inside(root, source)), link);
  }
}

function parseLinks(text: string): { source: string; target: string }[] {
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) return [];
  return links.filter((link) => typeof link?.source === "string" && typeof link.target === "string");
}

/** The list comes with the package; a path that leaves the copy would make a link in somebody's files. */
function inside(root: string, path: string): string {
  const absolute = join(root, path.replace(/^native\//, ""));
  if (absolute.startsWith(root + sep)) return absolute;
  throw new PgkeepError("DB_BINARIES_CHANGED", "the list of links leads outside the package", {
    hint: "Install the package again.",
    state: "nothing was started",
  });
}

async function openForReading(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, relative(root, path).startsWith("bin") ? 0o755 : 0o644);
  }
}

/** Checksums of everything the server would execute: programs and shared libraries. */
export async function checksumsOf(root: string): Promise<Checksums> {
  const sums: Record<string, string> = {};
  for (const path of await executableFiles(root)) sums[path] = await sha256(join(root, path));
  return sums;
}

/** Throws DB_BINARIES_CHANGED when a program or library differs, is missing, or was added. */
export async function verifyInstallation(root: string, expected: Checksums): Promise<void> {
  const actual = await checksumsOf(root);
  const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
  const changed = names.filter((name) => actual[name] !== expected[name]);
  if (changed.length === 0) return;
  throw new PgkeepError("DB_BINARIES_CHANGED", "the embedded server's files are not those that were shipped", {
    detail: `${changed.length} of ${names.length} differ, the first is ${changed[0]} in ${root}.`,
    hint: `Find out who changed them, then remove ${root} and install the package again.`,
    state: "nothing was started",
  });
}

async function executableFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["bin", "lib"]) {
    const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true });
    for (const entry of entries) {
      const path = relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, "/");
      // Archives for linking and compiler flags are never loaded.
      if (entry.isFile() && !/\.(a|pc|h|lib)$/.test(path)) found.push(path);
    }
  }
  return found.sort();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
