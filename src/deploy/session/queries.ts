/**
 * The statements of the preparation, besides the definitions in sql/deploy. No value of a parameter is ever part of one.
 */

/** Raised by LOCK_GUARD and by nothing else. */
export const LOCK_NOT_OBTAINED = "PGK02";

/** The key that the reference tool uses as well, so that the two exclude each other. */
const lockKey = (database: string): string => `pg_catalog.hashtextextended('pgmi.deploy.' || ${database}, 0)`;
const LOCK_KEY = lockKey("pg_catalog.current_database()");

/**
 * What must hold while we prepare, whatever the role and the database have set. LOCAL: gone when the message ends.
 * The time limit is the project's business, and loading its files is not its work. What we make is temporary, so nobody
 * waits until it is on disk.
 */
export const OWN_SETTINGS = `
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = error;
set local statement_timeout = 0;
set local synchronous_commit = off;
set local transaction_read_only = off;
set local standard_conforming_strings = on;
set local check_function_bodies = off;
set local row_security = on;
`;

/** Raises when another session holds the deploy lock, so that nothing after it in the message runs. */
export const LOCK_GUARD = `
do $guard$
begin
  if not pg_catalog.pg_try_advisory_lock(${LOCK_KEY}) then
    raise exception using errcode = '${LOCK_NOT_OBTAINED}', message = 'another deploy holds the lock of this database';
  end if;
end
$guard$;
`;

/**
 * From version 13 on the server can be told not to log bound values. We bind none that is secret; the project's own
 * SQL may. Roles without the right keep what is set.
 */
export const LOG_NO_BOUND_VALUES = `
do $settings$
begin
  perform pg_catalog.set_config('log_parameter_max_length', '0', false);
exception
  when others then
    null;
end
$settings$;
`;

/** The parameters' rows came with a filling in front, see rows.ts. */
export const UNCOVER_PARAMETERS = "update pg_temp._pgmi_parameter set description = null;\n";

/** `values` are rows (path, ends) as literals: paths and numbers, nothing secret. Files of the same text share theirs. */
export const marksQuery = (values: string): string => `
insert into pg_temp._pgkeep_marks (key, statement, ends_at)
select pg_temp._pgkeep_key(f.content), e.statement, e.ends_at
  from (values ${values}) as m (path, ends)
  join (select path, content from pg_temp._pgmi_source
        union all
        select path, content from pg_temp._pgmi_test_source) as f on f.path = m.path
 cross join lateral unnest(m.ends::integer[]) with ordinality as e (ends_at, statement)
    on conflict do nothing;
`;

/** Spares each EXECUTE the question for marks. */
export const NO_MARKS = "select set_config('pgkeep.marks', 'none', false);\n";

/**
 * Without statistics the planner guesses wrong about the recursive queries over tests; other queries do as well without.
 * Content needs none.
 */
export const ANALYZE = `
analyze pg_temp._pgmi_source (path, size_bytes, is_sql_file), pg_temp._pgmi_source_metadata (path),
  pg_temp._pgmi_test_directory, pg_temp._pgmi_test_source (path, directory, is_fixture);
`;

/** Counted, so that no value comes back over the wire. */
export const PUBLISH_PARAMETERS = `
select count(set_config('pgmi.' || p.key, p.value, false)) from pg_temp._pgmi_parameter as p;
`;

export const SHOW_DEBUG = "select set_config('client_min_messages', 'debug', false);\n";

/** Settings that decide what the server writes down about our statements, readable by every role. */
const FACT_SETTINGS = [
  "is_superuser",
  "server_version",
  "server_encoding",
  "log_statement",
  "log_duration",
  "log_min_duration_statement",
  "log_min_duration_sample",
  "log_statement_sample_rate",
  "log_transaction_sample_rate",
  "log_min_error_statement",
  "log_min_messages",
  "log_parameter_max_length",
  "log_parameter_max_length_on_error",
  "track_activities",
  "pg_stat_statements.track",
  "pg_stat_statements.track_utility",
  "auto_explain.log_min_duration",
  "auto_explain.log_nested_statements",
  "pgaudit.log",
  "pgaudit.log_parameter",
  "default_transaction_read_only",
];

/** The fact that is the number of the preparing transaction; every number that the project's SQL gets is higher. */
export const PREPARED_IN = "prepared_in";

/** The fact that is the oid of a temporary table of ours. */
export const OWN_TABLE = "own_table";

export const FACTS = `
select n.name, current_setting(n.name, true) as value
  from unnest(array['${FACT_SETTINGS.join("', '")}']) as n (name)
union all
select 'database', current_database()
union all
select 'user', current_user
union all
select 'session_user', session_user
union all
select '${PREPARED_IN}', txid_current()::text
union all
select '${OWN_TABLE}', 'pg_temp._pgkeep_marks'::regclass::oid::text;
`;

