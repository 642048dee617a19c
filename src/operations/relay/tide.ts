/**
 * The way of a relay command to schema tide: a session, a look whether the schema is there, and the server's refusals in
 * our words.
 */
import { type ErrorCode, PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { shellWord } from "../../base/shell.ts";
import { settingsFields } from "../../config/input.ts";
import { connectionFields } from "../../pg/connect/input.ts";
import { ident } from "../../pg/identifiers.ts";
import { ServerError, type Session, type SessionTarget } from "../../pg/session.ts";
import { type Server, type ServerRequest, serverOf } from "../server/connect.ts";

/** The input fields that say which database; every relay command has them. */
export function targetFields(z: ZodNamespace) {
  return { ...settingsFields(z), ...connectionFields(z) };
}

/**
 * For a superuser's session: a login that can act as the owner of schema tide and so chooses what its functions and
 * views do, with the rights of whoever uses them. NULL otherwise. For a query's list of columns.
 */
export const TRESPASSER = `(
  select l.rolname
    from pg_catalog.pg_namespace as t
    join pg_catalog.pg_roles as o on o.oid = t.nspowner and not o.rolsuper
    join pg_catalog.pg_roles as s on s.rolname = current_user and s.rolsuper
    join pg_catalog.pg_roles as l
      on l.rolcanlogin and not l.rolsuper and l.rolname <> current_user
     and pg_catalog.pg_has_role(l.oid, t.nspowner, 'member')
   where t.nspname = 'tide'
   order by l.rolname
   limit 1)`;

/** Out of the catalogs: to_regclass and its like fail for a role that may not use the schema. */
const INSTALLED = `
  select exists (select from pg_catalog.pg_class as c
                  where c.relnamespace = n.oid and c.relname = 'relay_dlq') as has_tables,
         exists (select from pg_catalog.pg_proc as f
                  where f.pronamespace = n.oid and f.proname = 'relay_commit') as is_current,
         pg_catalog.has_schema_privilege(n.oid, 'usage') as may_use,
         ${TRESPASSER} as trespasser
    from pg_catalog.pg_namespace as n
   where n.nspname = 'tide'`;

/**
 * Throws RELAY_NOT_INSTALLED when the schema is not there or too old, RELAY_RIGHT_MISSING without its USAGE, and
 * RELAY_SCHEMA_FOREIGN where using it would lend a superuser's rights to somebody.
 */
export async function requireTide(session: Session): Promise<void> {
  const [found] = await session.query(INSTALLED);
  if (found?.trespasser != null) {
    throw new PgkeepError("RELAY_SCHEMA_FOREIGN", `schema "tide" is in the hands of role "${found.trespasser}"`, {
      detail: "That role chooses what the functions there do, and they would run with a superuser's rights.",
      hint: "Connect as a role that was granted tide_reader, or as the schema's owner.",
      state: "nothing was started",
    });
  }
  if (found !== undefined && found.may_use !== "t") {
    throw new PgkeepError("RELAY_RIGHT_MISSING", `role "${session.target.user}" may not use schema tide`, {
      hint: `Grant it one of the tide_ roles: grant tide_reader to ${ident(session.target.user)};`,
      state: "nothing was started",
    });
  }
  if (found?.has_tables === "t" && found.is_current === "t") return;
  const isOld = found?.has_tables === "t";
  throw new PgkeepError(
    "RELAY_NOT_INSTALLED",
    isOld
      ? `schema tide of database "${session.target.database}" is of an older version`
      : `database "${session.target.database}" has no schema tide`,
    {
      hint: installHint(session.target),
      state: "nothing was started",
    },
  );
}

/** Names the database, so that what is pasted does not make the schema in another one. */
const installHint = ({ database }: Target): string =>
  `Make or upgrade it: pgkeep relay install -d ${shellWord(database)}`;

/** Runs `work` on a session of the target with schema tide in it. */
export async function withTide<Result>(
  request: ServerRequest,
  context: OperationContext,
  work: (session: Session, server: Server) => Promise<Result>,
): Promise<Result> {
  const server = await serverOf(request, context);
  await using session = await server.open();
  await requireTide(session);
  return await inOurWords(session, () => work(session, server));
}

/** What schema tide calls its refusals, in its errors' DETAIL. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  PGTIDE_OUTBOX_NOT_FOUND: "RELAY_OUTBOX_UNKNOWN",
  PGTIDE_INBOX_NOT_FOUND: "RELAY_OUTBOX_UNKNOWN",
  PGTIDE_RELAY_NOT_FOUND: "RELAY_PIPELINE_UNKNOWN",
  PGTIDE_PUBLISH_DENIED: "RELAY_RIGHT_MISSING",
  PGTIDE_AUTHORIZATION_FAILED: "RELAY_RIGHT_MISSING",
};

/** Of no use to whoever works with the relay by commands, and they would name our own statements. */
const SCHEMA_STATES: ReadonlySet<string> = new Set(["42P01", "42883", "42703", "3F000"]);

type Target = Pick<SessionTarget, "user" | "database">;

/** Runs `work`; what the server refuses becomes a failure with a code. `role`: the one that has all rights it needs. */
export async function inOurWords<Result>(
  { target, role }: { target: Target; role?: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServerError) throw failureOf(error, target, role);
    throw error;
  }
}

function failureOf(error: ServerError, target: Target, role: string | undefined): PgkeepError {
  const { sqlstate, message, detail, hint } = error;
  const machineCode = /^PGTIDE_[A-Z_]+/.exec(detail ?? "")?.[0];
  const parts = { sqlstate, hint, state: "nothing was changed", cause: error };
  const code = machineCode === undefined ? undefined : CODES[machineCode];
  if (code !== undefined) return new PgkeepError(code, message, { ...parts, detail });
  if (sqlstate === "42501")
    return new PgkeepError("RELAY_RIGHT_MISSING", message, {
      ...parts,
      hint: hint ?? rightsHint(target, role),
    });
  if (SCHEMA_STATES.has(sqlstate))
    return new PgkeepError(
      "RELAY_NOT_INSTALLED",
      `schema tide of database "${target.database}" is of another version`,
      {
        ...parts,
        detail: message,
        hint: installHint(target),
      },
    );
  return new PgkeepError("RELAY_SQL_FAILED", message, { ...parts, detail });
}

function rightsHint({ user }: Target, role: string | undefined): string {
  if (role !== undefined) return `Grant the role that has them: grant ${role} to ${ident(user)};`;
  return `Ask for one of the roles tide_reader, tide_operator, tide_publisher, tide_relay or tide_admin for "${user}".`;
}
