/**
 * Gives back what a run holds on the server: the open transaction, then the advisory locks.
 *
 * It happens at every end of a run, also after an interrupt, so that a repeated command does not meet its own lock.
 * Closing the session would do the same a moment later; saying it makes sure that it has happened when we end. Bounded:
 * a server that does not answer keeps nobody waiting.
 */
import type { Session } from "../../pg/session.ts";
import { FLUSH } from "../session/queries.ts";
import { within } from "./limit.ts";

/** 5 s, for a rollback of a large transaction. */
const RELEASE_BOUND_MS = 5_000;

const UNLOCK = "SELECT pg_catalog.pg_advisory_unlock_all();";

/** Rolls back what is open, unlocks, closes. Never throws. `isPrepared`: the session has the objects of a deploy. */
export async function releaseSession(session: Session, isPrepared: boolean): Promise<void> {
  const rollback = session.transactionStatus() === "idle" ? "" : "ROLLBACK; ";
  // Durations that the server still keeps are told here, where they cost no round trip; last, because they may fail.
  const farewell = isPrepared ? ` ${FLUSH}` : "";
  await within(session.script(`${rollback}${UNLOCK}${farewell}`), RELEASE_BOUND_MS);
  await session.close();
}
