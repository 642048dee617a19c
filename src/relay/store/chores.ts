/** What pipelines have to do besides new events, asked for all of them at once. */
import type { Session } from "../../pg/session.ts";

const CHORES = `
  select distinct 'letters', d.pipeline_name
    from tide.relay_dlq as d
   where not d.resolved
     and d.retried_at is not null
   union all
  select distinct 'backfill', j.pipeline_name
    from tide.backfill_jobs as j
   where j.status in ('pending', 'running')`;

export interface Chores {
  /** Pipelines with dead letters that are to be tried again. */
  letters: ReadonlySet<string>;
  /** Pipelines with history to deliver. */
  backfill: ReadonlySet<string>;
}

export const NO_CHORES: Chores = { letters: new Set(), backfill: new Set() };

export async function readChores(session: Session): Promise<Chores> {
  const rows = await session.rows(CHORES);
  const of = (kind: string) => new Set(rows.flatMap(([what, name]) => (what === kind && name != null ? [name] : [])));
  return { letters: of("letters"), backfill: of("backfill") };
}
