/**
 * `${file:/run/secrets/name}`: the text of a file below one of the allowed roots.
 *
 * The path may come from somebody who cannot read the host, so everything is checked before a byte is used: where the
 * path really leads (links are followed, but must end inside the same root), that it is a regular file, who owns it
 * and who may write it. The file is opened once, without following a last link and without waiting for a writer, and
 * what was opened must be what was checked; a swap in between is a refusal.
 */
import type { Stats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname, isAbsolute, normalize, sep } from "node:path";
import { FileRefusal, kindOf, readRegularFile, refusalOf } from "../regular-file.ts";
import { defineReferenceProvider, ReferenceFailure } from "./provider.ts";

/** Views of processes and devices, not files; what they show depends on who reads. */
const REFUSED_TREES = ["/proc", "/dev", "/sys"];

const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

export default defineReferenceProvider({
  name: "file",
  summary: "A file below one of the secret roots",
  async resolve(path, context) {
    checkSpelling(path);
    const { real, realRoot } = await realPathInsideRoot(path, context.secretRoots);
    await checkDirectories(real, realRoot);
    const bytes = await readChecked(real, context.maxFileBytes);
    return decode(bytes).replace(/[\r\n]+$/, "");
  },
});

function checkSpelling(path: string): void {
  if (path.includes("\0")) throw new ReferenceFailure("The path holds a NUL character.");
  if (!isAbsolute(path)) throw new ReferenceFailure("The path must be absolute.");
  if (isBelowAny(normalize(path), REFUSED_TREES)) throw refusedTree();
}

/** Where `path` really leads. Both ends are compared as real paths, because a root may itself be reached by a link. */
async function realPathInsideRoot(path: string, roots: readonly string[]) {
  const named = roots.find((root) => isBelow(normalize(path), normalize(root)));
  if (named === undefined) throw outsideRoots(roots);
  const real = await realpath(path).catch(refuse);
  const realRoot = await realpath(named).catch(refuse);
  if (isBelowAny(real, REFUSED_TREES)) throw refusedTree();
  if (!isBelow(real, realRoot)) throw new ReferenceFailure("The path is a link that leads out of its secret root.");
  return { real, realRoot };
}

/**
 * Refuses a path on whose way somebody else can rename things: what was checked and what is opened could then be made
 * to differ. A sticky directory (a mounted secret volume, /tmp) is fine, as others can rename only what is theirs there.
 */
async function checkDirectories(real: string, realRoot: string): Promise<void> {
  const self = process.geteuid?.();
  if (self === undefined) return;
  for (
    let directory = dirname(real);
    isBelow(directory, realRoot) || directory === realRoot;
    directory = dirname(directory)
  ) {
    const { uid, mode } = await lstat(directory).catch(refuse);
    const isShared = (mode & GROUP_OR_OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
    if (isShared || (uid !== 0 && uid !== self)) {
      throw new ReferenceFailure("A directory on the way to the file can be changed by other users.");
    }
    if (directory === dirname(directory)) return;
  }
}

/** Reads what was checked: what is opened must be the file that stands at `real` before and after. */
async function readChecked(real: string, maxBytes: number): Promise<Buffer> {
  // Before opening: opening a device can already have an effect.
  const seen = await lstat(real).catch(refuse);
  if (!seen.isFile()) throw new ReferenceFailure(`The path is ${kindOf(seen)}, not a regular file.`);
  const inspect = (opened: Stats) => {
    if (opened.dev !== seen.dev || opened.ino !== seen.ino) throw swapped();
    checkOwner(opened);
  };
  const bytes = await readRegularFile(real, { maxBytes, inspect }).catch(refuse);
  if ((await realpath(real).catch(refuse)) !== real) throw swapped();
  return bytes;
}

/** Windows reports neither owner nor mode; its access lists are left to the administrator. */
function checkOwner({ uid, mode }: Stats): void {
  const self = process.geteuid?.();
  if (self === undefined) return;
  if (uid !== 0 && uid !== self) {
    throw new ReferenceFailure("The file belongs to somebody who is neither root nor the user of this process.");
  }
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) {
    throw new ReferenceFailure("The file can be written by other users.", "Take the right away: chmod go-w FILE");
  }
}

function swapped(): ReferenceFailure {
  return new ReferenceFailure("The file was replaced while it was being opened.");
}

function decode(bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ReferenceFailure("The file is not UTF-8.");
  }
  if (text.includes("\0")) throw new ReferenceFailure("The file holds a NUL character.");
  return text;
}

function isBelowAny(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => isBelow(path, root));
}

function isBelow(path: string, root: string): boolean {
  const prefix = root.endsWith(sep) ? root : root + sep;
  return path.startsWith(prefix);
}

function refusedTree(): ReferenceFailure {
  return new ReferenceFailure(`Nothing is read from ${REFUSED_TREES.join(", ")}.`);
}

function outsideRoots(roots: readonly string[]): ReferenceFailure {
  const allowed =
    roots.length > 0 ? `It is below none of: ${roots.join(", ")}.` : "No directory of secrets is allowed.";
  return new ReferenceFailure(allowed, "Allow the file's directory: --secret-root DIR");
}

/** Fails closed: whatever goes wrong is a refusal, and the system's own text, which repeats the path, stays out. */
function refuse(error: unknown): never {
  if (error instanceof ReferenceFailure) throw error;
  const { message, systemCode } = error instanceof FileRefusal ? error : refusalOf(error);
  throw new ReferenceFailure(systemCode === "ELOOP" ? "The path is a loop of links." : `The file ${message}.`);
}
