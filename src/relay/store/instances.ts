/** The relays of a group as they see each other, and which pipelines are free to be taken. */
import type { Session } from "../../pg/session.ts";
import type { PipelineKey } from "./pipeline-key.ts";

const APPEAR = `
  insert into tide.relay_instances as i (relay_group_id, owner_token, label, owned, wants, last_seen)
  values ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())
      on conflict (relay_group_id, owner_token) do update
     set owned = excluded.owned, wants = excluded.wants, last_seen = excluded.last_seen`;
const OTHERS = `
  select i.owned, i.wants
    from tide.relay_instances as i
   where i.relay_group_id = $1
     and i.owner_token <> $2
     and i.last_seen > pg_catalog.clock_timestamp() - $3::bigint * interval '1 millisecond'`;
const DISAPPEAR = `
  delete from tide.relay_instances as i
   where i.relay_group_id = $1
     and (i.owner_token = $2 or i.last_seen < pg_catalog.clock_timestamp() - interval '1 hour')`;
// A lease whose owner held the lock is free when nobody holds that lock any more: its session is gone.
const FREE = `
  with wanted as (
    select w.tenant, w.direction, w.pipeline
      from pg_catalog.jsonb_to_recordset($2) as w (tenant text, direction text, pipeline text)
  ), locks as materialized (
    select k.objid
      from pg_catalog.pg_locks as k
     where k.locktype = 'advisory'
       and k.objsubid = 2
       and k.granted
       and k.classid = ((pg_catalog.hashtext($1))::bigint & 4294967295)::oid
       and k.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
  )
  select w.direction, w.pipeline
    from wanted as w
    left join tide.relay_leases as l
      on (l.relay_group_id, l.tenant_name, l.direction, l.pipeline_id) = ($1, w.tenant, w.direction, w.pipeline)
   where l.owner_token is null
      or l.expires_at <= pg_catalog.clock_timestamp()
      or l.expires_at > pg_catalog.clock_timestamp() + interval '10 minutes'
      or (l.has_lock and not exists (
           select
             from locks as k
            where k.objid = ((pg_catalog.hashtext(w.tenant || ':' || w.direction || ':' || w.pipeline))::bigint & 4294967295)::oid
         ))`;

export interface Self {
  group: string;
  token: string;
  label: string;
  owned: number;
  /** How many it thinks that it should own. */
  wants: number;
}

export interface OtherRelay {
  owned: number;
  wants: number;
}

/** Says that this relay is there; gives the others of the group that were seen lately. */
export async function appear(session: Session, self: Self, seenWithinMs: number): Promise<OtherRelay[]> {
  const { group, token, label, owned, wants } = self;
  await session.rows(APPEAR, [group, token, label, String(owned), String(wants)]);
  const rows = await session.rows(OTHERS, [group, token, String(Math.ceil(seenWithinMs))]);
  return rows.map(([others, wanted]) => ({ owned: Number(others), wants: Number(wanted) }));
}

/** Says that this relay is gone, and forgets those that vanished without a word. */
export async function disappear(session: Session, { group, token }: Pick<Self, "group" | "token">): Promise<void> {
  await session.rows(DISAPPEAR, [group, token]);
}

/** Which of these pipelines nobody owns. Only a hint: taking the lease decides. */
export async function freePipelines<Key extends PipelineKey>(
  session: Session,
  group: string,
  keys: readonly Key[],
): Promise<Key[]> {
  if (keys.length === 0) return [];
  const wanted = keys.map(({ tenant, direction, pipeline }) => ({ tenant, direction, pipeline }));
  const rows = await session.rows(FREE, [group, JSON.stringify(wanted)]);
  const free = new Set(rows.map(([direction, pipeline]) => `${direction}:${pipeline}`));
  return keys.filter(({ direction, pipeline }) => free.has(`${direction}:${pipeline}`));
}
