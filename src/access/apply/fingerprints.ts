/**
 * What this program remembers of the passwords that it set, for servers that do not let it look.
 *
 * Managed services show pg_authid to nobody. Without a memory every run would either set every password again or never
 * notice a new one. Kept is a fingerprint: HMAC-SHA-256 under a random key, over the password stretched by PBKDF2, so
 * that who steals the file must guess as slowly as with a verifier. It says what was set last from here, not what the
 * server has now.
 */
import { createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { Secret } from "../../base/secrets.ts";
import { checkOutputFile, writeOutputFile } from "../../config/output-file.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import type { FingerprintCheck } from "./passwords.ts";

/** 100,000 hashes, 40 ms: twenty-five times what one guess at a server's own verifier costs. */
const ITERATIONS = 100_000;
const KEY_BYTES = 32;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const READABLE_BY_OTHERS = 0o077;

interface State {
  version: 1;
  /** Base64. */
  key: string;
  /** "host:port/role oid" to the fingerprint, base64. An oid, because a role that was made anew has no password yet. */
  fingerprints: Record<string, string>;
}

export interface Fingerprints {
  check: FingerprintCheck;
  /** Remembers; written by `save`. */
  set(role: { oid: number }, secret: Secret): void;
  /** Throws FILE_WRITE_FAILED. */
  save(): void;
}

/** `$XDG_STATE_HOME/pgkeep/passwords.json`, by default below ~/.local/state; undefined where there is no home. */
export function fingerprintFile(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_STATE_HOME: configured, HOME: home } = environment;
  const isConfigured = configured !== undefined && isAbsolute(configured);
  const base = isConfigured ? configured : home && isAbsolute(home) ? join(home, ".local", "state") : undefined;
  return base === undefined ? undefined : join(base, "pgkeep", "passwords.json");
}

/**
 * The memory of `path` about the server at `place` ("host:port"). A file that is missing, damaged or readable by others is
 * passed over, which makes passwords unknown and never wrong; `warn` says so.
 */
export async function readFingerprints(
  path: string,
  place: string,
  warn: (message: string) => void,
): Promise<Fingerprints> {
  const state = (await readState(path, warn)) ?? {
    version: 1 as const,
    key: randomBytes(KEY_BYTES).toString("base64"),
    fingerprints: {},
  };
  const known = new Map(Object.entries(state.fingerprints));
  const nameOf = (oid: number): string => `${place}/${oid}`;
  return {
    check: (_, oid, secret) => {
      const kept = known.get(nameOf(oid));
      return kept === undefined ? undefined : kept === fingerprintOf(state.key, secret);
    },
    set: ({ oid }, secret) => known.set(nameOf(oid), fingerprintOf(state.key, secret)),
    save: () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      checkOutputFile(path);
      writeOutputFile(path, `${JSON.stringify({ ...state, fingerprints: Object.fromEntries(known) }, null, 2)}\n`);
    },
  };
}

function fingerprintOf(key: string, secret: Secret): string {
  const salt = Buffer.from(key, "base64");
  const stretched = pbkdf2Sync(secret.expose(), salt, ITERATIONS, KEY_BYTES, "sha256");
  return createHmac("sha256", salt).update(stretched).digest("base64");
}

async function readState(path: string, warn: (message: string) => void): Promise<State | undefined> {
  try {
    const bytes = await readRegularFile(path, {
      maxBytes: MAX_FILE_BYTES,
      inspect: ({ mode, uid }) => {
        const self = process.geteuid?.();
        if (self === undefined) return;
        if (uid !== self || (mode & READABLE_BY_OTHERS) !== 0) throw new FileRefusal("is not its owner's alone");
      },
    });
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isState(value)) return value;
    warn("the file of password fingerprints is damaged, so passwords are unknown where the server does not show them");
  } catch (error) {
    if (error instanceof FileRefusal && error.systemCode === "ENOENT") return undefined;
    const reason = error instanceof FileRefusal ? error.message : "cannot be read";
    warn(`the file of password fingerprints ${reason}, so it is not used`);
  }
  return undefined;
}

function isState(value: unknown): value is State {
  if (typeof value !== "object" || value === null) return false;
  if (!("version" in value && "key" in value && "fingerprints" in value)) return false;
  const { version, key, fingerprints } = value;
  if (version !== 1 || typeof key !== "string" || typeof fingerprints !== "object" || fingerprints === null)
    return false;
  return Object.values(fingerprints).every((entry) => typeof entry === "string");
}
