/**
 * The server's settings as a new session of anybody finds them, and what keeps us from knowing one.
 *
 * pg_settings shows the value of *our* session. Where that came from the role, the database or the connection, the
 * instance's own value is behind it, and nothing in the session tells it: configuration files do not, because a value of
 * the server's command line wins over them. The owner of a database could so plant a good value for whoever audits. Values of
 * the database are seen past from another database; what is still our own there is unknown. pg_settings also leaves
 * out, without a word, rows that only members of pg_read_all_settings see.
 */
import { literal } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import { NotApplicable, Unanswered } from "../answers.ts";

export interface Setting {
  name: string;
  /** As pg_settings has it: in the setting's base unit, "on" and "off" for booleans. */
  value: string;
  /** "postmaster" needs a restart, "sighup" a reload; pg_settings.context. undefined offline. */
  context: string | undefined;
  /** "default", "configuration file", "command line" ... */
  source: string;
  /** Where the file has it. */
  place: { file: string; line: number } | undefined;
  /** The file has another value that waits for a restart. */
  isPending: boolean;
}

/** Sources of a value that is this session's alone. */
const OWN_SOURCES = new Set(["database", "user", "database user", "client", "session", "interactive", "test"]);

/**
 * Shown only to members of pg_read_all_settings (GUC_SUPERUSER_ONLY in the servers of 14 to 18). For any other name that
 * is missing, the server does not have the setting.
 */
const HIDDEN = new Set([
  "archive_cleanup_command",
  "archive_command",
  "config_file",
  "data_directory",
  "dynamic_library_path",
  "external_pid_file",
  "extension_control_path",
  "extension_destdir",
  "hba_file",
  "ident_file",
  "jit_provider",
  "krb_server_keyfile",
  "local_preload_libraries",
  "log_directory",
  "log_filename",
  "oauth_validator_libraries",
  "primary_conninfo",
  "primary_slot_name",
  "recovery_end_command",
  "restore_command",
  "session_preload_libraries",
  "shared_preload_libraries",
  "ssl_ciphers",
  "ssl_dh_params_file",
  "ssl_ecdh_curve",
  "ssl_groups",
  "ssl_max_protocol_version",
  "ssl_min_protocol_version",
  "ssl_passphrase_command",
  "ssl_tls13_ciphers",
  "stats_temp_directory",
  "unix_socket_directories",
]);

/** A password that a setting's text carries: behind its name, inside a URL. What comes before it is kept. */
const WORD_SECRET = String.raw`((?:password|passwd|pwd|secret\w*|secret_access_key|accountkey|token)\s*[=]\s*|--(?:password|secret|token)\s+)('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s'"&;]+)`;
const URL_SECRET = String.raw`(://[^:@/\s]*:)[^@/\s]+@`;
/** Settings that are a secret as a whole, whichever extension brought them; and commands that repeat one. */
const WHOLE_SECRET = "(password|passwd|secret|token|api_?key|private_?key)$";
const REPEATED = String.raw`^(\s*\S*(?:echo|printf)\s).*$`;

const MASKED = `case when s.vartype operator(pg_catalog.<>) 'string' or s.setting operator(pg_catalog.=) '' then s.setting
              when s.name operator(pg_catalog.~*) ${literal(WHOLE_SECRET)} then '***'
              when s.name operator(pg_catalog.=) 'ssl_passphrase_command'
                then pg_catalog.regexp_replace(s.setting, ${literal(REPEATED)}, ${literal("\\1***")})
              else pg_catalog.regexp_replace(
                     pg_catalog.regexp_replace(s.setting, ${literal(WORD_SECRET)}, ${literal("\\1***")}, 'gi'),
                     ${literal(URL_SECRET)}, ${literal("\\1***@")}, 'g')
         end as setting`;

/**
 * All settings in one statement, without the passwords in them: no check needs one, so none leaves the server. Names
 * nothing that a search_path could capture, and writes literals that mean the same under any setting: it runs before we
 * set our own.
 */
