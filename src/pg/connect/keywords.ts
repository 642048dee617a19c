/**
 * libpq's connection keywords: which environment variable gives each, and what becomes of those we treat specially.
 *
 * Source: PostgreSQL 18 manual, sections 32.1.2 "Parameter Key Words" and 32.15 "Environment Variables".
 */

/** Environment variable to keyword. */
export const ENVIRONMENT_KEYWORDS: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGHOSTADDR: "hostaddr",
  PGPORT: "port",
  PGDATABASE: "dbname",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGPASSFILE: "passfile",
  PGREQUIREAUTH: "require_auth",
  PGCHANNELBINDING: "channel_binding",
  PGSERVICE: "service",
  PGSERVICEFILE: "servicefile",
  PGOPTIONS: "options",
  PGAPPNAME: "application_name",
  PGSSLMODE: "sslmode",
  PGREQUIRESSL: "requiressl",
  PGSSLNEGOTIATION: "sslnegotiation",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGSSLPASSWORD: "sslpassword",
  PGSSLCERTMODE: "sslcertmode",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCRL: "sslcrl",
  PGSSLCRLDIR: "sslcrldir",
  PGSSLSNI: "sslsni",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version",
  PGREQUIREPEER: "requirepeer",
  PGGSSENCMODE: "gssencmode",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGTARGETSESSIONATTRS: "target_session_attrs",
  PGLOADBALANCEHOSTS: "load_balance_hosts",
  PGMINPROTOCOLVERSION: "min_protocol_version",
  PGMAXPROTOCOLVERSION: "max_protocol_version",
  PGTZ: "timezone",
  PGDATESTYLE: "datestyle",
  PGGEQO: "geqo",
  PGCLIENTENCODING: "client_encoding",
};

/** Keywords that decide how we connect. Everything not in here or below is a setting for the server. */
export const OWN_KEYWORDS: ReadonlySet<string> = new Set([
  ...Object.values(ENVIRONMENT_KEYWORDS).filter((name) => !["timezone", "datestyle", "geqo"].includes(name)),
  "fallback_application_name",
]);

/** Keywords of libpq and of the reference's driver that change nothing here. */
export const IGNORED_KEYWORDS: ReadonlySet<string> = new Set([
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "sslcompression",
  "sslkeylogfile",
  "krbsrvname",
  "krbspn",
  "gsslib",
  "gssdelegation",
  "authtype",
  "tty",
  "default_query_exec_mode",
  "statement_cache_capacity",
  "description_cache_capacity",
  "pool_max_conns",
  "pool_min_conns",
  "pool_max_conn_lifetime",
  "pool_max_conn_idle_time",
  "pool_health_check_period",
]);

/** Keywords whose promise cannot be kept, so they are refused: ignoring them would be less safe than asked for. */
export const REFUSED_KEYWORDS: ReadonlySet<string> = new Set([
  "requirepeer",
  "replication",
  "scram_client_key",
  "scram_server_key",
  "oauth_issuer",
  "oauth_client_id",
  "oauth_client_secret",
  "oauth_scope",
]);

/** Server settings that pgkeep sets for its own statements, and what a connection string's value means beside them. */
export const GUARDED_SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: "is ignored: pgkeep always speaks UTF8",
  search_path: "holds for the project's SQL only; pgkeep's own statements use pg_catalog",
  client_connection_check_interval: "is replaced by pgkeep's own value",
};

/** Names of settings in `options` ("-c name=value", "--name=value"), lower case. */
export function settingsInOptions(options: string): string[] {
  const words = options.match(/(?:[^\s\\]|\\.)+/g) ?? [];
  const names = words.flatMap((word, index) => {
    const inWord = /^(?:-c|--)([A-Za-z_][\w.-]*)\s*=/.exec(word)?.[1];
    const afterC = word === "-c" ? /^([A-Za-z_][\w.-]*)/.exec(words[index + 1] ?? "")?.[1] : undefined;
    return [inWord ?? afterC ?? []].flat();
  });
  return names.map((name) => name.toLowerCase().replaceAll("-", "_"));
}
