/**
 * Which account of this machine the embedded server runs as.
 *
 * PostgreSQL refuses to run as root. An ordinary user runs it as themselves. Root hands it to an account without
 * rights: the one that was asked for, else "postgres", else "nobody". The account needs an entry in the user database,
 * because initdb looks its own name up, and every directory above the data directory must let it pass.
 */
import { execFile } from "node:child_process";
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { PgkeepError } from "../../base/errors.ts";

const run = promisify(execFile);

export interface ServerAccount {
  name: string;
  uid: number;
  gid: number;
  /** False when the server runs as the caller. Then nothing has to change its owner. */
  isForeign: boolean;
}

/** The accounts root falls back to, in this order. "nobody" last: other services share it. */
const UNPRIVILEGED = ["postgres", "nobody"] as const;

/**
 * The account for the server of this process.
 *
 * Throws DB_USER_UNAVAILABLE when `wanted` cannot be used, when root has no account to hand the server to, and when
 * the caller's own uid has no entry in the user database.
 */
export async function serverAccount(wanted?: string): Promise<ServerAccount> {
  const uid = process.getuid?.();
  // Windows has no uids; its server drops rights by itself.
  if (uid === undefined) return { name: "", uid: 0, gid: 0, isForeign: false };
  return uid === 0 ? accountForRoot(wanted) : accountOfCaller(uid, wanted);
}

async function accountForRoot(wanted: string | undefined): Promise<ServerAccount> {
  for (const name of wanted === undefined ? UNPRIVILEGED : [wanted]) {
    const ids = await idsOf(name);
    if (ids && ids.uid !== 0) return { name, ...ids, isForeign: true };
  }
  throw new PgkeepError("DB_USER_UNAVAILABLE", "no unprivileged account to run PostgreSQL as", {
    detail: wanted === undefined ? "Neither postgres nor nobody exists here." : "The account asked for cannot be used.",
    hint: "Run as an ordinary user, or name an existing account other than root with --as.",
    state: "nothing was started",
  });
}

async function accountOfCaller(uid: number, wanted: string | undefined): Promise<ServerAccount> {
  const name = await nameOf(uid);
  if (name === undefined || (wanted !== undefined && wanted !== name)) {
    throw new PgkeepError("DB_USER_UNAVAILABLE", "cannot run PostgreSQL as this account", {
      detail:
        name === undefined
          ? `User id ${uid} has no entry in the user database, and initdb looks its name up.`
          : "Only root can hand the server to another account.",
      hint: name === undefined ? "Add the user to /etc/passwd, or run as one that is there." : "Leave --as out.",
      state: "nothing was started",
    });
  }
  return { name, uid, gid: process.getgid?.() ?? 0, isForeign: false };
}

/** `id` rather than reading /etc/passwd: accounts may come from LDAP or Directory Services. */
async function idsOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  // A leading hyphen would be an option of `id`, a number another way to name a uid.
  if (!/^[a-z_][a-z0-9_.-]{0,63}$/i.test(name)) return undefined;
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function nameOf(uid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run("id", ["-nu"]);
    const name = stdout.trim();
    // Some systems print the number when there is no name.
    return name === "" || name === String(uid) ? undefined : name;
  } catch {
    return undefined;
  }
}

/** The nearest directory, `path` itself included, that the account may not pass through; undefined when it can reach `path`. */
export async function blockedAt(path: string, account: ServerAccount): Promise<string | undefined> {
  for (let directory = path, below = ""; directory !== below; below = directory, directory = dirname(directory)) {
    const status = await lstat(directory).catch(() => undefined);
    if (status && !mayPass(status, account)) return directory;
  }
  return undefined;
}

function mayPass(status: { mode: number; uid: number; gid: number }, account: ServerAccount): boolean {
  if (status.uid === account.uid) return (status.mode & 0o100) !== 0;
  if (status.gid === account.gid) return (status.mode & 0o010) !== 0;
  return (status.mode & 0o001) !== 0;
}
