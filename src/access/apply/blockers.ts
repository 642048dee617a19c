/**
 * Who holds the lock that we wait for.
 *
 * After a lock timeout the wait is over and the server tells no more than that it ended. So while statements run a
 * second session asks now and then which processes block ours, and the last answer names them when it comes to that.
 */
import { sleep } from "../../base/clock.ts";
import type { Session } from "../../pg/session.ts";

/** A process that another one waits for. */
export interface Blocker {
  processId: number;
  /** Role; undefined for processes of the server itself. */
  role: string | undefined;
  application: string | undefined;
  /** "active", "idle in transaction"; undefined when this role may not see it. */
  activity: string | undefined;
}

const BLOCKERS = `
  select a.pid::text as pid, a.usename as role, a.application_name as application, a.state as activity
    from pg_catalog.unnest(pg_catalog.pg_blocking_pids($1::int)) as b (pid)
    join pg_catalog.pg_stat_activity as a on a.pid operator(pg_catalog.=) b.pid
   order by a.pid`;

/** Waits shorter than this are nobody's concern: no second connection is made for a run without waits. */
const FIRST_LOOK_MS = 700;
const LEAST_PAUSE_MS = 50;

export interface Watch {
  /** Ends the watch and returns whoever blocked us when it last looked and somebody did. */
  end(): Promise<readonly Blocker[]>;
}

export interface Waiting {
  processId: number;
  lockTimeoutMs: number;
  /** Makes the session that looks. */
  open: () => Promise<Session>;
}

/** Watches `processId` from a session that `open` makes when the first wait lasts. Never throws. */
export function watchBlockers({ processId, lockTimeoutMs, open }: Waiting): Watch {
  const stop = new AbortController();
  const pauseMs = Math.max(LEAST_PAUSE_MS, Math.min(FIRST_LOOK_MS, lockTimeoutMs / 4));
  let seen: readonly Blocker[] = [];
  const watching = watch().catch(() => undefined);

  async function watch(): Promise<void> {
    await sleep(pauseMs, stop.signal);
    await using session = await open();
    for (;;) {
      const now = await blockersOf(session, processId);
      if (now.length > 0) seen = now;
      await sleep(pauseMs, stop.signal);
    }
  }

  return {
    end: async () => {
      stop.abort();
      await watching;
      return seen;
    },
  };
}

async function blockersOf(session: Session, processId: number): Promise<Blocker[]> {
  const rows = await session.query(BLOCKERS, [String(processId)]);
  return rows.map(({ pid, role, application, activity }) => ({
    processId: Number(pid),
    role: role ?? undefined,
    application: application || undefined,
    activity: activity ?? undefined,
  }));
}
