/**
 * Kinds, units and built-in defaults of the settings of PostgreSQL 14 to 18, for values that were read from a file.
 *
 * One setting per line: name, kind (b boolean, i integer, r real, s string, e one of a list), base unit, default of the newest
 * major, majors that have it ("16-", "-15"), older defaults with the last major that had them, members of the list. A "?"
 * for a default that depends on how the server was built or made. Taken from pg_settings (vartype, unit, boot_val, enumvals)
 * of one server of each major; modes of files in octal, as they are shown; settings that nobody can change are left out.
 */

export interface SettingKind {
  /** As pg_settings spells it. */
  name: string;
  type: "boolean" | "integer" | "real" | "string" | "choice";
  /** Base unit: "kB", "8kB", "ms"; empty: a plain number. */
  unit: string;
  since: number;
  until: number;
  choices: readonly string[];
  /** Built-in default of a major; undefined: depends on the build. */
  defaultOf(major: number): string | undefined;
}

const TYPES: Readonly<Record<string, SettingKind["type"]>> = {
  b: "boolean",
  i: "integer",
  r: "real",
  s: "string",
  e: "choice",
};

const TABLE = `
allow_alter_system|b||on|17-
allow_in_place_tablespaces|b||off
allow_system_table_mods|b||off
application_name|s
archive_cleanup_command|s
archive_command|s
archive_library|s|||15-
archive_mode|e||off|||always,off,on
archive_timeout|i|s|0
array_nulls|b||on
authentication_timeout|i|s|60
autovacuum|b||on
autovacuum_analyze_scale_factor|r||0.1
autovacuum_analyze_threshold|i||50
autovacuum_freeze_max_age|i||200000000
autovacuum_max_workers|i||3
autovacuum_multixact_freeze_max_age|i||400000000
autovacuum_naptime|i|s|60
autovacuum_vacuum_cost_delay|r|ms|2
autovacuum_vacuum_cost_limit|i||-1
autovacuum_vacuum_insert_scale_factor|r||0.2
autovacuum_vacuum_insert_threshold|i||1000
autovacuum_vacuum_max_threshold|i||100000000|18-
autovacuum_vacuum_scale_factor|r||0.2
autovacuum_vacuum_threshold|i||50
autovacuum_work_mem|i|kB|-1
autovacuum_worker_slots|i||16|18-
backend_flush_after|i|8kB|0
backslash_quote|e||safe_encoding|||off,on,safe_encoding
backtrace_functions|s
bgwriter_delay|i|ms|200
bgwriter_flush_after|i|8kB|64
bgwriter_lru_maxpages|i||100
bgwriter_lru_multiplier|r||2
bonjour|b||off
bonjour_name|s
bytea_output|e||hex|||escape,hex
check_function_bodies|b||on
checkpoint_completion_target|r||0.9
checkpoint_flush_after|i|8kB|32
checkpoint_timeout|i|s|300
checkpoint_warning|i|s|30
client_connection_check_interval|i|ms|0
client_encoding|s||SQL_ASCII
client_min_messages|e||notice|||debug1,debug2,debug3,debug4,debug5,error,log,notice,warning
cluster_name|s
commit_delay|i||0
commit_siblings|i||5
commit_timestamp_buffers|i|8kB|0|17-
compute_query_id|e||auto|||auto,off,on,regress
config_file|s||?
constraint_exclusion|e||partition|||off,on,partition
cpu_index_tuple_cost|r||0.005
cpu_operator_cost|r||0.0025
cpu_tuple_cost|r||0.01
createrole_self_grant|s|||16-
cursor_tuple_fraction|r||0.1
data_directory|s||?
data_sync_retry|b||off
DateStyle|s||ISO, MDY
db_user_namespace|b||off|-16
deadlock_timeout|i|ms|1000
debug_discard_caches|i||0
debug_io_direct|s|||16-
debug_logical_replication_streaming|e||buffered|16-||buffered,immediate
debug_parallel_query|e||off|16-||off,on,regress
debug_pretty_print|b||on
debug_print_parse|b||off
debug_print_plan|b||off
debug_print_rewritten|b||off
default_statistics_target|i||100
default_table_access_method|s||heap
default_tablespace|s
default_text_search_config|s||pg_catalog.simple
default_toast_compression|e||pglz|||lz4,pglz
default_transaction_deferrable|b||off
default_transaction_isolation|e||read committed|||read committed,read uncommitted,repeatable read,serializable
default_transaction_read_only|b||off
dynamic_library_path|s||$libdir
dynamic_shared_memory_type|e||?|||mmap,posix,sysv
effective_cache_size|i|8kB|524288
effective_io_concurrency|i||16||17:1
enable_async_append|b||on
enable_bitmapscan|b||on
enable_distinct_reordering|b||on|18-
enable_gathermerge|b||on
enable_group_by_reordering|b||on|17-
enable_hashagg|b||on
enable_hashjoin|b||on
enable_incremental_sort|b||on
enable_indexonlyscan|b||on
enable_indexscan|b||on
enable_material|b||on
enable_memoize|b||on
enable_mergejoin|b||on
enable_nestloop|b||on
enable_parallel_append|b||on
enable_parallel_hash|b||on
enable_partition_pruning|b||on
enable_partitionwise_aggregate|b||off
enable_partitionwise_join|b||off
enable_presorted_aggregate|b||on|16-
enable_self_join_elimination|b||on|18-
enable_seqscan|b||on
enable_sort|b||on
enable_tidscan|b||on
escape_string_warning|b||on
event_source|s||PostgreSQL
event_triggers|b||on|17-
exit_on_error|b||off
extension_control_path|s||$system|18-
extension_destdir|s|||15-15
external_pid_file|s
extra_float_digits|i||1
file_copy_method|e||copy|18-||clone,copy
file_extend_method|e||posix_fallocate|16-||posix_fallocate,write_zeros
force_parallel_mode|e||off|-15||off,on,regress
from_collapse_limit|i||8
fsync|b||on
full_page_writes|b||on
geqo|b||on
geqo_effort|i||5
geqo_generations|i||0
geqo_pool_size|i||0
geqo_seed|r||0
geqo_selection_bias|r||2
geqo_threshold|i||12
gin_fuzzy_search_limit|i||0
gin_pending_list_limit|i|kB|4096
gss_accept_delegation|b||off|16-
hash_mem_multiplier|r||2||14:1
hba_file|s||?
hot_standby|b||on
hot_standby_feedback|b||off
huge_page_size|i|kB|0
huge_pages|e||try|||off,on,try
icu_validation_level|e||warning|16-||debug1,debug2,debug3,debug4,debug5,disabled,error,log,notice,warning
ident_file|s||?
idle_in_transaction_session_timeout|i|ms|0
idle_replication_slot_timeout|i|s|0|18-
idle_session_timeout|i|ms|0
ignore_checksum_failure|b||off
ignore_invalid_pages|b||off
ignore_system_indexes|b||off
IntervalStyle|e||postgres|||iso_8601,postgres,postgres_verbose,sql_standard
io_combine_limit|i|8kB|16|17-
io_max_combine_limit|i|8kB|16|18-
io_max_concurrency|i||-1|18-
io_method|e||worker|18-||sync,worker
io_workers|i||3|18-
jit|b||on
jit_above_cost|r||100000
jit_debugging_support|b||off
jit_dump_bitcode|b||off
jit_expressions|b||on
jit_inline_above_cost|r||500000
jit_optimize_above_cost|r||500000
jit_profiling_support|b||off
jit_provider|s||llvmjit
jit_tuple_deforming|b||on
join_collapse_limit|i||8
krb_caseins_users|b||off
krb_server_keyfile|s||?
lc_messages|s||?
lc_monetary|s||?
lc_numeric|s||?
lc_time|s||?
listen_addresses|s||localhost
lo_compat_privileges|b||off
local_preload_libraries|s
lock_timeout|i|ms|0
log_autovacuum_min_duration|i|ms|600000||14:-1
log_checkpoints|b||on||14:off
log_connections|s||||17:off
log_destination|s||stderr
log_directory|s||log
log_disconnections|b||off
log_duration|b||off
log_error_verbosity|e||default|||default,terse,verbose
log_executor_stats|b||off
log_file_mode|i||0600
log_filename|s||postgresql-%Y-%m-%d_%H%M%S.log
log_hostname|b||off
log_line_prefix|s||%m [%p] 
log_lock_failures|b||off|18-
log_lock_waits|b||off
log_min_duration_sample|i|ms|-1
log_min_duration_statement|i|ms|-1
log_min_error_statement|e||error|||debug1,debug2,debug3,debug4,debug5,error,fatal,info,log,notice,panic,warning
log_min_messages|e||warning|||debug1,debug2,debug3,debug4,debug5,error,fatal,info,log,notice,panic,warning
log_parameter_max_length|i|B|-1
log_parameter_max_length_on_error|i|B|0
log_parser_stats|b||off
log_planner_stats|b||off
log_recovery_conflict_waits|b||off
log_replication_commands|b||off
log_rotation_age|i|min|1440
log_rotation_size|i|kB|10240
log_startup_progress_interval|i|ms|10000|15-
log_statement|e||none|||all,ddl,mod,none
log_statement_sample_rate|r||1
log_statement_stats|b||off
log_temp_files|i|kB|-1
log_timezone|s||?
log_transaction_sample_rate|r||0
log_truncate_on_rotation|b||off
logging_collector|b||off
logical_decoding_work_mem|i|kB|65536
maintenance_io_concurrency|i||16||17:10
maintenance_work_mem|i|kB|65536
max_active_replication_origins|i||10|18-
max_connections|i||100
max_files_per_process|i||1000
max_locks_per_transaction|i||64
max_logical_replication_workers|i||4
max_notify_queue_pages|i||1048576|17-
max_parallel_apply_workers_per_subscription|i||2|16-
max_parallel_maintenance_workers|i||2
max_parallel_workers|i||8
max_parallel_workers_per_gather|i||2
max_pred_locks_per_page|i||2
max_pred_locks_per_relation|i||-2
max_pred_locks_per_transaction|i||64
max_prepared_transactions|i||0
max_replication_slots|i||10
max_slot_wal_keep_size|i|MB|-1
max_stack_depth|i|kB|100
max_standby_archive_delay|i|ms|30000
max_standby_streaming_delay|i|ms|30000
max_sync_workers_per_subscription|i||2
max_wal_senders|i||10
max_wal_size|i|MB|1024
max_worker_processes|i||8
md5_password_warnings|b||on|18-
min_dynamic_shared_memory|i|MB|0
min_parallel_index_scan_size|i|8kB|64
min_parallel_table_scan_size|i|8kB|1024
min_wal_size|i|MB|80
multixact_member_buffers|i|8kB|32|17-
multixact_offset_buffers|i|8kB|16|17-
notify_buffers|i|8kB|16|17-
oauth_validator_libraries|s|||18-
old_snapshot_threshold|i|min|-1|-16
parallel_leader_participation|b||on
parallel_setup_cost|r||1000
parallel_tuple_cost|r||0.1
password_encryption|e||scram-sha-256|||md5,scram-sha-256
plan_cache_mode|e||auto|||auto,force_custom_plan,force_generic_plan
port|i||5432
post_auth_delay|i|s|0
pre_auth_delay|i|s|0
primary_conninfo|s
primary_slot_name|s
promote_trigger_file|s|||-15
quote_all_identifiers|b||off
random_page_cost|r||4
recovery_end_command|s
recovery_init_sync_method|e||fsync|||fsync,syncfs
recovery_min_apply_delay|i|ms|0
recovery_prefetch|e||try|15-||off,on,try
recovery_target|s
recovery_target_action|e||pause|||pause,promote,shutdown
recovery_target_inclusive|b||on
recovery_target_lsn|s
recovery_target_name|s
recovery_target_time|s
recovery_target_timeline|s||latest
recovery_target_xid|s
recursive_worktable_factor|r||10|15-
remove_temp_files_after_crash|b||on
reserved_connections|i||0|16-
restart_after_crash|b||on
restore_command|s
restrict_nonsystem_relation_kind|s
row_security|b||on
scram_iterations|i||4096|16-
search_path|s||"$user", public
send_abort_for_crash|b||off|16-
send_abort_for_kill|b||off|16-
seq_page_cost|r||1
serializable_buffers|i|8kB|32|17-
session_preload_libraries|s
session_replication_role|e||origin|||local,origin,replica
shared_buffers|i|8kB|16384||14:1024
shared_memory_type|e||mmap|||mmap,sysv
shared_preload_libraries|s
ssl|b||off
ssl_ca_file|s
ssl_cert_file|s||server.crt
ssl_ciphers|s||HIGH:MEDIUM:+3DES:!aNULL
ssl_crl_dir|s
ssl_crl_file|s
ssl_dh_params_file|s
ssl_ecdh_curve|s||prime256v1|-17
ssl_groups|s||X25519:prime256v1|18-
ssl_key_file|s||server.key
ssl_max_protocol_version|e|||||,TLSv1,TLSv1.1,TLSv1.2,TLSv1.3
ssl_min_protocol_version|e||TLSv1.2|||TLSv1,TLSv1.1,TLSv1.2,TLSv1.3
ssl_passphrase_command|s
ssl_passphrase_command_supports_reload|b||off
ssl_prefer_server_ciphers|b||on
ssl_tls13_ciphers|s|||18-
standard_conforming_strings|b||on
statement_timeout|i|ms|0
stats_fetch_consistency|e||cache|15-||cache,none,snapshot
stats_temp_directory|s||pg_stat_tmp|-14
subtransaction_buffers|i|8kB|0|17-
summarize_wal|b||off|17-
superuser_reserved_connections|i||3
sync_replication_slots|b||off|17-
synchronize_seqscans|b||on
synchronized_standby_slots|s|||17-
synchronous_commit|e||on|||local,off,on,remote_apply,remote_write
synchronous_standby_names|s
syslog_facility|e||local0|||local0,local1,local2,local3,local4,local5,local6,local7
syslog_ident|s||postgres
syslog_sequence_numbers|b||on
syslog_split_messages|b||on
tcp_keepalives_count|i||0
tcp_keepalives_idle|i|s|0
tcp_keepalives_interval|i|s|0
tcp_user_timeout|i|ms|0
temp_buffers|i|8kB|1024
temp_file_limit|i|kB|-1
temp_tablespaces|s
TimeZone|s||?
timezone_abbreviations|s
trace_connection_negotiation|b||off|17-
trace_notify|b||off
trace_recovery_messages|e||log|-16||debug1,debug2,debug3,debug4,debug5,error,log,notice,warning
trace_sort|b||off
track_activities|b||on
track_activity_query_size|i|B|1024
track_commit_timestamp|b||off
track_cost_delay_timing|b||off|18-
track_counts|b||on
track_functions|e||none|||all,none,pl
track_io_timing|b||off
track_wal_io_timing|b||off
transaction_buffers|i|8kB|0|17-
transaction_deferrable|b||off
transaction_isolation|e||read committed|||read committed,read uncommitted,repeatable read,serializable
transaction_read_only|b||off
transaction_timeout|i|ms|0|17-
transform_null_equals|b||off
unix_socket_directories|s||?
unix_socket_group|s
unix_socket_permissions|i||0777
update_process_title|b||on
vacuum_buffer_usage_limit|i|kB|2048|16-|16:256
vacuum_cost_delay|r|ms|0
vacuum_cost_limit|i||200
vacuum_cost_page_dirty|i||20
vacuum_cost_page_hit|i||1
vacuum_cost_page_miss|i||2
vacuum_defer_cleanup_age|i||0|-15
vacuum_failsafe_age|i||1600000000
vacuum_freeze_min_age|i||50000000
vacuum_freeze_table_age|i||150000000
vacuum_max_eager_freeze_failure_rate|r||0.03|18-
vacuum_multixact_failsafe_age|i||1600000000
vacuum_multixact_freeze_min_age|i||5000000
vacuum_multixact_freeze_table_age|i||150000000
vacuum_truncate|b||on|18-
wal_buffers|i|8kB|-1
wal_compression|e||off|||lz4,off,on,pglz,zstd
wal_consistency_checking|s
wal_decode_buffer_size|i|B|524288|15-
wal_init_zero|b||on
wal_keep_size|i|MB|0
wal_level|e||replica|||logical,minimal,replica
wal_log_hints|b||off
wal_receiver_create_temp_slot|b||off
wal_receiver_status_interval|i|s|10
wal_receiver_timeout|i|ms|60000
wal_recycle|b||on
wal_retrieve_retry_interval|i|ms|5000
wal_sender_timeout|i|ms|60000
wal_skip_threshold|i|kB|2048
wal_summary_keep_time|i|min|14400|17-
wal_sync_method|e||fdatasync|||fdatasync,fsync,open_datasync,open_sync
wal_writer_delay|i|ms|200
wal_writer_flush_after|i|8kB|128
work_mem|i|kB|4096
xmlbinary|e||base64|||base64,hex
xmloption|e||content|||content,document
zero_damaged_pages|b||off
`;

