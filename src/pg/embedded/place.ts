/**
 * Where the embedded server of a directory keeps its things, and what was last written down about it.
 *
 *   .pgkeep/            ours; others can neither read nor enter (the server's account may pass through)
 *     .gitignore        keeps all of it out of git
 *     db.json           the record below
 *     pgpass            the superuser's password in libpq's password file format, 0600
 *     ca.crt            what clients of the loopback port verify the server with
 *     db/               the data directory
 *     run/              the socket
 *
 * When root hands the server to an account that cannot reach `.pgkeep`, the data directory lies below /var/lib/pgkeep.
 * When a socket's path would be too long for the system, the socket lies in the directory for temporary files.
 *
 * The record is a convenience: whoever it is lost to can find the server again through the data directory's own
 * postmaster.pid. So a record that cannot be read counts as none.
 */
import { createHash } from "node:crypto";
import { chmod, chown, lstat, mkdir, mkdtemp, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { errorCodeOf, messageOf, PgkeepError } from "../../base/errors.ts";
import { exists, makeOwnDirectory, readGuarded, refuseUnsafeDirectory, replacePrivateFile } from "./guarded-files.ts";
import type { ProcessRecord } from "./process-identity.ts";
import { blockedAt, type ServerAccount } from "./server-account.ts";

export interface Place {
  /** `.pgkeep`, absolute, links resolved. */
  stateDirectory: string;
  recordFile: string;
  lockFile: string;
  passwordFile: string;
  authorityFile: string;
}

/** What db.json holds, with the keys it has there. */
export interface ServerRecord {
  format: 1;
  data_dir: string;
  socket_dir: string;
  port: number;
  /** Whether the server also listens on 127.0.0.1. */
  loopback: boolean;
  form: "foreground" | "background";
  /** The postmaster. */
  server: ProcessRecord;
  /** The shell that started it; it ends after everything that belongs to the server. */
  supervisor: ProcessRecord;
  /** The process that a foreground server dies with. */
  owner: ProcessRecord;
}

/** The place of `directory`. Throws CONFIG_VALUE_INVALID when there is no such directory. */
export async function placeOf(directory: string): Promise<Place> {
  const root = await realpath(directory).catch((error: unknown) => {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "cannot use the directory of the embedded server", {
      detail: errorCodeOf(error) === "ENOENT" ? "It does not exist." : "It cannot be entered.",
      hint: "Name an existing directory of yours with --dir.",
      state: "nothing was started",
    });
  });
  const stateDirectory = join(root, ".pgkeep");
  const inside = (name: string): string => join(stateDirectory, name);
  return {
    stateDirectory,
    recordFile: inside("db.json"),
    lockFile: inside("db.lock"),
    passwordFile: inside("pgpass"),
    authorityFile: inside("ca.crt"),
  };
}

