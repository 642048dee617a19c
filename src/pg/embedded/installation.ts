/**
 * A copy of the server's files that the server's account can read and that only we can write.
 *
 * The npm package is not run where it lies: it may be below a directory that only its owner enters (root's home), and
 * the links between its libraries are missing when install scripts were disabled. So its files are copied once into a
 * cache, the links are made there, and the copy is put in place by one rename, so that several processes can do this
 * at the same time. What executes (programs and libraries) is compared with known checksums before every start.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { exists, makeOwnDirectory, refuseUnsafeDirectory } from "./guarded-files.ts";

export interface Installation {
  root: string;
  initdb: string;
  postgres: string;
}

/** Copies `source` (a package's `native` directory) to `target` unless it is there. */
export async function stageInstallation(source: string, target: string): Promise<Installation> {
  await makeOwnDirectory(dirname(target), 0o755);
  if (!(await exists(target))) await copyInPlace(source, target);
  await refuseUnsafeDirectory(target);
  return installationAt(target);
}

export function installationAt(root: string): Installation {
  const program = (name: string): string => join(root, "bin", process.platform === "win32" ? `${name}.exe` : name);
  return { root, initdb: program("initdb"), postgres: program("postgres") };
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

/**
 * One SHA-256 (lower-case hexadecimal) over the names and contents of everything that the server executes: programs and
 * shared libraries. A file that was changed, added, removed or renamed gives another sum.
 */
export async function executablesChecksum(root: string): Promise<string> {
  const sum = createHash("sha256");
  for (const path of await executableFiles(root)) {
    sum.update(`${path}\0`).update(
      createHash("sha256")
        .update(await readFile(join(root, path)))
        .digest(),
    );
  }
  return sum.digest("hex");
}

/** Throws DB_BINARIES_CHANGED when the programs and libraries below `root` are not the `expected` ones. */
export async function verifyInstallation(root: string, expected: string): Promise<void> {
  if ((await executablesChecksum(root)) === expected) return;
  throw new PgkeepError("DB_BINARIES_CHANGED", "the embedded server's files are not those that were shipped", {
    detail: `A program or library below ${root} was changed, added or removed.`,
    hint: `Find out by whom. Then remove ${root} and install the package again.`,
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
  // By code unit: the same order on every machine and locale.
  return found.sort();
}
