/**
 * Replaces a database by an empty one that has all of its attributes.
 *
 * The replacement is made first, under a name of its own and closed to connections, given every attribute, and compared
 * with the original. Only then is the original dropped and the replacement renamed. So whatever cannot be preserved
 * (a grantor we may not become, a tablespace without room, a label whose provider is not loaded) ends the command with
 * the original untouched, and the one step that can fail after the drop is a rename that can be repeated by hand.
 *
 *   checked -> approved -> replacement made -> replacement equal -> original dropped -> replacement renamed
 *
 * A failure before "dropped" removes the replacement; one after it says what to run. From the drop on, an interrupt is
 * not honoured until the rename is done.
 */
import { randomBytes } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { checkIdentifier, ident } from "../identifiers.ts";
import type { Session } from "../session.ts";
import { ServerError } from "../session.ts";
import { approveOverwrite } from "./approval.ts";
import type { DatabaseAttributes } from "./attributes.ts";
import { readDatabase } from "./attributes.ts";
import type { DatabaseAccess } from "./create.ts";
import { createDatabase, createRace, databaseFailure, hasNoRight, isCreateRace, prepareMaintenance } from "./create.ts";
import { createLike, differences, restoreAttributes, takeOver } from "./statements.ts";

interface OverwriteOptions extends Omit<DatabaseAccess, "report"> {
  force: boolean;
  context: Pick<OperationContext, "prompt" | "report" | "signal" | "environment">;
}

/** DROP DATABASE ... WITH (FORCE), which ends other sessions and drops as one step. */
const FORCE_VERSION = 130_000;

const INVALID_CATALOG_NAME = "3D000";

/**
 * Drops and recreates the target; creates it, without a question, when it does not exist.
 *
 * Reports `database.creating`, or what approval reports and then `database.recreated`. Throws
 * DEPLOY_OVERWRITE_REFUSED, DEPLOY_OVERWRITE_UNAPPROVED, DEPLOY_CREATE_RACE, DEPLOY_DATABASE_FAILED and what
 * `connect` throws.
 */
export async function overwriteDatabase(options: OverwriteOptions): Promise<{ existed: boolean }> {
  const { database, maintenanceDatabase, connect, context } = options;
  refuseProtected(database, maintenanceDatabase);
  await using session = await connect(maintenanceDatabase);
  await prepareMaintenance(session);
  const original = await readDatabase(session, database);
  if (!original) {
    context.report({ type: "database.creating", database });
    await createDatabase(session, database);
    return { existed: false };
  }
  await refuseOwnDatabase(session, database);
  await approveOverwrite({ database, force: options.force, context });
  // The approval may have taken minutes.
  const current = await readDatabase(session, database);
  await recreate(session, current ?? original, context.signal);
  context.report({ type: "database.recreated", database });
  return { existed: true };
}

/** The maintenance database, in any case of letters, and the templates are never dropped. */
function refuseProtected(database: string, maintenanceDatabase: string): void {
  checkIdentifier(database, "database");
  const protectedNames = [maintenanceDatabase, "template0", "template1"].map((name) => name.toLowerCase());
  if (protectedNames.includes(database.toLowerCase())) throw refused(database);
}

/** A pooler may lead two names to one database. */
async function refuseOwnDatabase(session: Session, database: string): Promise<void> {
  const [row] = await session.query("select pg_catalog.current_database() as name");
  if (row?.name === database) throw refused(database);
}

function refused(database: string): PgkeepError {
  return new PgkeepError("DEPLOY_OVERWRITE_REFUSED", `refusing to drop database "${database}"`, {
    detail: "It is the maintenance database or a template of the server.",
    hint: "Name another target with -d, or another maintenance database.",
    state: "nothing was dropped",
  });
}

async function recreate(session: Session, original: DatabaseAttributes, signal: AbortSignal): Promise<void> {
  const replacement = `pgkeep_new_${randomBytes(8).toString("hex")}`;
  try {
    await makeReplacement(session, replacement, original);
    signal.throwIfAborted();
    await dropOriginal(session, original);
  } catch (error) {
    throw await withoutReplacement(session, replacement, error);
  }
  await renameReplacement(session, replacement, original);
}