const OLDEST = 14;
const NEWEST = 18;

let kinds: ReadonlyMap<string, SettingKind> | undefined;

/** The kind of a setting, whatever the case of its name; undefined: none of the server's own. */
export function kindOfSetting(name: string): SettingKind | undefined {
  return allKinds().get(name.toLowerCase());
}

/** All kinds by name in lower case. */
export function allKinds(): ReadonlyMap<string, SettingKind> {
  kinds ??= new Map(TABLE.trim().split("\n").map(kindOf));
  return kinds;
}

function kindOf(row: string): [string, SettingKind] {
  const [name = "", type = "s", unit = "", newest = "", majors = "-", older = "", choices = ""] = row.split("|");
  const [since = "", until = ""] = majors.split("-");
  const changes = older.split(";").flatMap((each) => {
    const [last = "", value = ""] = each.split(":");
    return last === "" ? [] : [{ last: Number(last), value }];
  });
  const kind: SettingKind = {
    ...{ name, unit, type: TYPES[type] ?? "string", choices: choices === "" ? [] : choices.split(",") },
    since: Number(since || OLDEST),
    until: Number(until || NEWEST),
    defaultOf: (major) => {
      const value = changes.find(({ last }) => major <= last)?.value ?? newest;
      return value === "?" ? undefined : value;
    },
  };
  return [name.toLowerCase(), kind];
}
