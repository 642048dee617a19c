/**
 * Every way an operation can fail, by code.
 *
 * A failure is thrown as a `PgkeepError` whose parts are PostgreSQL's own: message (what happened), detail (why, with
 * the values), hint (what to do), plus the state things are in. The catalogue below gives each code its exit status,
 * whether trying again can help, and the text of `pgkeep explain CODE`; docs/reference/errors.md is made from it.
 * A code is set where the error is thrown, never guessed from a text, and never reused for another meaning.
 */

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  crash: 3,
  config: 10,
  connection: 11,
  notApproved: 12,
  execution: 13,
  scriptMissing: 14,
  locked: 15,
  timeout: 16,
  findings: 20,
  unknown: 21,
  stalePlan: 22,
  unexpectedResult: 23,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface ErrorDefinition {
  exit: ExitCode;
  /** Whether the same command can succeed later with nothing changed by the user. */
  retryable: boolean;
  /** What it means and what to do, in whole sentences, for `pgkeep explain` and the reference page. */
  explain: string;
}

const define = (exit: ExitCode, explain: string, retryable = false): ErrorDefinition => ({ exit, retryable, explain });

export const ERRORS = {
  USAGE_UNKNOWN_COMMAND: define(
    EXIT.usage,
    "The first words name no command. Commands are never abbreviated, so that a script means the same thing in every version.",
  ),
  USAGE_UNKNOWN_FLAG: define(
    EXIT.usage,
    "The command has no such flag. Only the flag's name is repeated in the message, because people paste secrets into flags.",
  ),
  USAGE_ARGUMENTS: define(EXIT.usage, "The command got too few or too many arguments, or one of the wrong type."),
  USAGE_TARGET_NOT_EMPTY: define(
    EXIT.usage,
    "init writes into an empty directory (pgmi.yaml and .env may be there), so that it never overwrites anybody's work.",
  ),
  USAGE_UNKNOWN_NAME: define(EXIT.usage, "No template, code, skill or shell has that name."),
  COMMAND_INTERRUPTED: define(
    EXIT.interrupted,
    "SIGINT or SIGTERM arrived before the command was done. A second signal ends the process without waiting.",
    true,
  ),
  COMMAND_TIMEOUT: define(EXIT.timeout, "--timeout passed before the command was done.", true),
  INTERNAL_BUG: define(
    EXIT.crash,
    "pgkeep itself is wrong. The report file holds the version, the command's name and the stack: no arguments, no environment. Please send it.",
  ),
  CONFIG_FILE_INVALID: define(
    EXIT.config,
    "A configuration file could not be read as what it is: a syntax error, an unknown or repeated key, or a value of the wrong type. Nothing was started.",
  ),
  CONFIG_FILE_UNSAFE: define(
    EXIT.config,
    "A configuration file can be written by other users of this machine, who could redirect a deploy. Take the right away with chmod.",
  ),
  CONFIG_VALUE_INVALID: define(EXIT.config, "A flag, variable or setting has a value outside what it may be."),
  CONFIG_CONFLICT: define(EXIT.config, "Two settings that exclude each other were both given."),
  CONFIG_REFERENCE_UNRESOLVED: define(
    EXIT.config,
    "A ${env:NAME} or ${file:/path} reference has no value: the variable is not set or the file cannot be read from the allowed roots.",
  ),
  CONFIG_TARGET_MISSING: define(
    EXIT.config,
    "No database was named: not by a flag, a variable, nor a configuration file.",
  ),
  CONFIG_NO_TERMINAL: define(
    EXIT.failed,
    "The configuration wizard asks questions, and without a terminal nobody can answer. Write pgmi.yaml instead; pgkeep config schema tells what it may hold.",
  ),
  CONNECT_STRING_INVALID: define(
    EXIT.config,
    "The connection string is neither a URI, nor keyword/value pairs, nor ADO.NET pairs. It is not repeated, because it may hold a password.",
  ),
  CONNECT_AUTH_METHOD_UNKNOWN: define(EXIT.config, "There is no authentication method of that name."),
  CONNECT_AUTH_PACKAGE_MISSING: define(
    EXIT.config,
    "The cloud's own library is not installed. It is optional so that those who do not use it need not install it.",
  ),
  CONNECT_AUTH_CONFIG: define(EXIT.config, "The chosen authentication method lacks a setting that it needs."),
  CONNECT_TOKEN_FAILED: define(
    EXIT.connection,
    "The identity provider gave no access token. Its answer is shown without credentials.",
    true,
  ),
  CONNECT_PASSWORD_REJECTED: define(
    EXIT.connection,
    "The server does not accept this password for this role (SQLSTATE 28P01). Check PGPASSWORD, the password file or the connection string.",
  ),
  CONNECT_REJECTED: define(
    EXIT.connection,
    "The server refused the connection before or instead of asking for a password: no matching pg_hba.conf line, no such role, or a login that is not allowed (SQLSTATE class 28).",
  ),
  CONNECT_DATABASE_MISSING: define(EXIT.connection, "The server has no database of that name (SQLSTATE 3D000)."),
  CONNECT_PERMISSION: define(
    EXIT.connection,
    "The role may not connect to this database (SQLSTATE 42501). The hint has the GRANT.",
  ),
  CONNECT_TOO_MANY: define(EXIT.connection, "The server has no free connection slot (SQLSTATE 53300).", true),
  CONNECT_STARTING_UP: define(
    EXIT.connection,
    "The server is starting, stopping or recovering (SQLSTATE 57P03).",
    true,
  ),
  CONNECT_SERVER_REFUSED: define(EXIT.connection, "The server refused the connection with the SQLSTATE shown.", true),
  CONNECT_REFUSED: define(EXIT.connection, "Nothing listens at that address and port.", true),
  CONNECT_HOST_UNKNOWN: define(EXIT.connection, "The host's name could not be resolved."),
  CONNECT_UNREACHABLE: define(EXIT.connection, "The network gave no way to the server, or the connection broke.", true),
  CONNECT_TIMEOUT: define(EXIT.connection, "The server did not answer within the connect timeout.", true),
  CONNECT_TLS_FAILED: define(
    EXIT.connection,
    "TLS could not be set up: the server does not offer it, its certificate does not verify, or the client certificate was refused.",
  ),
  CONNECT_TLS_FILE: define(
    EXIT.config,
    "A certificate or key file could not be used: missing, unreadable, or readable by others.",
  ),
  CONNECT_CLEARTEXT_REFUSED: define(
    EXIT.connection,
    "The server asked for the password in clear text over an unencrypted connection. It was not sent. An impostor asks exactly this.",
  ),
  CONNECT_AUTH_REFUSED: define(
    EXIT.connection,
    "The server asked for an authentication method that require_auth or channel_binding rules out. No credentials were sent.",
  ),
  CONNECT_PASSWORD_MISSING: define(EXIT.connection, "The server asked for a password and none was configured."),
  CONNECT_WRONG_SERVER: define(
    EXIT.connection,
    "Every host answered, but none has the role that target_session_attrs asks for (for example read-write).",
    true,
  ),
  CONNECT_PROTOCOL: define(
    EXIT.connection,
    "What answered does not speak PostgreSQL's protocol as documented, or sent more than it may before authentication.",
  ),
  CONNECT_LOST: define(
    EXIT.connection,
    "The connection broke while work was under way. The STATE line says what is known about the last transaction.",
    true,
  ),
  DEPLOY_PROJECT_MISSING: define(EXIT.config, "The project path does not exist or is not a directory."),
  DEPLOY_SCRIPT_MISSING: define(
    EXIT.scriptMissing,
    "The project has no deploy.sql. That file, with exactly this lower-case name, decides what runs and in which order.",
  ),
  DEPLOY_FILE_REFUSED: define(
    EXIT.config,
    "A project file cannot be loaded: a symbolic link, not a regular file, too large, not UTF-8, or holding a NUL byte. Nothing was started.",
  ),
  DEPLOY_DIRECTORY_RESERVED: define(
    EXIT.config,
    "Directory names of the form __name__ are reserved; only __test__ and __tests__ have a meaning.",
  ),
  DEPLOY_METADATA_INVALID: define(EXIT.config, "A <pgmi-meta> block does not follow its format. Nothing was started."),
  DEPLOY_METADATA_DUPLICATE: define(
    EXIT.config,
    "Two files carry the same metadata id, so neither can be told from the other.",
  ),
  DEPLOY_PARAMETER_INVALID: define(
    EXIT.config,
    "A parameter's key or value cannot be used. The message names its place (--param #2, or file and line) and never the text.",
  ),
  DEPLOY_PARAMS_FILE_INVALID: define(EXIT.config, "A parameters file is missing or has a line that is not key=value."),
  DEPLOY_COMPAT_UNKNOWN: define(EXIT.config, "The session API level asked for does not exist."),
  DEPLOY_SERVER_TOO_OLD: define(EXIT.config, "The server's version is older than this command supports."),
  DEPLOY_OVERWRITE_REFUSED: define(
    EXIT.config,
    "The maintenance database and the templates are never dropped, whatever the flags say; nor is a database that allows no connections, into which nothing could be deployed.",
  ),
  DEPLOY_OVERWRITE_UNAPPROVED: define(
    EXIT.notApproved,
    "Dropping a database needs the typed name on a terminal, or --force without one. Nothing was dropped.",
  ),
  DEPLOY_EXPOSURE_REFUSED: define(
    EXIT.config,
    "With --strict-secrets a run that could expose a secret is refused before it starts. The detail lists each exposure with its remedy.",
  ),
  DEPLOY_LOCKED: define(
    EXIT.locked,
    "Another deploy holds this database's lock. Its holder is named; locks end with their session.",
    true,
  ),
  DEPLOY_CREATE_RACE: define(
    EXIT.locked,
    "Somebody else created the database in the same moment. Run the command again.",
    true,
  ),
  DEPLOY_DATABASE_FAILED: define(EXIT.execution, "The database could not be created or dropped."),
  DEPLOY_PREPARATION_FAILED: define(
    EXIT.execution,
    "The project could not be loaded into the session, for example because the role may not create temporary tables or because the database's encoding lacks a character of a file. Nothing was applied.",
  ),
  DEPLOY_MACRO_INVALID: define(
    EXIT.execution,
    "A CALL pgmi_test(...) has an invalid pattern or callback. Nothing was applied.",
  ),
  DEPLOY_SQL_FAILED: define(
    EXIT.execution,
    "A statement failed on the server. The STATE line says what remains; file, line and column name the place.",
  ),
  DEPLOY_TESTS_FAILED: define(EXIT.execution, "A test failed, so nothing of its transaction was committed."),
  DEPLOY_TRANSACTION_OPEN: define(
    EXIT.execution,
    "deploy.sql ended inside an open transaction, so that work was rolled back. Add COMMIT, or remove BEGIN.",
  ),
  DEPLOY_TIMEOUT: define(EXIT.timeout, "--timeout passed. The running statement was cancelled on the server.", true),
  DEPLOY_INTERRUPTED: define(
    EXIT.interrupted,
    "SIGINT or SIGTERM arrived. The running statement was cancelled on the server.",
    true,
  ),
  DEPLOY_TEMPLATE_UNKNOWN: define(EXIT.usage, "There is no template of that name."),
  ACCESS_MODEL_INVALID: define(
    EXIT.config,
    "The access model does not say what can be done: an unknown key, a role named twice, a cycle of memberships, a privilege that the kind of object does not have. Nothing was started.",
  ),
  ACCESS_VERIFIER_INVALID: define(
    EXIT.config,
    "A value that looks like a SCRAM verifier is not one. A server would take it for a clear-text password, so it is not sent.",
  ),
  ACCESS_CATALOG_UNREADABLE: define(
    EXIT.execution,
    "The server's catalog could not be read or understood, so nothing can be said about who may do what.",
  ),
  ACCESS_RIGHT_MISSING: define(
    EXIT.execution,
    "The role that runs the plan lacks a right that a statement needs. The detail names the right, the hint the statement for an administrator.",
  ),
  ACCESS_BLOCKED: define(
    EXIT.unknown,
    "Part of the plan needs somebody else, a superuser, another grantor or the provider, or a flag that confirms it. Nothing was applied. The plan has the exact statements; --partial applies the rest.",
  ),
  ACCESS_LOCK_TIMEOUT: define(
    EXIT.execution,
    "Another session held a lock longer than lock_timeout, so the whole transaction was rolled back. The blocking process is named.",
    true,
  ),
  ACCESS_PLAN_STALE: define(
    EXIT.stalePlan,
    "What the saved plan was made from has changed since. Nothing was changed; make the plan again.",
  ),
  ACCESS_UNAPPROVED: define(
    EXIT.notApproved,
    "Applying a plan needs a yes at the terminal, or --yes without one. Nothing was changed.",
  ),
  ACCESS_PLAN_FILE_INVALID: define(
    EXIT.config,
    "The file is no plan that access plan --save wrote, or it was changed since. Nothing was started.",
  ),
  ACCESS_PASSWORD_REJECTED: define(
    EXIT.execution,
    "A module of the server refused a password's verifier. The password itself is never sent instead; the hint says what can be done.",
  ),
  ACCESS_RESULT_DIFFERS: define(
    EXIT.unexpectedResult,
    "Every statement succeeded and the database is still not as planned: PostgreSQL only warns when a GRANT or REVOKE has no effect. The differences and the server's warnings are listed.",
  ),
  ACCESS_SQL_FAILED: define(
    EXIT.execution,
    "A statement of the plan failed on the server. The STATE line says what remains.",
  ),
  ACCESS_VERIFY_FAILED: define(
    EXIT.findings,
    "A role can do something that it must not, or cannot do what it must. Each probe is listed with what the server answered.",
  ),
  ACCESS_VERIFY_UNKNOWN: define(
    EXIT.unknown,
    "Some probes could not be answered with the rights at hand, and unknown never counts as good.",
  ),
  ACCESS_ROLE_OWNS_OBJECTS: define(
    EXIT.execution,
    "A role cannot be dropped while it owns something or holds privileges. The detail lists what, per database.",
  ),
  ACCESS_UNSUPPORTED_VERSION: define(
    EXIT.config,
    "The model asks for something that the connected server's version does not have.",
  ),
  ACCESS_PROVIDER_REFUSED: define(
    EXIT.config,
    "The managed service does not allow this to anybody. The hint names the provider's own way.",
  ),
  AUDIT_FIX_UNAPPROVED: define(
    EXIT.notApproved,
    "Applying fixes needs a yes at the terminal, or --yes without one. Nothing was changed.",
  ),
  AUDIT_FIX_STALE: define(
    EXIT.stalePlan,
    "What the fixes were planned from has changed since the audit saw it. Nothing was changed; run audit fix again.",
  ),
  RELAY_SCHEMA_FOREIGN: define(
    EXIT.config,
    "There is a schema tide in the database that neither pgkeep nor pg_tide made, or whose owner is somebody else. Nothing in it is touched.",
  ),
  RELAY_ADOPTION_UNAPPROVED: define(
    EXIT.notApproved,
    "The extension pg_tide made schema tide. Taking it over keeps its tables and rows and drops the extension; that needs a yes at the terminal, or --yes without one. Nothing was changed.",
  ),
  RELAY_NOT_INSTALLED: define(
    EXIT.config,
    "The database has no schema tide, or an older one than this version works with. pgkeep relay install makes or upgrades it.",
  ),
  RELAY_RIGHT_MISSING: define(
    EXIT.connection,
    "The role that the relay connects as lacks a right in schema tide. The message names it; pgkeep relay install --roles makes a role that has them all.",
  ),
  RELAY_SUPERUSER: define(
    EXIT.config,
    "The relay would run as a superuser. It needs a few rights on one schema, and everything more is a danger: give it a role of its own, or say --allow-superuser.",
  ),
  RELAY_PIPELINE_UNKNOWN: define(EXIT.config, "No pipeline has that name, or the role may not see it."),
  RELAY_PIPELINE_INVALID: define(
    EXIT.config,
    "The configuration of a pipeline cannot work. The detail names each field that is wrong; other pipelines are not affected.",
  ),
  RELAY_OUTBOX_UNKNOWN: define(EXIT.config, "No outbox or inbox has that name."),
  RELAY_DEAD_LETTER_UNKNOWN: define(EXIT.config, "No dead letter has that number, or it is settled already."),
  RELAY_ADDRESS_REFUSED: define(
    EXIT.config,
    "A pipeline wants to reach a private address. Only the operator of the process can permit that, with --ssrf-allow.",
  ),
  RELAY_PACKAGE_MISSING: define(
    EXIT.config,
    "The connector needs a client library that is not installed. The hint gives the command that installs it.",
  ),
  RELAY_LISTEN_FAILED: define(EXIT.config, "The port for metrics or for a webhook receiver could not be opened."),
  RELAY_DEAD_LETTERS: define(
    EXIT.unexpectedResult,
    "Events became dead letters during the run and --fail-on-dead was given. pgkeep relay dlq list shows them.",
  ),
  RELAY_SQL_FAILED: define(
    EXIT.execution,
    "The database refused what a relay command asked for. Its own words are shown; nothing was changed.",
  ),
  RELAY_UNAPPROVED: define(
    EXIT.notApproved,
    "More than one dead letter would be changed. Look at them with --preview, then repeat the command with --yes. Nothing was changed.",
  ),
  RELAY_REPLAY_REFUSED: define(
    EXIT.config,
    "A replay needs a range of events that are still there and a pipeline that is enabled. The message says which is not so.",
  ),
  RELAY_FORCED: define(
    EXIT.failed,
    "Pipelines had not finished when the time to drain was up and were ended. What they had sent but not recorded will be sent again, with the same ids.",
    true,
  ),
  DB_BINARIES_MISSING: define(
    EXIT.config,
    "The embedded PostgreSQL comes as an optional package for this platform, which is not installed.",
  ),
  DB_BINARIES_CHANGED: define(
    EXIT.failed,
    "The embedded server's files are not those that were shipped. They are not started.",
  ),
  DB_DIRECTORY_UNSAFE: define(
    EXIT.config,
    "The embedded server's directory belongs to somebody else or can be written by others.",
  ),
  DB_USER_UNAVAILABLE: define(
    EXIT.config,
    "PostgreSQL does not run as root, and no unprivileged account could be used for it on this machine.",
  ),
  DB_START_FAILED: define(EXIT.failed, "The embedded server did not start. The detail holds the end of its log."),
  DB_STOP_FAILED: define(EXIT.failed, "The embedded server was asked to stop and still runs."),
  DB_NOT_RUNNING: define(
    EXIT.connection,
    "No embedded server is running for this directory. Start it with pgkeep db start.",
  ),
  DB_IN_USE: define(
    EXIT.locked,
    "Another pgkeep uses the embedded server of this directory in a way that this command would disturb.",
    true,
  ),
  DB_RESET_UNAPPROVED: define(
    EXIT.notApproved,
    "Removing the embedded database needs its name typed on a terminal, or --yes without one. Nothing was removed.",
  ),
  DB_PSQL_MISSING: define(EXIT.config, "psql is not installed; the embedded server's package does not hold it."),
  FILE_WRITE_FAILED: define(
    EXIT.failed,
    "An output file could not be written: full disk, missing directory or missing right.",
  ),
  CANCELLED: define(EXIT.notApproved, "The question was answered with no, or the prompt was left."),
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** The short numbers that access errors also go by, for scripts and tickets that carry them. */
export const ERROR_NUMBERS: Readonly<Record<string, ErrorCode>> = {
  ACC001: "ACCESS_MODEL_INVALID",
  ACC002: "CONFIG_REFERENCE_UNRESOLVED",
  ACC003: "ACCESS_VERIFIER_INVALID",
  ACC010: "ACCESS_RIGHT_MISSING",
  ACC011: "ACCESS_BLOCKED",
  ACC012: "ACCESS_LOCK_TIMEOUT",
  ACC020: "ACCESS_PLAN_STALE",
  ACC021: "ACCESS_RESULT_DIFFERS",
  ACC030: "ACCESS_VERIFY_FAILED",
  ACC031: "ACCESS_VERIFY_UNKNOWN",
  ACC040: "ACCESS_ROLE_OWNS_OBJECTS",
  ACC050: "ACCESS_UNSUPPORTED_VERSION",
  ACC051: "ACCESS_PROVIDER_REFUSED",
};

/** The parts of a failure beyond its message. All are shown when present; none may hold a secret. */
export interface ErrorParts {
  /** Why, in sentences, with the actual values. */
  detail?: string | undefined;
  /** What to do, as an imperative; a command to paste when there is one. */
  hint?: string | undefined;
  /** What state things are in: "not connected", "nothing was started", "rolled back; ...". */
  state?: string | undefined;
  sqlstate?: string | undefined;
  /** The server's CONTEXT. */
  where?: string | undefined;
  /** Project-relative path of the file the failure is in. */
  file?: string | undefined;
  /** 1-based. */
  line?: number | undefined;
  /** 1-based, in characters (code points). */
  column?: number | undefined;
  /** The text of that line, for the caret. */
  sourceLine?: string | undefined;
  /** What is known of the result in spite of the failure, in the shape the operation documents (deploy: its JSON keys). */
  data?: Readonly<Record<string, unknown>> | undefined;
  cause?: unknown;
}

/** A failure of an operation: what happened, why, what state things are in, what to do. */
export class PgkeepError extends Error {
  readonly code: ErrorCode;
  readonly parts: Readonly<ErrorParts>;

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "PgkeepError";
    this.code = code;
    this.parts = parts;
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** The same failure with parts added; a part that is already there stays. */
  with(parts: ErrorParts): PgkeepError {
    const known = Object.fromEntries(Object.entries(this.parts).filter(([, value]) => value !== undefined));
    return new PgkeepError(this.code, this.message, { ...parts, ...known });
  }
}

/** `error.code` of a Node or driver error ("ECONNREFUSED", "28P01"); undefined for anything else. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
