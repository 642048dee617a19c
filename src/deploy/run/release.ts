/**
 * Gives back what a run holds on the server: the open transaction, then the advisory locks.
 *
 * It happens at every end of a run, also after an interrupt, so that a repeated command does not meet its own lock.
 * Closing the session would do the same a moment later; saying it makes sure that it has happened when we end. Bounded:
 * a server that does not answer keeps nobody waiting.
 */
import type { Session } from "../../pg/session.ts";
import { within } from "./limit.ts";

/** 5 s, for a rollback of a large transaction. */
const RELEASE_BOUND_MS = 5_000;

const UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all()";

/** Never throws. */
export async function releaseSession(session: Session): Promise<void> {
  const isOpen = session.transactionStatus() !== "idle";
  await within(session.script(isOpen ? `ROLLBACK; ${UNLOCK}` : UNLOCK), RELEASE_BOUND_MS);
  await session.close();
}
