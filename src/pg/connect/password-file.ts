/**
 * The password file: one line per connection, `host:port:database:user:password`, the first that matches counts.
 *
 * A file that others can read is not used, because whoever can read it already has the passwords and the owner should
 * learn of it.
 *
 * Source: PostgreSQL 18 manual, section 32.16 "The Password File".
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCodeOf } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";

export interface PasswordEntry {
  host: string;
  port: string;
  database: string;
  user: string;
  password: Secret;
}

export interface PasswordQuery {
  host: string;
  port: number;
  database: string;
  user: string;
}

/** 1 MiB: thousands of lines. */
const MAX_FILE_BYTES = 2 ** 20;

/** Where libpq looks for sockets when no host is given; entries for them are written as "localhost". */
const DEFAULT_SOCKET_DIRECTORIES = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/** The password file's usual place; undefined when there is no home directory. */
export function defaultPasswordFile(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (process.platform === "win32") {
    return environment.APPDATA ? join(environment.APPDATA, "postgresql", "pgpass.conf") : undefined;
  }
  return environment.HOME ? join(environment.HOME, ".pgpass") : undefined;
}

/** The file's entries, none when it does not exist or may not be used; the reason for the latter goes to `warn`. */
export async function readPasswordFile(path: string, warn: (message: string) => void): Promise<PasswordEntry[]> {
  const ignore = (reason: string, remedy = ""): PasswordEntry[] => {
    warn(`password file "${path}" is ignored: ${reason}${remedy}`);
    return [];
  };
  const file = await openIfThere(path);
  if (file === undefined) return [];
  if (typeof file === "string") return ignore(file);
  await using opened = file;
  const { mode, size } = await opened.stat();
  if ((mode & 0o170000) !== 0o100000) return ignore("it is not a regular file");
  if (size > MAX_FILE_BYTES) return ignore("it is larger than 1 MiB");
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    return ignore("group or others have access to it", `; run: chmod 0600 ${path}`);
  }
  return parsePasswordFile(await opened.readFile("utf8"));
}

async function openIfThere(path: string) {
  try {
    // Without O_NONBLOCK a named pipe in its place would hold us for ever.
    return await open(path, READ_WITHOUT_BLOCKING);
  } catch (error) {
    const code = errorCodeOf(error);
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : "it cannot be read";
  }
}

// O_RDONLY | O_NONBLOCK of Linux; other systems open without it.
const READ_WITHOUT_BLOCKING = process.platform === "linux" ? 0o4000 : 0;

/** Entries in order. Comments, empty lines and lines with too few fields are passed over, as libpq does. */
export function parsePasswordFile(text: string): PasswordEntry[] {
  const entries: PasswordEntry[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = splitFields(line);
    const [host, port, database, user, password] = fields;
    if (host === undefined || port === undefined || database === undefined) continue;
    if (user === undefined || password === undefined) continue;
    entries.push({ host, port, database, user, password: new Secret(unescapeField(password)) });
  }
  return entries;
}

/** Fields at unescaped colons, still escaped so that `\*` is not the wildcard. A fifth field goes to the next colon. */
function splitFields(line: string): string[] {
  return [...line.matchAll(/((?:[^:\\]|\\.|\\$)*)(?::|$)/gs)].map(([, field]) => field ?? "").slice(0, 5);
}

function unescapeField(field: string): string {
  return field.replace(/\\(.)/gs, "$1");
}

/** The password of the first entry that matches. */
export function findPassword(entries: readonly PasswordEntry[], query: PasswordQuery): Secret | undefined {
  const hosts = DEFAULT_SOCKET_DIRECTORIES.includes(query.host) ? [query.host, "localhost"] : [query.host];
  const matches = (field: string, values: readonly string[]) => field === "*" || values.includes(unescapeField(field));
  return entries.find(
    (entry) =>
      matches(entry.host, hosts) &&
      matches(entry.port, [String(query.port)]) &&
      matches(entry.database, [query.database]) &&
      matches(entry.user, [query.user]),
  )?.password;
}

/**
 * Stores a password: its line becomes the first, an older one with the same four fields goes, all others stay as they are.
 * A sibling file with mode 0600 is written and renamed, so that no reader meets half of it and none but the owner
 * meets any.
 */
export async function storePassword(path: string, entry: PasswordEntry): Promise<void> {
  const key = [entry.host, entry.port, entry.database, entry.user].map(escapeField).join(":");
  const old = await readFile(path, "utf8").catch((error: unknown) => {
    if (errorCodeOf(error) === "ENOENT") return "";
    throw error;
  });
  const kept = old.split(/\r?\n/).filter((line) => splitFields(line).slice(0, 4).join(":") !== key);
  const text = [`${key}:${escapeField(entry.password.expose())}`, ...kept].join("\n");
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const sibling = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(sibling, text.endsWith("\n") ? text : `${text}\n`, { mode: 0o600, flag: "wx" });
    await rename(sibling, path);
  } catch (error) {
    await rm(sibling, { force: true });
    throw error;
  }
}

/** A field as the file writes it; the wildcard stays one. */
function escapeField(field: string): string {
  return field.replace(/[\\:]/g, "\\$&");
}
