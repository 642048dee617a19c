/** Gives one role a password, outside of any plan: the way of `access password ROLE`. */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { passwordRejected } from "./failures.ts";
import { refuseForeignCode } from "./foreign-code.ts";
import {
  comparePasswords,
  type FingerprintCheck,
  type RolePassword,
  sendVerifiers,
  setPasswordStatement,
  statisticsExposure,
  verifierOf,
} from "./passwords.ts";

export interface SetPasswordOptions {
  iterations?: number | undefined;
  /** Set it even when the role has it. */
  rotate: boolean;
  check?: FingerprintCheck | undefined;
  warn: (message: string) => void;
}

/** What became of it: "unchanged" when the role is known to have this password. */
export type PasswordOutcome = "set" | "unchanged";

const STATE = "nothing was changed";

/**
 * Sets the password in a transaction of its own. Throws ACCESS_PASSWORD_REJECTED, ACCESS_RIGHT_MISSING, and
 * CONFIG_VALUE_INVALID when there is no such role.
 */
export async function setPassword(
  session: Session,
  password: RolePassword,
  { iterations, rotate, check, warn }: SetPasswordOptions,
): Promise<PasswordOutcome> {
  const states = await comparePasswords(session, new Map([[password.role, password]]), check);
  const state = states.get(password.role);
  if (state === undefined) throw noSuchRole(password.role);
  if (state === "same" && !rotate) return "unchanged";
  const exposure = await statisticsExposure(session);
  if (exposure !== undefined) warn(exposure);
  const verifier = verifierOf(password, iterations);
  try {
    await session.script("begin transaction read write; set local lock_timeout = 3000");
    // The table that the verifier waits in is a definition too.
    await refuseForeignCode(session, STATE);
    await sendVerifiers(session, [{ statement: 1, role: password.role, verifier }], warn);
    await session.script(setPasswordStatement(1));
    await session.script("commit");
  } catch (error) {
    if (session.transactionStatus() !== "idle") await session.script("rollback").catch(() => undefined);
    throw error instanceof ServerError ? refused(password.role, error) : error;
  }
  return "set";
}

function noSuchRole(role: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", `there is no role "${tameLine(role)}"`, {
    hint: "Names of roles compare exactly, capitals included: pgkeep access report lists them.",
    state: STATE,
  });
}

function refused(role: string, error: ServerError): PgkeepError {
  if (error.sqlstate !== "55P03") return passwordRejected(role, error, { state: STATE });
  return new PgkeepError("ACCESS_LOCK_TIMEOUT", `another session is changing role "${tameLine(role)}"`, {
    detail: "It did not end within 3 s.",
    hint: "Run it again.",
    sqlstate: error.sqlstate,
    state: STATE,
  });
}