/** Makes `.pgkeep` and its .gitignore, closed to everybody but us and the server's account. */
export async function prepareStateDirectory({ stateDirectory }: Place, account: ServerAccount): Promise<void> {
  try {
    await mkdir(stateDirectory, { mode: 0o700 });
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw unwritable(stateDirectory, error);
  }
  await refuseUnsafeDirectory(stateDirectory);
  if (account.isForeign) await chown(stateDirectory, process.getuid?.() ?? 0, account.gid);
  await chmod(stateDirectory, account.isForeign ? 0o710 : 0o700);
  try {
    await writeFile(join(stateDirectory, ".gitignore"), "*\n", { flag: "wx" });
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

function unwritable(path: string, cause: unknown): PgkeepError {
  return new PgkeepError("FILE_WRITE_FAILED", `could not make the directory "${path}"`, {
    detail: messageOf(cause),
    hint: "Name a directory that you can write to with --dir.",
    state: "nothing was started",
    cause,
  });
}

/** The data directory to use: the one that is there, else where a new one belongs. */
export async function dataDirectoryFor(place: Place, account: ServerAccount): Promise<string> {
  const existing = await existingDataDirectory(place);
  if (existing !== undefined) return existing;
  const near = join(place.stateDirectory, "db");
  if (!account.isForeign || (await blockedAt(place.stateDirectory, account)) === undefined) return near;
  const [first = near, ...others] = distantParents(place);
  for (const parent of [first, ...others]) {
    if (await canHold(parent, account)) return join(parent, "db");
  }
  throw new PgkeepError("DB_DIRECTORY_UNSAFE", "no place for the embedded server's data", {
    detail: `${account.name} cannot enter ${place.stateDirectory}, and ${first} cannot be made.`,
    hint: "Work in a directory that other accounts may pass through, or run as an ordinary user.",
    state: "nothing was started",
  });
}

/**
 * The data directory that is there already; undefined when there is none. Found by the project's path and never by the
 * record: the record of a copied project names the original's data.
 */
export async function existingDataDirectory(place: Place): Promise<string | undefined> {
  for (const parent of [place.stateDirectory, ...distantParents(place)]) {
    if (await exists(join(parent, "db"))) return join(parent, "db");
  }
  return undefined;
}

/** Where root's data lies when the server's account cannot reach the project. Named by the project's path. */
function distantParents({ stateDirectory }: Place): string[] {
  if (process.getuid?.() !== 0) return [];
  const name = nameOf(stateDirectory);
  return [join("/var/lib/pgkeep", name), join(tmpdir(), `pgkeep-data-${name}`)];
}

function nameOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}

async function canHold(directory: string, account: ServerAccount): Promise<boolean> {
  try {
    if (dirname(directory) !== tmpdir()) await makeOwnDirectory(dirname(directory), 0o711);
    await makeOwnDirectory(directory, 0o711);
    return (await blockedAt(directory, account)) === undefined;
  } catch {
    return false;
  }
}

/** 103 bytes and a zero byte is the shortest limit of the systems we know (macOS; Linux allows 107). */
const MAX_SOCKET_PATH_BYTES = 103;

/** A directory for the socket that only the server's account enters (and root). Its name stays the same where it can. */
export async function prepareSocketDirectory(place: Place, dataDir: string, account: ServerAccount): Promise<string> {
  const near = join(dataDir, "..", "run");
  const short = join(tmpdir(), `pgkeep-${nameOf(place.stateDirectory)}`);
  for (const directory of [near, short]) {
    if (Buffer.byteLength(join(directory, ".s.PGSQL.65535")) > MAX_SOCKET_PATH_BYTES) continue;
    if (await claimSocketDirectory(directory, account)) return directory;
  }
  // Somebody squats on the name: any other will do.
  const directory = await mkdtemp(join(tmpdir(), "pgkeep-"));
  if (account.isForeign) await chown(directory, account.uid, account.gid);
  return directory;
}

async function claimSocketDirectory(directory: string, account: ServerAccount): Promise<boolean> {
  try {
    await mkdir(directory, { mode: 0o700 });
    if (account.isForeign) await chown(directory, account.uid, account.gid);
    return true;
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
  const status = await lstat(directory);
  return status.isDirectory() && status.uid === account.uid && (status.mode & 0o077) === 0;
}

export async function readRecord({ recordFile }: Place): Promise<ServerRecord | undefined> {
  try {
    const record: unknown = JSON.parse((await readGuarded(recordFile)) ?? "");
    return isServerRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

export async function writeRecord({ recordFile }: Place, record: ServerRecord): Promise<void> {
  await replacePrivateFile(recordFile, `${JSON.stringify(record, undefined, 2)}\n`);
}

function isServerRecord(value: unknown): value is ServerRecord {
  if (!isObject(value) || value.format !== 1) return false;
  const texts = [value.data_dir, value.socket_dir];
  return (
    texts.every((text) => typeof text === "string" && text.startsWith("/")) &&
    Number.isInteger(value.port) &&
    typeof value.loopback === "boolean" &&
    (value.form === "foreground" || value.form === "background") &&
    [value.server, value.supervisor, value.owner].every(isProcessRecord)
  );
}

function isProcessRecord(value: unknown): boolean {
  return isObject(value) && Number.isInteger(value.pid) && typeof value.started === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
