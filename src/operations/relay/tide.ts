/**
 * The way of a relay command to schema tide: a session, a look whether the schema is there, and the server's refusals in
 * our words.
 */
import { type ErrorCode, PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { settingsFields } from "../../config/input.ts";
import { connectionFields } from "../../pg/connect/input.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { type Server, type ServerRequest, serverOf } from "../server/connect.ts";

/** The input fields that say which database; every relay command has them. */
export function targetFields(z: ZodNamespace) {
  return { ...settingsFields(z), ...connectionFields(z) };
}

const INSTALLED = `
  select pg_catalog.to_regnamespace('tide') is not null as has_schema,
         pg_catalog.to_regclass('tide.relay_dlq') is not null as has_tables,
         pg_catalog.to_regproc('tide.relay_commit') is not null as is_current,
         coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('tide')::oid, 'usage'), false) as may_use`;

/** Throws RELAY_NOT_INSTALLED when the schema is not there or too old, RELAY_RIGHT_MISSING without its USAGE. */
export async function requireTide(session: Session): Promise<void> {
  const [found] = await session.query(INSTALLED);
  if (found?.has_schema === "t" && found.may_use !== "t") {
    throw new PgkeepError("RELAY_RIGHT_MISSING", `role "${session.target.user}" may not use schema tide`, {
      hint: `grant tide_reader to "${session.target.user}"; or another of the tide_ roles`,
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
      hint: "Make or upgrade it: pgkeep relay install",
      state: "nothing was started",
    },
  );
}

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

/** Runs `work`; what the server refuses becomes a failure with a code. */
export async function inOurWords<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ServerError) throw failureOf(error, session);
    throw error;
  }
}

function failureOf(error: ServerError, { target }: Session): PgkeepError {
  const { sqlstate, message, detail, hint } = error;
  const machineCode = /^PGTIDE_[A-Z_]+/.exec(detail ?? "")?.[0];
  const parts = { sqlstate, hint, state: "nothing was changed", cause: error };
  const code = machineCode === undefined ? undefined : CODES[machineCode];
  if (code !== undefined) return new PgkeepError(code, message, { ...parts, detail });
  if (sqlstate === "42501")
    return new PgkeepError("RELAY_RIGHT_MISSING", message, {
      ...parts,
      hint:
        hint ??
        `Ask for one of the roles tide_reader, tide_operator, tide_publisher, tide_relay or tide_admin for "${target.user}".`,
    });
  if (SCHEMA_STATES.has(sqlstate))
    return new PgkeepError(
      "RELAY_NOT_INSTALLED",
      `schema tide of database "${target.database}" is of another version`,
      {
        ...parts,
        detail: message,
        hint: "Make or upgrade it: pgkeep relay install",
      },
    );
  return new PgkeepError("RELAY_SQL_FAILED", message, { ...parts, detail });
}
