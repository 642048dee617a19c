/**
 * What became of a transaction whose COMMIT was sent and not answered.
 *
 * The server keeps the fate of recent transactions by number. While the old backend has not noticed that its client is
 * gone the answer is "in progress", so it is asked a few times.
 */
import { sleep } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";

const ATTEMPTS = 20;
const PAUSE_MS = 250;

const STATUS = "select pg_catalog.pg_xact_status($1::xid8) as status";

export interface LostCommit {
  /** pg_current_xact_id, digits. */
  id: string;
  open: () => Promise<Session>;
}

/** undefined: nobody can say. */
export async function fateOf({ id, open }: LostCommit): Promise<"committed" | "aborted" | undefined> {
  try {
    await using session = await open();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [row] = await session.query(STATUS, [id]);
      if (row?.status === "committed" || row?.status === "aborted") return row.status;
      await sleep(PAUSE_MS);
    }
    return undefined;
  } catch {
    // The server is away; the person finds out with access plan.
    return undefined;
  }
}
