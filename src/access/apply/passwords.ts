/**
 * The passwords that a model asks for: resolved, compared with what the server has, turned into verifiers.
 *
 * A password never leaves the process, and its verifier leaves it only towards the server, as COPY data (set_password.sql
 * says why). A verifier has a random salt, so two of one password differ: whether a role already has its password is
 * found by hashing again with the server's own salt where pg_authid may be read, else by the fingerprint that was kept
 * when this program last set it, else it is unknown. An unknown password is not set on every run, only on --rotate.
 */
import { randomBytes } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import { registerSecret, Secret } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { isReference, resolveReferences } from "../../config/references.ts";
import {
  isScramVerifier,
  MAX_SCRAM_ITERATIONS,
  matchesScramVerifier,
  parseScramVerifier,
  SCRAM_SALT_BYTES,
  scramVerifier,
} from "../../pg/scram.ts";
import type { Session } from "../../pg/session.ts";
import type { AccessModel } from "../model/model.ts";
import { sqlFile } from "./sql-files.ts";

/** What is known of one role's password. "unset": the server says that it has none. */
export type PasswordState = "same" | "different" | "unset" | "unknown";

/** A password of the model. `secret` may be a verifier, which is then used as it is. */
export interface RolePassword {
  role: string;
  secret: Secret;
}

export interface SecretSources {
  environment: Readonly<Record<string, string | undefined>>;
  secretRoots: readonly string[];
}

/**
 * Resolves every password that the model names.
 *
 * Throws CONFIG_REFERENCE_UNRESOLVED, ACCESS_VERIFIER_INVALID for a value that is nearly a verifier, CONFIG_VALUE_INVALID
 * for an empty password and for one that clients would prepare in different ways. All before anything is sent.
 */
export async function resolvePasswords(model: AccessModel, sources: SecretSources): Promise<Map<string, RolePassword>> {
  const passwords = new Map<string, RolePassword>();
  for (const { name, password, state } of model.roles.values()) {
    if (password === undefined || state === "absent") continue;
    const of = `the password of role "${tameLine(name)}"`;
    if (!isReference(password)) {
      throw new PgkeepError("ACCESS_MODEL_INVALID", `${of} is not a reference`, {
        hint: "Write it as ${env:NAME} or ${file:/path}; a model never holds a password.",
        state: "nothing was started",
      });
    }
    const secret = new Secret(await resolveReferences(password, { ...sources, of }));
    checkPassword(name, secret);
    passwords.set(name, { role: name, secret });
  }
  return passwords;
}

/** Texts that a server would read as an encoded password, or that somebody meant to be one. */
const ENCODED = /^(?:SCRAM-SHA-256\$|md5[0-9a-f]{32}$)/i;

/** Refuses what cannot be made into a verifier, or what would be taken for one and is none. */
export function checkPassword(role: string, secret: Secret): void {
  const text = secret.expose();
  if (isScramVerifier(text)) return;
  const of = `the password of role "${tameLine(role)}"`;
  if (ENCODED.test(text)) {
    throw new PgkeepError("ACCESS_VERIFIER_INVALID", `${of} looks like a verifier and is none`, {
      detail:
        "A server would take it for a password in clear text, or keep an MD5 hash that any reader can log in with.",
      hint: "Give the password itself, or print a verifier with: pgkeep access password",
      state: "nothing was started",
    });
  }
  try {
    verifierOf({ role, secret });
  } catch (error) {
    if (!(error instanceof PgkeepError)) throw error;
    throw new PgkeepError(error.code, `${of} cannot be used: ${error.message}`, error.parts);
  }
}

/** The verifier to send; a new salt each time. */
export function verifierOf({ secret }: RolePassword, iterations?: number): Secret {
  if (isScramVerifier(secret.expose())) return secret;
  return scramVerifier(secret, { salt: randomBytes(SCRAM_SALT_BYTES), iterations });
}

/** Says whether a kept fingerprint of the role is that of the secret; undefined when none is kept. */
export type FingerprintCheck = (role: string, oid: number, secret: Secret) => boolean | undefined;

const STORED = `
  select r.rolname as role, r.oid::text as oid, a.rolpassword as verifier
    from pg_catalog.pg_roles as r
    left join pg_catalog.pg_authid as a on a.oid operator(pg_catalog.=) r.oid
   where r.rolname operator(pg_catalog.=) any (array(select j.value from pg_catalog.jsonb_array_elements_text($1::jsonb) as j))`;

const KNOWN = `
  select r.rolname as role, r.oid::text as oid
    from pg_catalog.pg_roles as r
   where r.rolname operator(pg_catalog.=) any (array(select j.value from pg_catalog.jsonb_array_elements_text($1::jsonb) as j))`;

const MAY_READ =
  "select pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select')::text as allowed";

/**
 * What is known of each password on the server. Roles that do not exist are left out.
 *
 * A verifier that costs more hashes than our own connections accept is not computed again: "different" would be a guess
 * and hours of work a trap, so it is "unknown".
 */