export const ALL_SETTINGS = `
  select s.name, ${MASKED}, s.context, s.source, s.sourcefile, s.sourceline, s.pending_restart
    from pg_catalog.pg_settings as s`;

/** Whether a row of ALL_SETTINGS is this session's alone. */
function isOwn({ source }: TextRow): boolean {
  return OWN_SOURCES.has(source ?? "");
}

/** Whether the database of a session has values of its own, of which another database knows nothing. */
export function hasDatabaseValues(rows: readonly TextRow[]): boolean {
  return rows.some(({ source }) => source === "database" || source === "database user");
}

/** A database without values of its own, to see past those of the one at hand. */
export const PLAIN_DATABASE = `
  select d.datname as name
    from pg_catalog.pg_database as d
   where d.datallowconn
     and d.datname <> pg_catalog.current_database()
     and pg_catalog.has_database_privilege(d.oid, 'CONNECT')
     and not exists (select from pg_catalog.pg_db_role_setting as s where s.setdatabase = d.oid)
   order by d.datistemplate, d.datname = 'postgres' desc, d.datname
   limit 1`;

export interface SettingsSource {
  /** Rows of ALL_SETTINGS, once per session that was asked. */
  views: readonly (readonly TextRow[])[];
  /** Whether this role is shown everything. */
  seesHidden: boolean;
}

/** Settings by name; asking for one that cannot be known throws. */
export class Settings {
  readonly #known: ReadonlyMap<string, Setting>;
  readonly #overridden: ReadonlySet<string>;
  readonly #seesHidden: boolean;

  /** Settings that were read elsewhere: from a file, without a server. */
  constructor(known: ReadonlyMap<string, Setting>, { overridden = new Set<string>(), seesHidden = true } = {}) {
    this.#known = known;
    this.#overridden = overridden;
    this.#seesHidden = seesHidden;
  }

  static fromServer({ views, seesHidden }: SettingsSource): Settings {
    const known = new Map<string, Setting>();
    const overridden = new Set<string>();
    for (const row of views.flat()) {
      const name = row.name ?? "";
      if (known.has(name)) continue;
      if (isOwn(row)) overridden.add(name);
      else known.set(name, settingOf(row));
    }
    return new Settings(known, { overridden, seesHidden });
  }

  /** Throws Unanswered when this role is not shown it, NotApplicable when the server does not have it. */
  get(name: string): Setting {
    const setting = this.#known.get(name);
    if (setting !== undefined) return setting;
    if (this.#overridden.has(name)) {
      throw new Unanswered(
        `the role or the connection of this run has its own value of ${name}, which hides the server's`,
      );
    }
    if (!this.#seesHidden && HIDDEN.has(name)) {
      throw new Unanswered(`the server does not show ${name} to this role`, "pg_read_all_settings");
    }
    throw new NotApplicable(`the server has no setting ${name}`);
  }

  /** The setting, or undefined where the server does not have it. Throws Unanswered as `get` does. */
  find(name: string): Setting | undefined {
    try {
      return this.get(name);
    } catch (error) {
      if (error instanceof NotApplicable) return undefined;
      throw error;
    }
  }

  value(name: string): string {
    return this.get(name).value;
  }

  isOn(name: string): boolean {
    return this.value(name) === "on";
  }

  /** A number in the setting's base unit. */
  number(name: string): number {
    return Number(this.value(name));
  }

  /** Names of libraries and the like: "pgaudit, auto_explain" as a list. */
  list(name: string): readonly string[] {
    return this.value(name)
      .split(",")
      .map((part) => part.trim().replace(/^"(.*)"$/, "$1"))
      .filter((part) => part !== "");
  }

  /** Everything that is known, for checks that look at all of it. */
  all(): Iterable<Setting> {
    return this.#known.values();
  }
}

function settingOf(row: TextRow): Setting {
  const { sourcefile: file, sourceline: line } = row;
  return {
    name: row.name ?? "",
    value: row.setting ?? "",
    context: row.context ?? undefined,
    source: row.source ?? "default",
    place: file && line ? { file, line: Number(line) } : undefined,
    isPending: row.pending_restart === "t",
  };
}
