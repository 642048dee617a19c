/**
 * Appends each message to a file.
 *
 * The path comes from the catalog, whose editor is not the operator of this host. So it must stand below a directory that
 * the operator named (`--file-root`); the name is one plain part, the last part is never followed as a link, and
 * nothing but a regular file is opened. A full disk or a missing directory is the
 * sink's fault, not the message's: everything waits. What a failed write left behind of a line is cut off again.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { errorCodeOf } from "../../base/errors.ts";
import { ConnectorFailure } from "../failures.ts";
import type { Delivery, Disposition } from "../message.ts";
import { asLines, deliverSmall, type LineFormat, lineFormat } from "./lines.ts";
import { defineSink, type Sink } from "./sink.ts";

/** One part of a path, no leading dot, no separators, nothing a shell or terminal would read. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/;

/** Views of processes and devices; what is written there is no file. */
const REFUSED_TREES = /^\/(?:proc|dev|sys)(?:\/|$)/;

/** 1 MiB: what pg_tide allows a message to be. */
const MESSAGE_BYTES = 1024 * 1024;

/** Owner reads and writes, the group reads: bodies may be confidential. */
const FILE_MODE = 0o640;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

export default defineSink({
  type: "file",
  summary: "Appends to a file",
  config: (z) =>
    z.strictObject({
      path: z
        .string()
        .min(2)
        .max(1_024)
        .refine((path) => isAbsolute(path) && !path.includes("\0"), "must be an absolute path")
        .refine((path) => !path.split("/").includes(".."), "must not hold ..")
        .refine((path) => FILE_NAME.test(basename(path)), "must end in a name of letters, digits, _, - and .")
        .meta({ description: "Absolute path of the file; its directory must exist below a --file-root of the relay" }),
      format: lineFormat(z),
      fsync: z.boolean().default(false).meta({ description: "Wait for the disk after every batch" }),
    }),
  guarantees: {
    order: "Order of the outbox, whole pipeline.",
    duplicates: "A repeated message has the same dedup_key.",
    acknowledgement: "When the file system has taken the bytes; with fsync, when the disk has.",
  },
  limits: { batchMessages: 1_000, batchBytes: 16 * 1024 * 1024, messageBytes: MESSAGE_BYTES },
  lanes: () => 1,
  subject: () => undefined,
  wrapsNative: true,
  async open({ path, format, fsync }, { fileRoots = [] }) {
    return new FileSink({ path, roots: fileRoots, format, fsync }, await openFile(path, fileRoots));
  },
});

interface FilePlace {
  path: string;
  roots: readonly string[];
  format: LineFormat;
  fsync: boolean;
}

class FileSink implements Sink {
  readonly #place: FilePlace;
  #file: FileHandle;
  #isClosed = false;

  constructor(place: FilePlace, file: FileHandle) {
    this.#place = place;
    this.#file = file;
  }

  async send(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Disposition[]> {
    signal.throwIfAborted();
    return deliverSmall(batch, MESSAGE_BYTES, (small) => this.#append(asLines(small, this.#place.format)));
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#isClosed) throw new ConnectorFailure("unavailable", "the file is closed");
    await this.#followRotation();
    const { size } = await this.#file.stat();
    try {
      await writeAll(this.#file, bytes);
      if (this.#place.fsync) await this.#file.sync();
    } catch (error) {
      // A reader must not find half a line, nor the same lines twice after the retry.
      await this.#file.truncate(size).catch(() => {});
      throw failure(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#file.close().catch(() => {});
  }

  /** A file that was renamed or removed (log rotation) is made anew; what is open has no name any more. */
  async #followRotation(): Promise<void> {
    const { path, roots } = this.#place;
    const [named, opened] = await Promise.all([lstat(path).catch(() => undefined), this.#file.stat()]);
    if (named && named.ino === opened.ino && named.dev === opened.dev) return;
    const next = await openFile(path, roots);
    await this.#file.close().catch(() => {});
    this.#file = next;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

async function openFile(path: string, roots: readonly string[]): Promise<FileHandle> {
  const directory = await checkedDirectory(dirname(path), roots);
  try {
    // O_NONBLOCK: a pipe must be refused, not waited for.
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(join(directory, basename(path)), flags, FILE_MODE);
    const stats = await file.stat();
    if (stats.isFile() && stats.nlink === 1) return file;
    await file.close();
  } catch (error) {
    throw failure(error);
  }
  throw new ConnectorFailure("invalid_destination", "the path is not a regular file with one name");
}

/** Where the directory really is: below an allowed one, and none that everybody can plant files in. */
async function checkedDirectory(directory: string, roots: readonly string[]): Promise<string> {
  const real = await realpath(directory).catch((error: unknown) => {
    throw failure(error);
  });
  if (REFUSED_TREES.test(real))
    throw new ConnectorFailure("invalid_destination", "nothing is written to /proc, /dev or /sys");
  const allowed = await Promise.all(roots.map((root) => realpath(root).catch(() => undefined)));
  if (!allowed.some((root) => root !== undefined && isInside(real, root))) {
    throw new ConnectorFailure("invalid_destination", "the file is below no directory that --file-root allows");
  }
  const { mode } = await lstat(real);
  if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) {
    throw new ConnectorFailure("invalid_destination", "the file's directory can be written by everybody");
  }
  return real;
}

function isInside(directory: string, root: string): boolean {
  return directory === root || directory.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Only what is wrong with the name is final. */
function failure(error: unknown): ConnectorFailure {
  if (error instanceof ConnectorFailure) return error;
  const code = errorCodeOf(error) ?? "unknown";
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EROFS: "the file system is read-only",
    ENOENT: "the file's directory does not exist",
    EIO: "the disk reports an error",
  };
  if (code === "ELOOP")
    return new ConnectorFailure("invalid_destination", "the path is a symbolic link", { cause: error });
  if (code === "EISDIR" || code === "ENXIO" || code === "ENOTDIR") {
    return new ConnectorFailure("invalid_destination", "the path is not a regular file", { cause: error });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new ConnectorFailure("authorization", "the relay's process may not write this file", { cause: error });
  }
  return new ConnectorFailure("unavailable", `could not write the file: ${reasons[code] ?? code}`, { cause: error });
}
