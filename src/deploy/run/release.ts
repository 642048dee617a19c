/**
 * Gives back what a run holds on the server: the open transaction, then the advisory locks.
 *
 * It happens at every end of a run, also after an interrupt, so that a repeated command does not meet its own lock.
 * The end of the session would do the same a moment later; saying it makes sure that it has happened when we end, and
 * then nothing is left to wait for. Bounded: a server that does not answer keeps nobody waiting.
 */
import { within } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import { FLUSH, UNLOCK } from "../session/queries.ts";

/** 5 s, for a rollback of a large transaction. */
const RELEASE_BOUND_MS = 5_000;

const UNLOCK_ALL = "SELECT pg_catalog.pg_advisory_unlock_all();";

/** The server warns about a lock that is not ours; we say it in our own words. */
const QUIET = "SET client_min_messages = error;";

export interface Release {
  /** Whether the session has the objects of a deploy. */
  isPrepared: boolean;
  /** Whether all went well. Otherwise it is waited for that the server has ended the session, and nothing of it runs. */
  isSuccess: boolean;
}

/**
 * Rolls back what is open, unlocks, says goodbye. Never throws.
 * Returns whether the deploy lock was still ours; undefined when the server did not say.
 */
export async function releaseSession(
  session: Session,
  { isPrepared, isSuccess }: Release,
): Promise<boolean | undefined> {
  const rollback = session.transactionStatus() === "idle" ? "" : "ROLLBACK; ";
  const tags: string[] = [];
  const onStatement = (tag: string): void => {
    tags.push(tag);
  };
  // Durations that the server still keeps are told here, where they cost no round trip; last, because they may fail.
  const farewell = isPrepared ? ` ${FLUSH}` : "";
  const text = `${rollback}${QUIET} ${UNLOCK} ${UNLOCK_ALL}${farewell}`;
  await within(session.script(text, { onStatement }), RELEASE_BOUND_MS);
  await (isSuccess ? session.leave() : session.close());
  const unlocked = tags.find((tag) => tag.startsWith("SELECT"));
  return unlocked === undefined ? undefined : unlocked === "SELECT 1";
}
