/**
 * A session in which fixes are planned and applied: the login's own role, and no limits that a database's owner planted.
 *
 * The audit and the scripts go by the login's role, whatever role is stored for it (ALTER ROLE or ALTER DATABASE ... SET
 * role), and RESET ROLE in a plan of access has to come back to it as well. A stored limit of a millisecond would end a
 * statement, or the session, while settings are half applied. Only what a session begins with is safe from both; it is sent
 * on a second attempt only, because poolers refuse what they do not know.
 */
import { PgkeepError } from "../../base/errors.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { limitsOff, type OpenSession } from "../run/enter.ts";

const IS_PLAIN = `
  select current_user = session_user
         and not exists (
           select from pg_catalog.pg_settings as s
            where s.name in ('statement_timeout', 'idle_session_timeout', 'transaction_timeout')
              and s.source in ('database', 'user', 'database user')
              and s.setting <> '0') as plain`;

/** Opens such a session. Throws what `open` throws. */
export async function enterFixSession(open: OpenSession, database: string): Promise<Session> {
  const session = await open(database);
  const major = Math.trunc(session.serverVersion / 10_000);
  if (await isPlain(session)) return session;
  await session.close();
  return await open(database, { role: "none", ...limitsOff(major) });
}

/** A session that is ended before its first answer is not. */
async function isPlain(session: Session): Promise<boolean> {
  try {
    const [row] = await session.query(IS_PLAIN);
    return row?.plain === "t";
  } catch (error) {
    if (error instanceof ServerError || error instanceof PgkeepError) return false;
    throw error;
  }
}