export async function comparePasswords(
  session: Session,
  passwords: ReadonlyMap<string, RolePassword>,
  hasFingerprint: FingerprintCheck = () => undefined,
): Promise<Map<string, PasswordState>> {
  const states = new Map<string, PasswordState>();
  if (passwords.size === 0) return states;
  const [right] = await session.query(MAY_READ);
  const mayRead = right?.allowed === "true";
  const names = JSON.stringify([...passwords.keys()]);
  for (const row of await session.query(mayRead ? STORED : KNOWN, [names])) {
    const role = row.role ?? "";
    const secret = passwords.get(role)?.secret;
    if (secret === undefined) continue;
    const state = mayRead ? storedState(secret, row.verifier ?? null) : undefined;
    states.set(role, state ?? keptState(hasFingerprint(role, Number(row.oid), secret)));
  }
  return states;
}

function storedState(secret: Secret, stored: string | null): PasswordState {
  if (stored === null || stored === "") return "unset";
  registerSecret(stored);
  if (isScramVerifier(secret.expose())) return secret.expose() === stored ? "same" : "different";
  const verifier = parseScramVerifier(stored);
  if (!verifier) return "different";
  if (verifier.iterations > MAX_SCRAM_ITERATIONS) return "unknown";
  return matchesScramVerifier(secret, verifier) ? "same" : "different";
}

function keptState(isKept: boolean | undefined): PasswordState {
  if (isKept === undefined) return "unknown";
  return isKept ? "same" : "different";
}

/** A verifier on its way: the number of the statement that it belongs to, and whose it is. */
export interface AddressedVerifier {
  statement: number;
  role: string;
  verifier: Secret;
}

const MAY_CREATE_TABLES =
  "select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'temporary')::text as allowed";

/**
 * Brings the verifiers to the server, inside the transaction that is open.
 *
 * As COPY data of a temporary table. A role that may make none hands them over as a bound value instead, which a server
 * that logs statements writes down: `warn` is then called when it does.
 */
export async function sendVerifiers(
  session: Session,
  verifiers: readonly AddressedVerifier[],
  warn: (message: string) => void,
): Promise<void> {
  if (verifiers.length === 0) return;
  const [right] = await session.query(MAY_CREATE_TABLES);
  if (right?.allowed !== "true") return await bindVerifiers(session, verifiers, warn);
  const table = sqlFile("password_table.sql");
  const columns = "statement, role, verifier";
  await session.script(`${table}\ncopy pg_temp.pgkeep_passwords (${columns}) from stdin;`, {
    copyData: [[Buffer.from(verifiers.map(copyLine).join(""), "utf8")]],
  });
}

const copyLine = ({ statement, role, verifier }: AddressedVerifier): string =>
  `${statement}\t${copyText(role)}\t${copyText(verifier.expose())}\n`;

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const copyText = (text: string): string => text.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character);

async function bindVerifiers(
  session: Session,
  verifiers: readonly AddressedVerifier[],
  warn: (message: string) => void,
): Promise<void> {
  const reason = await keptBecause(session);
  if (reason !== undefined)
    warn(
      `the server's log keeps password verifiers of this run, because this role may make no temporary table there and ${reason}`,
    );
  const value = Object.fromEntries(
    verifiers.map(({ statement, role, verifier }) => [String(statement), [role, verifier.expose()]]),
  );
  await session.query("select pg_catalog.set_config('pgkeep.passwords', $1, true) is null", [JSON.stringify(value)]);
}

const LOGGING = `
  select s.name, s.setting
    from pg_catalog.pg_settings as s
   where s.name operator(pg_catalog.=) any (array['log_statement', 'log_min_duration_statement', 'log_min_duration_sample',
                                                  'log_transaction_sample_rate', 'log_parameter_max_length'])`;

/** Which setting makes the server log the values of statements; undefined when none does. */
async function keptBecause(session: Session): Promise<string | undefined> {
  const settings = new Map((await session.query(LOGGING)).map(({ name, setting }) => [name, setting ?? ""]));
  if (settings.get("log_parameter_max_length") === "0") return undefined;
  const logs: Readonly<Record<string, (value: string) => boolean>> = {
    log_statement: (value) => value === "all",
    log_min_duration_statement: (value) => Number(value) >= 0,
    log_min_duration_sample: (value) => Number(value) >= 0,
    log_transaction_sample_rate: (value) => Number(value) > 0,
  };
  for (const [name, keeps] of Object.entries(logs)) {
    const value = settings.get(name);
    if (value !== undefined && keeps(value)) return `${name} is ${value}`;
  }
  return undefined;
}

/** The statement that stands for ALTER ROLE ... PASSWORD: it takes the verifier that waits under this number. */
export function setPasswordStatement(statement: number): string {
  return sqlFile("set_password.sql")
    .replace("v_statement constant int := 0;", `v_statement constant int := ${statement};`)
    .replace(/;\s*$/, "");
}

const STATISTICS = `
  select pg_catalog.current_setting('pg_stat_statements.track', true) as track,
         pg_catalog.current_setting('is_superuser') as superuser`;

/** Says what this server would keep of a verifier in spite of everything; undefined: nothing. For warnings. */
export async function statisticsExposure(session: Session): Promise<string | undefined> {
  const [row] = await session.query(STATISTICS);
  if (row?.track !== "all" || row.superuser === "on") return undefined;
  return "pg_stat_statements.track is all, so that view keeps password verifiers of this run; a superuser can reset it";
}
