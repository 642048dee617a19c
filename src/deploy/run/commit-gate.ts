/**
 * A check from outside that everything before the first COMMIT must pass before it is committed.
 *
 * With one, the head of the script is held open: what it does is sent as an explicit transaction without its end, then
 * the gate looks at the same session, and only then the end is sent. A refusal rolls everything back. What follows the
 * head is not held: statements that commit by themselves cannot be.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { ScriptOptions, Session } from "../../pg/session.ts";
import { maskSql } from "../../pg/sql-text/mask.ts";
import { endsTransaction, preparesTransaction, statementSpans } from "../script/statements.ts";

/** Throws to have everything rolled back. Leaves the session's transaction as it found it. */
export type CommitGate = (session: Session, signal: AbortSignal) => Promise<void>;

/** What the gate threw, so that it is not taken for the script's own failure. */
export class GateRefusal extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("the gate refused");
    this.reason = reason;
  }
}

export interface HeldHead {
  session: Session;
  /** The head as it would be sent without a gate. */
  text: string;
  gate: CommitGate;
  signal: AbortSignal;
}

const BEGINS = /^(?:begin|start\s+transaction)\b/i;

/** Sends the head in parts, with the gate before the last. Rejects with GateRefusal, or with what the server said. */
export async function sendHeld({ session, text, gate, signal }: HeldHead, options: ScriptOptions): Promise<void> {
  const mask = maskSql(text);
  const spans = statementSpans(text, mask);
  const end = spans.find((span) => endsTransaction(mask, span));
  const work = end ? text.slice(0, end.start) : text;
  const opens = spans.some(({ start }) => (!end || start < end.start) && BEGINS.test(mask.slice(start, start + 40)));
  // Before anything is sent: once prepared, the changes are out of our hands.
  if (preparesTransaction(text, mask)) throw new GateRefusal(nothingHeld());
  if (!opens) await session.script("begin");
  await session.script(work, options);
  // What waits for the commit would run behind the gate's back: deferred triggers run now, and fail now if they do.
  if (session.transactionStatus() === "transaction") await session.script("set constraints all immediate");
  await pass({ session, gate, signal });
  // A transaction that the script opened and never ends is its own mistake, and is told as without a gate.
  if (end) await session.script(text.slice(end.start), options);
  else if (!opens) await session.script("commit", options);
}

async function pass({ session, gate, signal }: Omit<HeldHead, "text">): Promise<void> {
  try {
    if (session.transactionStatus() !== "transaction") throw nothingHeld();
    await gate(session, signal);
  } catch (error) {
    // A broken connection is a matter of its own: nothing was committed, and there is nobody to tell.
    if (error instanceof PgkeepError && error.code.startsWith("CONNECT_")) throw error;
    if (session.transactionStatus() !== "idle") await session.script("rollback");
    throw new GateRefusal(error);
  }
}

function nothingHeld(): PgkeepError {
  return new PgkeepError(
    "ACCESS_VERIFY_FAILED",
    "deploy.sql ended its transaction in a way that the gate cannot hold",
    {
      detail: "PREPARE TRANSACTION takes the changes out of the session before anything can look at them.",
      hint: "Commit in deploy.sql with COMMIT, or deploy without the gate.",
    },
  );
}
