/**
 * Files and directories that another account may have had its hands on.
 *
 * When root starts the server, the data directory belongs to the server's account. Whatever takes over that account
 * could plant links there and wait for root to follow them. So files are created new and given away by descriptor,
 * and read without following links, only when regular, and only up to a bound.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { PgkeepError } from "../../base/errors.ts";
import type { ServerAccount } from "./server-account.ts";

/** 1 MiB: far above any file that is read here whole. */
const MAX_READ_BYTES = 1 << 20;

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Replaces `path` by a file of mode 0600 that belongs to `account`, or to the caller without one. */
export async function writePrivateFile(path: string, content: string, account?: ServerAccount): Promise<void> {
  await rm(path, { force: true });
  await using file = await open(path, "wx", 0o600);
  if (account?.isForeign) await file.chown(account.uid, account.gid);
  await file.writeFile(content);
}

/** As `writePrivateFile` for the caller's own directories: readers see the old or the new content, never a part. */
export async function replacePrivateFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await writePrivateFile(temporary, content);
  await rename(temporary, path);
}

/** The last bytes of a regular file, at most `maxBytes`; undefined when it is absent, unreadable, or something else. */
export async function readGuarded(path: string, maxBytes = MAX_READ_BYTES): Promise<string | undefined> {
  try {
    // O_NONBLOCK: a named pipe in the file's place must not hold us.
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return undefined;
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(maxBytes),
      0,
      maxBytes,
      Math.max(0, status.size - maxBytes),
    );
    return buffer.subarray(0, bytesRead).toString("utf8");
  } catch {
    return undefined;
  }
}

/**
 * A directory of ours with exactly that mode, whatever the umask says. Throws DB_DIRECTORY_UNSAFE when it is somebody
 * else's or others can write to it.
 */
export async function makeOwnDirectory(directory: string, mode: number): Promise<void> {
  await mkdir(directory, { recursive: true, mode });
  await refuseUnsafeDirectory(directory);
  await chmod(directory, mode);
}

/** Throws DB_DIRECTORY_UNSAFE when `directory` is a link, belongs to none of `owners`, or is writable by others. */
export async function refuseUnsafeDirectory(directory: string, owners = [process.getuid?.()]): Promise<void> {
  const status = await lstat(directory);
  const isWindows = process.platform === "win32";
  const isOurs = isWindows || owners.includes(status.uid);
  const isWritableByOthers = !isWindows && (status.mode & 0o022) !== 0;
  if (status.isDirectory() && isOurs && !isWritableByOthers) return;
  throw new PgkeepError("DB_DIRECTORY_UNSAFE", `cannot use "${directory}" for the embedded server`, {
    detail: isOurs ? "It is not a directory, or others can write to it." : "It belongs to another user.",
    hint: isOurs ? "Make it a directory of its own, and take the right away with chmod go-w." : "Run as its owner.",
    state: "nothing was started",
  });
}

/**
 * Removes a data directory. Its content is removed as the account that owns it, so that a link planted half-way costs
 * that account's files and not ours.
 */
export async function removeDataDirectory(directory: string, account: ServerAccount): Promise<void> {
  if (!(await exists(directory))) return;
  if (account.isForeign) {
    const child = spawn("/bin/rm", ["-rf", "--", directory], {
      uid: account.uid,
      gid: account.gid,
      cwd: "/",
      stdio: "ignore",
    });
    await once(child, "close");
    await rmdir(directory).catch(() => undefined);
  } else {
    await rm(directory, { recursive: true, force: true });
  }
  if (!(await exists(directory))) return;
  throw new PgkeepError("FILE_WRITE_FAILED", `could not remove "${directory}"`, { hint: "Remove it by hand." });
}
