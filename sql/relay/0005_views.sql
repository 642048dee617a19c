-- What is to be looked at. All views read with their owner's rights, so a role sees what is granted on the view and needs
-- nothing on the tables below; none shows a token, an error text with payloads in it, or a secret.
-- They use no function of schema tide: those would be asked for the looking role's right to run them.

-- Who reads which outbox, and up to which id each has settled everything: forward pipelines whether enabled or not,
-- fan-ins, consumer groups. A pipeline is at the lowest position of its relay groups, replays left aside; one that reads
-- through a consumer group is where that group is. Nobody's position counts as 0.
create or replace view tide.relay_participants with (security_barrier = true) as
with pipelines as (
  select coalesce(c.config #>> '{source,outbox}', c.config ->> 'outbox') as outbox_name,
         c.name,
         c.enabled,
         c.config #>> '{source,consumer_group}' as consumer_group
    from tide.relay_outbox_config as c
   union all
  select o.outbox_name, f.name, f.enabled, null
    from tide.relay_fanin_config as f
   cross join unnest(f.outbox_names) as o (outbox_name)
), consumer_groups as (
  select g.group_name,
         g.outbox_name,
         coalesce((select least(min(o.committed_offset),
                                (select min(l.lease_start) - 1 from tide.tide_consumer_leases as l
                                  where l.group_name = g.group_name))
                     from tide.tide_consumer_offsets as o
                    where o.group_name = g.group_name), 0) as safe_offset
    from tide.tide_consumer_groups as g
)
select p.outbox_name,
       'pipeline'::text as kind,
       p.name,
       p.enabled,
       coalesce((select min(o.last_change_id)
                   from tide.relay_consumer_offsets as o
                  where o.pipeline_id = p.name
                    and o.outbox_name = p.outbox_name
                    and o.relay_group_id not like 'replay:%'),
                (select g.safe_offset from consumer_groups as g
                  where g.group_name = p.consumer_group and g.outbox_name = p.outbox_name),
                0) as safe_offset
  from pipelines as p
 where p.outbox_name is not null
 union all
select g.outbox_name, 'consumer_group', g.group_name, true, g.safe_offset
  from consumer_groups as g;
comment on view tide.relay_participants is 'Who reads an outbox and how far each is.';

-- Up to which id everybody who reads an outbox has settled everything; NULL when nobody reads it.
create or replace function tide.relay_safe_offset(p_outbox text)
  returns bigint
  language sql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
as $$
  select min(p.safe_offset) from tide.relay_participants as p where p.outbox_name = p_outbox
$$;
comment on function tide.relay_safe_offset(text) is 'Up to which id all readers of an outbox are done.';

create or replace view tide.outbox_pending as
select c.outbox_name,
       count(m.id) as pending_count,
       min(m.created_at) as oldest_at,
       max(m.id) as max_id
  from tide.tide_outbox_config as c
  left join lateral (select min(p.safe_offset) as safe_offset
                       from tide.relay_participants as p
                      where p.outbox_name = c.outbox_name) as s on true
  left join tide.tide_outbox_messages as m
    on m.outbox_name = c.outbox_name
   and m.id > coalesce(s.safe_offset, 0)
   and m.consumed_at is null
 group by c.outbox_name;
comment on view tide.outbox_pending is 'What some reader has not settled yet, per outbox.';

create or replace view tide.consumer_lag as
select o.group_name,
       g.outbox_name,
       o.consumer_id,
       o.committed_offset,
       (select count(*) from tide.tide_outbox_messages as m
         where m.outbox_name = g.outbox_name and m.id > o.committed_offset) as lag,
       o.last_heartbeat
  from tide.tide_consumer_offsets as o
  join tide.tide_consumer_groups as g on g.group_name = o.group_name;
comment on view tide.consumer_lag is 'How many messages each consumer of a group has before it.';

create or replace view tide.relay_pipeline_lag as
select o.relay_group_id,
       o.pipeline_id,
       o.outbox_name,
       o.last_change_id,
       (select count(*) from tide.tide_outbox_messages as m
         where m.outbox_name = o.outbox_name and m.id > o.last_change_id) as lag,
       o.updated_at
  from tide.relay_consumer_offsets as o;
comment on view tide.relay_pipeline_lag is 'How many messages each pipeline has before it.';

-- Reads every message of every outbox once; for a look, not for a loop.
create or replace view tide.outbox_retention_status as
select c.outbox_name,
       c.retention_hours,
       m.retained_rows,
       m.retained_bytes,
       m.oldest_retained_at,
       m.newest_retained_at,
       r.retention_cutoff,
       m.pending_messages,
       m.retained_rows as total_messages,
       extract(epoch from now() - m.oldest_pending_at)::double precision as oldest_pending_age_seconds,
       p.participant_count,
       p.safe_offset,
       case when p.has_lease then 0 else e.eligible_rows end as eligible_rows,
       coalesce(b.blockers, '[]'::jsonb) as blockers,
       coalesce(s.highest_deleted_id, 0) as highest_deleted_id,
       s.last_success_at,
       coalesce(s.last_batch_rows, 0) as last_batch_rows,
       coalesce(s.total_rows_deleted, 0) as total_rows_deleted,
       s.last_duration_ms,
       coalesce(s.last_partition_action, 'none') as last_partition_action,
       g.storage_layout,
       g.default_partition_rows
  from tide.tide_outbox_config as c
 cross join lateral (select now() - make_interval(hours => c.retention_hours) as retention_cutoff) as r
 cross join lateral (
         select count(*) as participant_count,
                min(i.safe_offset) as safe_offset,
                exists (select from tide.tide_consumer_leases as l
                          join tide.tide_consumer_groups as h on h.group_name = l.group_name
                         where h.outbox_name = c.outbox_name and l.expires_at > clock_timestamp()) as has_lease
           from tide.relay_participants as i
          where i.outbox_name = c.outbox_name) as p
 cross join lateral (
         select count(*) as retained_rows,
                coalesce(sum(pg_column_size(n.payload) + pg_column_size(n.headers)), 0)::bigint as retained_bytes,
                min(n.created_at) as oldest_retained_at,
                max(n.created_at) as newest_retained_at,
                count(*) filter (where n.id > coalesce(p.safe_offset, 0) and n.consumed_at is null) as pending_messages,
                min(n.created_at) filter (where n.id > coalesce(p.safe_offset, 0) and n.consumed_at is null)
                  as oldest_pending_at
           from tide.tide_outbox_messages as n
          where n.outbox_name = c.outbox_name) as m
 cross join lateral (
         select count(*) as eligible_rows
           from (select from tide.tide_outbox_messages as n
                  where n.outbox_name = c.outbox_name
                    and n.created_at < r.retention_cutoff
                    and (p.participant_count = 0 or n.id <= p.safe_offset)
                  limit 10001) as n) as e
 cross join lateral (
         select jsonb_agg(jsonb_build_object('name', i.name, 'enabled', i.enabled, 'safe_offset', i.safe_offset)
                          order by i.safe_offset, i.name) as blockers
           from tide.relay_participants as i
          where i.outbox_name = c.outbox_name
            and exists (select from tide.tide_outbox_messages as n
                         where n.outbox_name = c.outbox_name
                           and n.id > i.safe_offset
                           and n.created_at < r.retention_cutoff)) as b
  left join tide.outbox_cleanup_state as s on s.outbox_name = c.outbox_name
 cross join lateral (
         select coalesce(max(o.storage_layout), 'heap') as storage_layout,
                coalesce((select pg_stat_get_live_tuples(t.partdefid)
                            from pg_partitioned_table as t
                           where t.partrelid = 'tide.tide_outbox_messages'::regclass), 0) as default_partition_rows
           from tide.outbox_storage_config as o) as g;
comment on view tide.outbox_retention_status is 'How full each outbox is, how far it was delivered, what holds it back.';

-- The same under the name that pg_tide's security guide grants on.
create or replace view tide.outbox_status as
select * from tide.outbox_retention_status;
comment on view tide.outbox_status is 'The rows of tide.outbox_retention_status.';

create or replace view tide.inbox_fleet_summary as
select i.inbox_name, i.inbox_schema, i.max_retries, i.processed_retention_hours, i.created_at
  from tide.tide_inbox_config as i;
comment on view tide.inbox_fleet_summary is 'The inboxes there are.';

create or replace view tide.relay_pipeline_status as
with pipelines as (
  select c.name, 'forward'::text as direction, c.tenant_name, c.enabled,
         coalesce(c.config #>> '{source,outbox}', c.config ->> 'outbox') as outbox_name
    from tide.relay_outbox_config as c
   union all
  select c.name, 'reverse', c.tenant_name, c.enabled, null from tide.relay_inbox_config as c
), seen as (
  select s.relay_group_id, s.pipeline_id, s.direction, s.tenant_name from tide.relay_runtime_status as s
   union
  select l.relay_group_id, l.pipeline_id, l.direction, l.tenant_name from tide.relay_leases as l
   union
  select o.relay_group_id, o.pipeline_id, 'forward', o.tenant_name from tide.relay_consumer_offsets as o
)
select p.name as pipeline_id,
       p.direction,
       p.tenant_name,
       p.enabled,
       g.relay_group_id,
       case
         when l.owner_token is not null and l.expires_at > clock_timestamp() then 'owned'
         when s.owner_token is null then 'unowned'
         when s.last_owner_heartbeat < clock_timestamp() - interval '2 minutes' then 'stale'
         else 'owned'
       end as ownership,
       case
         when not p.enabled then 'disabled'
         when s.retry_state in ('permanently_failed', 'failed') then 'permanently_failed'
         when s.retry_attempt > 0 or s.retry_state in ('retrying', 'backoff', 'paused', 'open') then 'retrying'
         when s.last_state_update_at is null then 'unknown'
         when s.last_owner_heartbeat < clock_timestamp() - interval '2 minutes' then 'unknown'
         else 'healthy'
       end as health,
       case when p.direction = 'forward' then
         (select count(*) from tide.tide_outbox_messages as m
           where m.outbox_name = p.outbox_name and m.id > coalesce(o.last_change_id, 0))
       end as consumer_lag,
       o.last_change_id as last_offset,
       coalesce(s.last_checkpoint_success_at, o.updated_at) as last_checkpoint_success_at,
       s.last_error_code,
       s.last_error_component,
       s.last_error_class,
       s.last_error_at,
       coalesce(s.retry_attempt, 0) as retry_attempt,
       s.retry_state,
       s.next_retry_at,
       (select count(*) from tide.relay_dlq as d
         where d.pipeline_name = p.name and d.relay_mode = p.direction and not d.resolved) as unresolved_dlq_depth,
       s.last_state_update_at
  from pipelines as p
  left join seen as g
    on g.pipeline_id = p.name and g.direction = p.direction and g.tenant_name = p.tenant_name
   and g.relay_group_id not like 'replay:%'
  left join tide.relay_runtime_status as s
    on (s.relay_group_id, s.pipeline_id, s.direction, s.tenant_name)
     = (g.relay_group_id, p.name, p.direction, p.tenant_name)
  left join tide.relay_leases as l
    on (l.relay_group_id, l.pipeline_id, l.direction, l.tenant_name)
     = (g.relay_group_id, p.name, p.direction, p.tenant_name)
  left join tide.relay_consumer_offsets as o
    on (o.relay_group_id, o.pipeline_id, o.outbox_name) = (g.relay_group_id, p.name, p.outbox_name);
comment on view tide.relay_pipeline_status is 'Every pipeline: who has it, how it is, how far it is.';
