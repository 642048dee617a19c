/**
 * What became of a transaction whose connection broke before the server's answer arrived.
 *
 * The server keeps the fate of recent transactions by number. A new connection asks; while the server has not noticed
 * that the old connection is gone, the answer is "in progress", so it is asked a few times, and the old backend is told
 * to end, which also makes sure that no statement goes on unseen.
 */
import { sleep } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import { within } from "./limit.ts";

/** 10 s in all: a failover takes longer, and then the person asks. */
const BOUND_MS = 10_000;
const ATTEMPTS = 10;
const PAUSE_MS = 300;

export interface LostTransaction {
  /** As the server announced it; digits. */
  transactionId: string | undefined;
  /** Process of the broken connection. */
  processId: number;
  connect: () => Promise<Session>;
}

/** undefined: nobody can say. */
export async function fateOf({
  transactionId,
  processId,
  connect,
}: LostTransaction): Promise<"committed" | "aborted" | undefined> {
  if (transactionId === undefined || !/^\d{1,20}$/.test(transactionId)) return undefined;
  return await within(askUntilSettled(transactionId, processId, connect), BOUND_MS);
}

async function askUntilSettled(
  transactionId: string,
  processId: number,
  connect: () => Promise<Session>,
): Promise<"committed" | "aborted" | undefined> {
  await using session = await connect();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [row] = await session.query("select pg_catalog.txid_status($1::pg_catalog.int8) as status", [transactionId]);
    if (row?.status === "committed" || row?.status === "aborted") return row.status;
    if (row?.status !== "in progress") return undefined;
    await endBackend(session, transactionId, processId);
    await sleep(PAUSE_MS);
  }
  return undefined;
}

/** Ends the old backend, if it still is the one that runs this transaction: process numbers are used again. */
async function endBackend(session: Session, transactionId: string, processId: number): Promise<void> {
  await session
    .query(
      `select pg_catalog.pg_terminate_backend(a.pid)
         from pg_catalog.pg_stat_activity as a
        where a.pid = $1::pg_catalog.int4
          and a.usename = current_user
          and a.backend_xid::pg_catalog.text::pg_catalog.int8 = $2::pg_catalog.int8 % 4294967296`,
      [String(processId), transactionId],
    )
    .catch(() => undefined);
}
