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
 * not honoured until the rename is done, and a connection that breaks is made anew once: whether a statement whose
 * answer was lost took effect is looked up, never guessed.
 */
import { randomBytes } from "node:crypto";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { checkIdentifier, ident } from "../identifiers.ts";
import type { Session } from "../session.ts";
import { ServerError } from "../session.ts";
import { approveOverwrite } from "./approval.ts";
import type { DatabaseAttributes } from "./attributes.ts";
import { readDatabase } from "./attributes.ts";
import type { DatabaseAccess } from "./create.ts";
import {
  connectMaintenance,
  createDatabase,
  createRace,
  databaseFailure,
  hasNoRight,
  isCreateRace,
  prepareMaintenance,
} from "./create.ts";
import { createLike, differences, restoreAttributes, takeOver } from "./statements.ts";

interface OverwriteOptions extends Omit<DatabaseAccess, "report"> {
  force: boolean;
  /** Throws when the database must stay. Called on the maintenance session, before the question and once it is answered. */
  check?: (session: Session, original: DatabaseAttributes) => Promise<void>;
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
 * `check` and `connect` throw.
 */
export async function overwriteDatabase(options: OverwriteOptions): Promise<{ existed: boolean }> {
  const { database, maintenanceDatabase, context } = options;
  refuseProtected(database, maintenanceDatabase);
  await using link = await MaintenanceLink.open(() => connectMaintenance(options));
  const original = await readDatabase(link.session, database);
  if (!original) {
    context.report({ type: "database.creating", database });
    await createDatabase(link.session, database);
    return { existed: false };
  }
  await refuseOwnDatabase(link.session, database);
  await options.check?.(link.session, original);
  await approveOverwrite({ database, force: options.force, context });
  // The approval may have taken minutes.
  const current = (await readDatabase(link.session, database)) ?? original;
  await options.check?.(link.session, current);
  await recreate(link, current, context.signal);
  context.report({ type: "database.recreated", database });
  return { existed: true };
}

/** The session on the maintenance database, which can be replaced when it broke. */
class MaintenanceLink implements AsyncDisposable {
  session: Session;
  readonly #connect: () => Promise<Session>;

  private constructor(session: Session, connect: () => Promise<Session>) {
    this.session = session;
    this.#connect = connect;
  }

  static async open(connect: () => Promise<Session>): Promise<MaintenanceLink> {
    const link = new MaintenanceLink(await connect(), connect);
    await prepareMaintenance(link.session);
    return link;
  }

  async reconnect(): Promise<void> {
    await this.session.close();
    this.session = await this.#connect();
    await prepareMaintenance(this.session);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.session.close();
  }
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

async function recreate(link: MaintenanceLink, original: DatabaseAttributes, signal: AbortSignal): Promise<void> {
  const replacement = `pgkeep_new_${randomBytes(8).toString("hex")}`;
  try {
    await makeReplacement(link.session, replacement, original);
    signal.throwIfAborted();
  } catch (error) {
    throw await withoutReplacement(link, replacement, error);
  }
  const refusal = await dropOriginal(link, original);
  if (refusal !== undefined) throw await withoutReplacement(link, replacement, refusal);
  await renameReplacement(link, replacement, original);
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
  oid: "0",
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

/** Why the original is certainly still there; undefined when it is gone. Throws when neither is known. */
async function dropOriginal(link: MaintenanceLink, original: DatabaseAttributes): Promise<unknown> {
  const { name, isTemplate } = original;
  try {
    if (isTemplate) await link.session.script(`alter database ${ident(name)} is_template false`);
    await drop(link.session, name);
    return undefined;
  } catch (error) {
    if (error instanceof ServerError && error.sqlstate === INVALID_CATALOG_NAME) return createRace(name);
    if (isConnectionEnd(error) && (await isDropped(link, original))) return undefined;
    if (isTemplate) await link.session.script(`alter database ${ident(name)} is_template true`).catch(() => undefined);
    return databaseFailure(error, {
      message: `could not drop database "${name}"`,
      state: `nothing was dropped; database "${name}" is as before`,
    });
  }
}

/** Whether a drop whose answer was lost took effect. Throws when that cannot be known. */
async function isDropped(link: MaintenanceLink, { oid, name }: DatabaseAttributes): Promise<boolean> {
  try {
    await link.reconnect();
    const [left] = await link.session.query("select 1 from pg_catalog.pg_database where oid = $1", [oid]);
    return left === undefined;
  } catch (error) {
    throw new PgkeepError("DEPLOY_DATABASE_FAILED", `lost the connection while dropping database "${name}"`, {
      detail: "A new connection to find out how that ended could not be made.",
      hint: "Connect to the maintenance database and list the databases; one called pgkeep_new_... is the empty replacement.",
      state: `unknown: database "${name}" is either as before or dropped`,
      cause: error,
    });
  }
}

/** Whether the connection is gone, rather than one statement refused. */
function isConnectionEnd(error: unknown): boolean {
  if (!(error instanceof ServerError)) return true;
  return error.severity === "FATAL" || error.severity === "PANIC" || /^(08|57P0[1-5])/.test(error.sqlstate);
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

/** Removes what was made so far and returns `error`, which says what is left when that fails as well. */
async function withoutReplacement(link: MaintenanceLink, replacement: string, error: unknown): Promise<unknown> {
  try {
    await removeReplacement(link.session, replacement).catch(async () => {
      await link.reconnect();
      await removeReplacement(link.session, replacement);
    });
    return error;
  } catch {
    if (!(error instanceof PgkeepError)) return error;
    return error.with({ hint: `An empty database is left over: drop database ${ident(replacement)}` });
  }
}

async function removeReplacement(session: Session, replacement: string): Promise<void> {
  if (session.transactionStatus() !== "idle") await session.script("rollback");
  if (!(await exists(session, replacement))) return;
  await session.script(`alter database ${ident(replacement)} is_template false`);
  await session.script(`drop database ${ident(replacement)}`);
}

async function exists(session: Session, name: string): Promise<boolean> {
  const rows = await session.query("select 1 from pg_catalog.pg_database where datname = $1", [name]);
  return rows.length > 0;
}

async function renameReplacement(
  link: MaintenanceLink,
  replacement: string,
  original: DatabaseAttributes,
): Promise<void> {
  const statements = takeOver(replacement, original);
  try {
    await renameOnce(link, replacement, statements);
  } catch (error) {
    if (isCreateRace(error)) throw await withoutReplacement(link, replacement, createRace(original.name));
    throw new PgkeepError("DEPLOY_DATABASE_FAILED", `could not put the new database "${original.name}" in place`, {
      detail: [
        messageOf(error),
        "The replacement has every attribute. To finish, run in the maintenance database:",
        ...statements.map((statement) => `${statement};`),
      ].join("\n"),
      state: `database "${original.name}" is dropped; its empty replacement is called "${replacement}"`,
      sqlstate: error instanceof ServerError ? error.sqlstate : undefined,
      cause: error,
    });
  }
}

/** One transaction; tried again on a new connection when the first broke and the rename is not there. */
async function renameOnce(link: MaintenanceLink, replacement: string, statements: readonly string[]): Promise<void> {
  try {
    await link.session.script(statements.join("; "));
  } catch (error) {
    if (!isConnectionEnd(error)) throw error;
    await link.reconnect();
    if (await exists(link.session, replacement)) await link.session.script(statements.join("; "));
  }
}
