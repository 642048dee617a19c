/**
 * What became of a transaction whose connection broke before the server's answer arrived.
 *
 * The server keeps the fate of recent transactions by number. A new connection asks; while the server has not noticed
 * that the old connection is gone, the answer is "in progress", so it is asked a few times, and the old backend is told
 * to end, which also makes sure that no statement goes on unseen.
 *
 * The number comes from the server's announcement before COMMIT. When the connection broke before that, the old backend
 * often still runs: then its number is read from the server's list of activity. It is recognised by its process number
 * together with the deploy lock, because process numbers are used again. A number that was only read there proves a
 * rollback and no commit: the session cleans up at its end in a transaction of its own, whose number it may be.
 *
 * When the backend has ended without anybody having seen a number that tells, one thing can still be proved on a quiet
 * server: if nothing of the server committed since the last transaction known to be over, except for that cleaning up,
 * then this one was rolled back.
 */
import { sleep, within } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import {
  BACKEND_IS_GONE,
  END_LOST_DEPLOY,
  NOTHING_COMMITTED_SINCE,
  RUNNING_TRANSACTION,
  TRANSACTION_STATUS,
} from "../session/queries.ts";

/** 10 s in all: a failover takes longer, and then the person asks. */
const BOUND_MS = 10_000;
const ATTEMPTS = 10;
const PAUSE_MS = 300;

export interface LostTransaction {
  /** As the server announced it; digits. */
  transactionId: string | undefined;
  /** What the session left behind; undefined when nothing can be concluded from it. */
  traces: Traces | undefined;
  /** Process of the broken connection. */
  processId: number;
  connect: () => Promise<Session>;
}

export interface Traces {
  /** A transaction of the session that was over before the lost one began; digits. */
  lastTransaction: string;
  /** Oid of a temporary table that only the end of the session drops. */
  ownTable: string;
}

export type Fate = "committed" | "aborted";

/** undefined: nobody can say. In any case the old backend is told to end, when it is still there. */
export async function fateOf({ connect, ...lost }: LostTransaction): Promise<Fate | undefined> {
  return await within(askUntilSettled(lost, connect), BOUND_MS);
}

async function askUntilSettled(
  { transactionId: announced, traces, processId: process }: Omit<LostTransaction, "connect">,
  connect: () => Promise<Session>,
): Promise<Fate | undefined> {
  await using session = await connect();
  const processId = String(process);
  const transactionId = announced ?? (await ask(session, RUNNING_TRANSACTION, processId));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await ask(session, END_LOST_DEPLOY, processId).catch(() => undefined);
    const status = transactionId && (await ask(session, TRANSACTION_STATUS, transactionId));
    const isSure = status !== undefined && (status !== "committed" || announced !== undefined);
    const fate = isSure ? status : await rolledBackUnseen(session, { traces, processId });
    if (fate === "committed" || fate === "aborted") return fate;
    if (fate !== "in progress") return undefined;
    await sleep(PAUSE_MS);
  }
  return undefined;
}

/** "aborted" when that is certain, "in progress" while the backend is there. */
async function rolledBackUnseen(
  session: Session,
  { traces, processId }: { traces: Traces | undefined; processId: string },
): Promise<string | undefined> {
  if (traces === undefined) return undefined;
  // Asked first: a backend that is gone gets no further number.
  if ((await ask(session, BACKEND_IS_GONE, processId)) !== "t") return "in progress";
  const nothing = await ask(session, NOTHING_COMMITTED_SINCE, traces.lastTransaction, traces.ownTable);
  return nothing === "t" ? "aborted" : undefined;
}

/** The only value of a question's only row. */
async function ask(session: Session, question: string, ...values: string[]): Promise<string | undefined> {
  const [row] = await session.query(question, values);
  return Object.values(row ?? {})[0] ?? undefined;
}
