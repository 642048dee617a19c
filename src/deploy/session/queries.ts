/**
 * The statements of the preparation, besides the definitions in sql/deploy. No value of a parameter is ever part of one.
 */

/** Raised by LOCK_GUARD and by nothing else. */
export const LOCK_NOT_OBTAINED = "PGK02";

/** The key that the reference tool uses as well, so that the two exclude each other. */
const LOCK_KEY = "pg_catalog.hashtextextended('pgmi.deploy.' || pg_catalog.current_database(), 0)";

/**
 * What must hold while we prepare, whatever the role and the database have set. LOCAL: gone when the message ends.
 * The time limit is the project's business, and loading its files is not its work.
 */
export const OWN_SETTINGS = `
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = error;
set local statement_timeout = 0;
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

select set_config('pgkeep.marks', 'on', false);
`;

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

export const FACTS = `
select n.name, current_setting(n.name, true) as value
  from unnest(array['${FACT_SETTINGS.join("', '")}']) as n (name)
union all
select 'database', current_database()
union all
select 'user', current_user
union all
select 'session_user', session_user;
`;

/**
 * The project's own search_path from here on: the connection had it on pg_catalog for our sake. Last of the message, so
 * that it costs no round trip of its own.
 */
export const HAND_OVER = "reset search_path;\n";

/** Who holds the deploy lock. Which columns are filled depends on the role's rights; the process id always is. */
export const LOCK_HOLDER = `
select l.pid::text as pid,
       a.usename::text as "user",
       a.application_name as application,
       to_char(timezone('UTC', a.backend_start), 'YYYY-MM-DD HH24:MI:SS') as since
  from pg_catalog.pg_locks as l
  join pg_catalog.pg_database as d on d.oid = l.database and d.datname = current_database()
  left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
 where l.locktype = 'advisory'
   and l.granted
   and l.objsubid = 1
   and (l.classid::bigint << 32) | l.objid::bigint = ${LOCK_KEY}
`;

/** The place as _pgkeep_at has it, which survives the rollback that a failure causes, and whose text that was. */
export const PLACE = `
select p.done,
       f.count,
       f.path,
       exists (select from pg_temp._pgkeep_marks as m where m.key operator(pg_catalog.=) p.key) as marked
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

/** Makes the server tell what it has kept back of the files that ran. */
export const FLUSH = "select pg_temp._pgkeep_flush()";