async function makeReplacement(session: Session, name: string, original: DatabaseAttributes): Promise<void> {
  const template1 = await readDatabase(session, "template1");
  // Without template1 everything is said explicitly, by comparing with a database that agrees in nothing.
  const create = createLike({ name, like: original, template1: template1 ?? NO_TEMPLATE });
  await attempt(session, create, original.name);
  await attempt(session, "begin", original.name);
  for (const statement of restoreAttributes(name, original)) await attempt(session, statement, original.name);
  await attempt(session, "commit", original.name);
  const made = await readDatabase(session, name);
  const different = made ? differences(made, original) : ["all"];
  if (different.length > 0) throw notReproducible(original.name, different);
}

const NO_TEMPLATE: DatabaseAttributes = {
  name: "",
  owner: "",
  encoding: "",
  localeProvider: undefined,
  collate: "",
  characterType: "",
  locale: undefined,
  icuRules: undefined,
  tablespace: "",
  connectionLimit: -1,
  allowsConnections: true,
  isTemplate: false,
  acl: undefined,
  settings: [],
  comment: undefined,
  labels: [],
};

async function attempt(session: Session, statement: string, database: string): Promise<void> {
  try {
    await session.script(statement);
  } catch (error) {
    throw databaseFailure(error, {
      message: `could not prepare the replacement of database "${database}"`,
      detail: `The statement was: ${statement}`,
      state: `nothing was dropped; database "${database}" is as before`,
      hint: hasNoRight(error) ? "Connect as a role that may run the statement, or take the attribute away." : undefined,
    });
  }
}

function notReproducible(database: string, attributes: readonly string[]): PgkeepError {
  return new PgkeepError("DEPLOY_DATABASE_FAILED", `could not reproduce every attribute of database "${database}"`, {
    detail: `Different in the replacement: ${attributes.join(", ")}.`,
    hint: "Connect as a superuser, or drop the database by hand.",
    state: `nothing was dropped; database "${database}" is as before`,
  });
}

async function dropOriginal(session: Session, { name, isTemplate }: DatabaseAttributes): Promise<void> {
  try {
    if (isTemplate) await session.script(`alter database ${ident(name)} is_template false`);
    await drop(session, name);
  } catch (error) {
    if (error instanceof ServerError && error.sqlstate === INVALID_CATALOG_NAME) throw createRace(name);
    if (isTemplate) await session.script(`alter database ${ident(name)} is_template true`).catch(() => undefined);
    throw databaseFailure(error, {
      message: `could not drop database "${name}"`,
      state: `nothing was dropped; database "${name}" is as before`,
    });
  }
}

async function drop(session: Session, name: string): Promise<void> {
  if (session.serverVersion >= FORCE_VERSION) {
    await session.script(`drop database ${ident(name)} with (force)`);
    return;
  }
  await session.query(
    "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = $1",
    [name],
  );
  await session.script(`drop database ${ident(name)}`);
}

/** Removes what was made so far. When that fails as well, the error says what is left. */
async function withoutReplacement(session: Session, replacement: string, error: unknown): Promise<unknown> {
  try {
    if (session.transactionStatus() !== "idle") await session.script("rollback");
    const [left] = await session.query("select 1 from pg_catalog.pg_database where datname = $1", [replacement]);
    if (!left) return error;
    await session.script(`alter database ${ident(replacement)} is_template false`);
    await session.script(`drop database ${ident(replacement)}`);
    return error;
  } catch {
    if (!(error instanceof PgkeepError)) return error;
    return error.with({ hint: `An empty database is left over: drop database ${ident(replacement)}` });
  }
}

async function renameReplacement(session: Session, replacement: string, original: DatabaseAttributes): Promise<void> {
  const statements = takeOver(replacement, original);
  try {
    await session.script(statements.join("; "));
  } catch (error) {
    if (isCreateRace(error)) throw await withoutReplacement(session, replacement, createRace(original.name));
    throw new PgkeepError("DEPLOY_DATABASE_FAILED", `could not put the new database "${original.name}" in place`, {
      detail: [
        error instanceof ServerError ? error.message : "The connection broke.",
        "The replacement has every attribute. To finish, run in the maintenance database:",
        ...statements.map((statement) => `${statement};`),
      ].join("\n"),
      state: `database "${original.name}" is dropped; its empty replacement is called "${replacement}"`,
      sqlstate: error instanceof ServerError ? error.sqlstate : undefined,
      cause: error,
    });
  }
}