/**
 * The project's own search_path from here on: the connection had it on pg_catalog for our sake. Last of the message, so
 * that it costs no round trip of its own.
 */
export const HAND_OVER = "reset search_path;\n";

/** Who holds the deploy lock of database $1. Which columns are filled depends on rights; the process id always is. */
export const LOCK_HOLDER = `
select l.pid::text as pid,
       a.usename::text as "user",
       a.application_name as application,
       to_char(timezone('UTC', a.backend_start), 'YYYY-MM-DD HH24:MI:SS') as since
  from pg_catalog.pg_locks as l
  join pg_catalog.pg_database as d on d.oid = l.database and d.datname = $1
  left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
 where l.locktype = 'advisory'
   and l.granted
   and l.objsubid = 1
   and (l.classid::bigint << 32) | l.objid::bigint = ${lockKey("$1")}
`;

/** The backend with process number $1, when it is ours and holds the deploy lock of this database. */
const LOST_DEPLOY = `
  from pg_catalog.pg_stat_activity as a
 where a.pid = $1::pg_catalog.int4
   and a.usename = session_user
   and exists (
     select
       from pg_catalog.pg_locks as l
       join pg_catalog.pg_database as d on d.oid = l.database and d.datname = current_database()
      where l.pid = a.pid
        and l.locktype = 'advisory'
        and l.granted
        and l.objsubid = 1
        and (l.classid::bigint << 32) | l.objid::bigint = ${LOCK_KEY}
   )`;

/**
 * The number of the transaction that a deploy with a lost connection has open, with the count of wraparounds that the
 * list of activity leaves out: of all numbers that end like it, the one nearest to the numbers in use.
 */
export const RUNNING_TRANSACTION = `
select (n.next - (((n.next - a.backend_xid::text::bigint + 2147483648) & 4294967295) - 2147483648))::text as id
  from (select txid_snapshot_xmax(txid_current_snapshot())) as n (next),
       lateral (select a.backend_xid ${LOST_DEPLOY}) as a
 where a.backend_xid is not null
`;

export const TRANSACTION_STATUS = "select pg_catalog.txid_status($1::pg_catalog.int8)";

/** Whether no backend has process number $1. */
export const BACKEND_IS_GONE =
  "select not exists (select from pg_catalog.pg_stat_activity as a where a.pid = $1::pg_catalog.int4) as gone";

/**
 * Whether no transaction of ours can have committed after transaction $1, given that our backend is gone. When it ended it
 * dropped the temporary objects, $2 among them, in one transaction; any further one that committed may be ours. More than
 * ten thousand are not looked at.
 */
export const NOTHING_COMMITTED_SINCE = `
select n.next - $1::bigint <= 10000
       and (
         select count(*)
           from generate_series($1::bigint + 1, least(n.next - 1, $1::bigint + 10000)) as t (id)
          where coalesce(txid_status(t.id), '') <> 'aborted'
       ) <= case when exists (select from pg_catalog.pg_class as c where c.oid = $2::oid) then 0 else 1 end
  from (select txid_snapshot_xmax(txid_current_snapshot())) as n (next)
`;

/** Ends the backend of a deploy with a lost connection, when it is still there. */
export const END_LOST_DEPLOY = `select pg_terminate_backend(a.pid) ${LOST_DEPLOY}`;

/** The place as _pgkeep_at has it, which survives the rollback that a failure causes, and whose text that was. */
export const PLACE = `
select p.done,
       f.count,
       f.path,
       p.done operator(pg_catalog.<>) 1048575
         and exists (select from pg_temp._pgkeep_marks as m where m.key operator(pg_catalog.=) p.key) as marked
  from (
    select a.place operator(pg_catalog.%) 1048576::pg_catalog.int8 as done,
           a.place operator(pg_catalog.-) (a.place operator(pg_catalog.%) 1048576::pg_catalog.int8) as key
      from (
        select pg_catalog.pg_sequence_last_value('pg_temp._pgkeep_at'::pg_catalog.regclass) as place
      ) as a
  ) as p
 cross join lateral (
    select pg_catalog.min(s.path) as path, pg_catalog.count(s.path) as count
      from pg_temp._pgmi_source as s
     where pg_temp._pgkeep_key(s.content) operator(pg_catalog.=) p.key
  ) as f
`;

/** Gives the deploy lock back. Returns a row exactly when we had it: SQL of the project can take it from us. */
export const UNLOCK = `select from (select pg_catalog.pg_advisory_unlock(${LOCK_KEY}) as held offset 0) as l where l.held;`;

/** Makes the server tell what it has kept back of the files that ran. */
export const FLUSH = "select pg_temp._pgkeep_flush()";
