/**
 * What became of a transaction whose COMMIT was sent and not answered.
 *
 * The server keeps the fate of recent transactions by number. While the old backend has not noticed that its client is
 * gone the answer is "in progress", so it is asked a few times, and the old backend is told to end: it may hold locks on
 * tables for hours. It is recognised by its process number together with the lock of the run, because process numbers are
 * used again.
 */
import { sleep, within } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";
import { APPLY_LOCK } from "./lock.ts";

/** 10 s in all: a failover takes longer, and then the person asks. */
const BOUND_MS = 10_000;
const ATTEMPTS = 20;
const PAUSE_MS = 250;

const STATUS = "select pg_catalog.pg_xact_status($1::xid8) as status";

const END_LOST_RUN = `
  select pg_catalog.pg_terminate_backend(l.pid)
    from pg_catalog.pg_locks as l
   where l.pid operator(pg_catalog.=) $1::int
     and l.locktype operator(pg_catalog.=) 'advisory'
     and l.classid operator(pg_catalog.=) ${APPLY_LOCK[0]}::oid
     and l.objid operator(pg_catalog.=) ${APPLY_LOCK[1]}::oid
     and l.granted`;

export interface LostCommit {
  /** pg_current_xact_id, digits. */
  id: string;
  /** Process of the broken connection. */
  processId: number;
  open: () => Promise<Session>;
  /** Default BOUND_MS. */
  boundMs?: number | undefined;
}

type Fate = "committed" | "aborted";

/** undefined: nobody can say, because the server is away or does not answer; the person finds out with access plan. */
export async function fateOf({ boundMs = BOUND_MS, ...lost }: LostCommit): Promise<Fate | undefined> {
  return await within(askUntilSettled(lost), boundMs);
}

async function askUntilSettled({ id, processId, open }: LostCommit): Promise<Fate | undefined> {
  await using session = await open();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [row] = await session.query(STATUS, [id]);
    if (row?.status === "committed" || row?.status === "aborted") return row.status;
    await session.query(END_LOST_RUN, [String(processId)]).catch(() => undefined);
    await sleep(PAUSE_MS);
  }
  return undefined;
}
