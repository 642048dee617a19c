/**
 * `${file:/run/secrets/name}`: the text of a file below one of the allowed roots.
 *
 * The path may come from somebody who cannot read the host, so everything is checked before a byte is used: where the
 * path really leads (links are followed, but must end inside the same root), that it is a regular file, who owns it
 * and who may write it. The file is opened once, without following a last link and without waiting for a writer, and
 * what was opened must be what was checked; a swap in between is a refusal.
 */
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { lstat, open, realpath } from "node:fs/promises";
import { isAbsolute, normalize, sep } from "node:path";
import { errorCodeOf } from "../../base/errors.ts";
import { defineReferenceProvider, ReferenceFailure } from "./provider.ts";

/** Views of processes and devices, not files; what they show depends on who reads. */
const REFUSED_TREES = ["/proc", "/dev", "/sys"];

/** O_NONBLOCK: opening a FIFO must fail or return, never wait for a writer. Zero on systems that lack them. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const GROUP_OR_OTHERS_WRITE = 0o022;

export default defineReferenceProvider({
  name: "file",
  summary: "A file below one of the secret roots",
  async resolve(path, context) {
    checkSpelling(path);
    const real = await realPathInsideRoot(path, context.secretRoots);
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
async function realPathInsideRoot(path: string, roots: readonly string[]): Promise<string> {
  const named = roots.find((root) => isBelow(normalize(path), normalize(root)));
  if (named === undefined) throw outsideRoots(roots);
  const real = await realpath(path).catch(refuse);
  const realRoot = await realpath(named).catch(refuse);
  if (isBelowAny(real, REFUSED_TREES)) throw refusedTree();
  if (!isBelow(real, realRoot)) throw new ReferenceFailure("The path is a link that leads out of its secret root.");
  return real;
}

async function readChecked(real: string, maxBytes: number): Promise<Buffer> {
  // Before opening: opening a device can already have an effect.
  const seen = await lstat(real, { bigint: true }).catch(refuse);
  if (!seen.isFile()) throw new ReferenceFailure("It is not a regular file.");
  const handle = await open(real, OPEN_FLAGS).catch(refuse);
  try {
    const opened = await handle.stat({ bigint: true });
    const isSwapped = opened.dev !== seen.dev || opened.ino !== seen.ino || (await realpath(real)) !== real;
    if (isSwapped || !opened.isFile()) throw new ReferenceFailure("The file changed while it was being opened.");
    checkOwner(Number(opened.uid), Number(opened.mode));
    return await readUpTo(handle, maxBytes);
  } finally {
    await handle.close();
  }
}

/** Windows reports neither owner nor mode; its access lists are left to the administrator. */
function checkOwner(owner: number, mode: number): void {
  const self = process.geteuid?.();
  if (self === undefined) return;
  if (owner !== 0 && owner !== self) {
    throw new ReferenceFailure("The file belongs to somebody who is neither root nor the user of this process.");
  }
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) {
    throw new ReferenceFailure("The file can be written by other users.", "Take the right away: chmod go-w FILE");
  }
}

/** Reads one byte more than allowed, because a file's stated size says little about what reading it gives. */
async function readUpTo(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new ReferenceFailure(`The file is larger than ${maxBytes} bytes.`);
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

/** Fails closed: whatever the file system answers, only its code is repeated. */
function refuse(error: unknown): never {
  const reasons: Record<string, string> = {
    ENOENT: "The file does not exist.",
    ENOTDIR: "The file does not exist.",
    EACCES: "The file may not be read by the user of this process.",
    EPERM: "The file may not be read by the user of this process.",
    ELOOP: "The path is a loop of links.",
  };
  const code = errorCodeOf(error) ?? "unknown";
  throw new ReferenceFailure(reasons[code] ?? `The file could not be read (${code}).`);
}
