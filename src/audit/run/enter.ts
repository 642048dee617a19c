/**
 * A session for auditing, also where the owner of a database planted time limits against whoever looks.
 *
 * A limit of one millisecond ends the first statement, or the session before its first statement, so nothing that is
 * said inside can lift it. Settings of the startup packet win over a database's and hold from the first moment. They are
 * sent on a second attempt only, because poolers refuse what they do not know.
 */
import { PgkeepError } from "../../base/errors.ts";
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";
import { beginAuditSession, STATEMENT_TIMEOUT_MS } from "../facts/audit-session.ts";

/** Opens a session on the target's own database, or another; `startup` are settings that it begins with. */
export type OpenSession = (database?: string, startup?: Readonly<Record<string, string>>) => Promise<Session>;

export interface AuditSession {
  session: Session;
  /** The settings that it began with. */
  settings: readonly TextRow[];
}

/** Throws what `open` throws, and what the server answered to our first statements. */
export async function enterSession(open: OpenSession, database?: string): Promise<AuditSession> {
  const session = await open(database);
  try {
    return { session, settings: await beginAuditSession(session) };
  } catch (error) {
    await session.close();
    return await enterUnhurried(open, { database, error, major: Math.trunc(session.serverVersion / 10_000) });
  }
}

interface FirstAttempt {
  database: string | undefined;
  error: unknown;
  major: number;
}

async function enterUnhurried(open: OpenSession, { database, error, major }: FirstAttempt): Promise<AuditSession> {
  if (!(error instanceof ServerError) && !(error instanceof PgkeepError)) throw error;
  const startup = limitsOff(major);
  const session = await open(database, startup).catch(() => {
    throw error;
  });
  try {
    const settings = await beginAuditSession(session);
    // Ours now, and whatever the database planted is behind it: it has values of its own.
    return { session, settings: settings.map((row) => (isOneOf(startup, row) ? { ...row, source: "database" } : row)) };
  } catch (again) {
    await session.close();
    throw again;
  }
}

/** Limits that a database's owner may plant, as a session has to begin so that they do not count. */
export function limitsOff(major: number): Record<string, string> {
  return {
    statement_timeout: String(STATEMENT_TIMEOUT_MS),
    ...(major >= 14 ? { idle_session_timeout: "0" } : {}),
    ...(major >= 17 ? { transaction_timeout: "0" } : {}),
  };
}

function isOneOf(startup: Readonly<Record<string, string>>, { name, source }: TextRow): boolean {
  return source === "client" && Object.hasOwn(startup, name ?? "");
}
