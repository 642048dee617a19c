/**
 * Makes sure that the target database exists.
 *
 * The target itself is tried first, so that a role with nothing but CONNECT on it needs no other database. Only the
 * server's word that there is no such database leads to the maintenance database and CREATE DATABASE.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { checkIdentifier, ident } from "../identifiers.ts";
import type { Session } from "../session.ts";
import { ServerError } from "../session.ts";

export interface DatabaseAccess {
  /** The target. */
  database: string;
  /** Where CREATE and DROP DATABASE are sent from. */
  maintenanceDatabase: string;
  /** Opens a session on a database of the server. Throws CONNECT_DATABASE_MISSING for SQLSTATE 3D000. */
  connect: (database: string) => Promise<Session>;
  report: (event: ProgressEvent) => void;
}

/**
 * A session on the target, which is created with the server's defaults when it does not exist.
 *
 * Reports `database.creating`. Throws what `connect` throws, DEPLOY_CREATE_RACE when somebody else created it in the
 * same moment, DEPLOY_DATABASE_FAILED.
 */
export async function ensureDatabase(access: DatabaseAccess): Promise<{ session: Session; created: boolean }> {
  checkIdentifier(access.database, "database");
  const session = await connectIfExists(access);
  if (session) return { session, created: false };
  const created = await createMissing(access);
  return { session: await access.connect(access.database), created };
}

async function connectIfExists({ connect, database, maintenanceDatabase }: DatabaseAccess) {
  try {
    return await connect(database);
  } catch (error) {
    const isMissing = error instanceof PgkeepError && error.code === "CONNECT_DATABASE_MISSING";
    if (isMissing && database !== maintenanceDatabase) return undefined;
    throw error;
  }
}

async function createMissing(access: DatabaseAccess): Promise<boolean> {
  const { database, report } = access;
  await using session = await connectMaintenance(access);
  await prepareMaintenance(session);
  const [known] = await session.query("select 1 from pg_catalog.pg_database where datname = $1", [database]);
  if (known) return false;
  report({ type: "database.creating", database });
  await createDatabase(session, database);
  return true;
}

/** A session on the maintenance database. Throws what `connect` throws. */
export async function connectMaintenance({
  connect,
  maintenanceDatabase,
}: Pick<DatabaseAccess, "connect" | "maintenanceDatabase">): Promise<Session> {
  try {
    return await connect(maintenanceDatabase);
  } catch (error) {
    if (!(error instanceof PgkeepError) || error.code !== "CONNECT_DATABASE_MISSING") throw error;
    // The hint of the connection says that a deploy creates it, which is true of the target only.
    const hint =
      "Databases are created and dropped from there. Name one that exists: in the connection string beside -d, or as connection.maintenance_database.";
    throw new PgkeepError(error.code, error.message, { ...error.parts, hint, cause: error });
  }
}

/** CREATE DATABASE with the server's defaults. */
export async function createDatabase(session: Session, database: string): Promise<void> {
  try {
    await session.script(`create database ${ident(database)}`);
  } catch (error) {
    throw createFailure(error, database, session.target.user);
  }
}

/** Settings of the maintenance database or role must not decide what our statements mean or when they end. */
export async function prepareMaintenance(session: Session): Promise<void> {
  await session.script(
    "set search_path = pg_catalog; set statement_timeout = 0; set lock_timeout = 0; set default_transaction_read_only = off",
  );
}

const DUPLICATE_DATABASE = "42P04";
const UNIQUE_VIOLATION = "23505";
const INSUFFICIENT_PRIVILEGE = "42501";

/** Whether the server says that a database of that name has just appeared. */
export function isCreateRace(error: unknown): boolean {
  return error instanceof ServerError && (error.sqlstate === DUPLICATE_DATABASE || error.sqlstate === UNIQUE_VIOLATION);
}

export function createRace(database: string): PgkeepError {
  return new PgkeepError("DEPLOY_CREATE_RACE", `database "${database}" was created by somebody else meanwhile`, {
    hint: "Run the command again.",
    state: "nothing was started",
  });
}

function createFailure(error: unknown, database: string, role: string): unknown {
  if (isCreateRace(error)) return createRace(database);
  // Whether a CREATE whose answer was lost took effect is not known, and the next run will see.
  if (error instanceof PgkeepError) return error;
  return databaseFailure(error, {
    message: `could not create database "${database}"`,
    state: "nothing was created",
    hint: hasNoRight(error) ? `Have an administrator run: alter role ${ident(role)} createdb` : undefined,
  });
}

export function hasNoRight(error: unknown): boolean {
  return error instanceof ServerError && error.sqlstate === INSUFFICIENT_PRIVILEGE;
}

export interface FailureText {
  message: string;
  state: string;
  /** Added to the server's own detail. */
  detail?: string | undefined;
  hint?: string | undefined;
}

/**
 * DEPLOY_DATABASE_FAILED with the server's words. Other failures (a lost connection) stay what they are and say our
 * state, which is known better here.
 */
export function databaseFailure(error: unknown, text: FailureText): unknown {
  if (error instanceof PgkeepError) {
    return new PgkeepError(error.code, error.message, { ...error.parts, state: text.state, cause: error });
  }
  if (!(error instanceof ServerError)) return error;
  return new PgkeepError("DEPLOY_DATABASE_FAILED", text.message, {
    detail: [error.message, error.detail, text.detail].filter(Boolean).join("\n"),
    hint: text.hint ?? error.hint,
    state: text.state,
    sqlstate: error.sqlstate,
    cause: error,
  });
}
