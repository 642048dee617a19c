/**
 * Why a connection failed, said so that a person can act, and whether trying again can help.
 *
 * The server's SQLSTATE decides before anything else, then the system's error code, then the TLS library's. Messages
 * are made of settings that are not secret (host, port, role, database) and never of the driver's objects.
 */
import { type ErrorCode, errorCodeOf, messageOf, PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import { type ConnectionSettings, type HostAddress, ServerError } from "../session.ts";
import { HandshakeFailure } from "./authenticate.ts";
import { placeOf, TlsAttemptFailed } from "./dial.ts";
import { tlsReason } from "./tls.ts";

interface Where {
  settings: ConnectionSettings;
  address: HostAddress;
}

/** A failure as reported, and whether the same attempt may succeed a moment later. */
export interface ConnectFailure {
  error: PgkeepError;
  isTransient: boolean;
}

/** What went wrong at `where`. */
export function explainFailure(thrown: unknown, where: Where): ConnectFailure {
  const isWrapped = thrown instanceof HandshakeFailure || thrown instanceof TlsAttemptFailed;
  const cause = isWrapped ? thrown.cause : thrown;
  if (cause instanceof PgkeepError) return { error: cause, isTransient: false };
  if (cause instanceof ServerError) {
    return { error: explainServerError(cause, where), isTransient: isTransientState(cause.sqlstate) };
  }
  const code = errorCodeOf(cause) ?? "";
  const isTls = thrown instanceof TlsAttemptFailed || /^(?:ERR_(?:SSL|TLS|OSSL)|EPROTO)/.test(code);
  return { error: explainSystemError(cause, code, { ...where, isTls }), isTransient: TRANSIENT_CODES.has(code) };
}

/** The connect timeout passed. */
export function timedOut({ settings, address }: Where): PgkeepError {
  return new PgkeepError("CONNECT_TIMEOUT", `no answer from ${placeOf(address)} in time`, {
    detail: `The connect timeout of ${settings.connectTimeoutMs / 1_000} s passed before the connection was ready.`,
    state: "not connected",
    hint: "Check host, port and firewalls, or raise PGCONNECT_TIMEOUT.",
  });
}

/** Classes and states after which the same attempt can succeed: connection, resources, operator intervention, locks. */
function isTransientState(sqlstate: string): boolean {
  if (sqlstate === "57014" || sqlstate === "57P04") return false;
  return ["08", "53", "57"].includes(sqlstate.slice(0, 2)) || ["40001", "40P01", "55P03"].includes(sqlstate);
}

const TRANSIENT_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENETUNREACH",
  "ENETDOWN",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "EAI_AGAIN",
]);

interface Explanation {
  code: ErrorCode;
  message: string;
  hint: string;
}

function explainServerError(error: ServerError, { settings, address }: Where): PgkeepError {
  const { code, message, hint } = explainState(error, settings, address);
  return new PgkeepError(code, message, {
    detail: error.message === "" ? undefined : `The server says: ${scrub(tameLine(error.message))}`,
    hint,
    state: "not connected",
    sqlstate: error.sqlstate,
    // No cause: the server's own words are in the detail, scrubbed, and in no other place.
  });
}

function explainState({ sqlstate }: ServerError, settings: ConnectionSettings, address: HostAddress): Explanation {
  const role = `"${tameLine(settings.user)}"`;
  const database = `"${tameLine(settings.database)}"`;
  const place = placeOf(address);
  const states: Readonly<Record<string, Explanation>> = {
    "28P01": {
      code: "CONNECT_PASSWORD_REJECTED",
      message: `password authentication failed for role ${role} on database ${database}`,
      hint: "Check PGPASSWORD, the password file or the connection string.",
    },
    "28000": {
      code: "CONNECT_REJECTED",
      message: `the server refuses role ${role} on database ${database}`,
      hint: "Check the role's name and LOGIN right, and that a line of pg_hba.conf matches this client, role, database and TLS.",
    },
    "3D000": {
      code: "CONNECT_DATABASE_MISSING",
      message: `database ${database} does not exist on ${place}`,
      hint: `Check the name. A deploy creates a missing database, and so does: createdb ${shellWord(settings.database)}`,
    },
    "42501": {
      code: "CONNECT_PERMISSION",
      message: `role ${role} may not connect to database ${database}`,
      hint: `As the database's owner: GRANT CONNECT ON DATABASE ${quoted(settings.database)} TO ${quoted(settings.user)};`,
    },
    "53300": {
      code: "CONNECT_TOO_MANY",
      message: `too many connections on ${place}`,
      hint: "Wait, end idle sessions, or raise max_connections or the limit of the role or database.",
    },
    "57P03": {
      code: "CONNECT_STARTING_UP",
      message: `the server on ${place} is not ready for connections`,
      hint: `Wait until it accepts connections: ${readinessCommand(address)}`,
    },
  };
  return (
    states[sqlstate] ?? {
      code: "CONNECT_SERVER_REFUSED",
      message: `the server on ${place} refused the connection (SQLSTATE ${sqlstate || "missing"})`,
      hint: "Look up the SQLSTATE in PostgreSQL's manual, appendix A, and in the server's log.",
    }
  );
}

function explainSystemError(cause: unknown, code: string, { address, isTls }: Where & { isTls: boolean }): PgkeepError {
  const { code: ours, message, hint } = explainSystemCode(code, address, isTls);
  const reason =
    ours === "CONNECT_TLS_FAILED"
      ? tlsReason(cause)
      : { detail: `The system says: ${code === "" ? tameLine(messageOf(cause)) : code}.` };
  return new PgkeepError(ours, message, {
    hint,
    ...reason,
    detail: scrub(reason.detail),
    state: "not connected",
    cause,
  });
}

function explainSystemCode(code: string, address: HostAddress, isTls: boolean): Explanation {
  const place = placeOf(address);
  const check = readinessCommand(address);
  if (code === "ECONNREFUSED" || code === "ENOENT") {
    return {
      code: "CONNECT_REFUSED",
      message: `nothing listens on ${place}`,
      hint: `Check that the server runs and that host and port are right: ${check}`,
    };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EAI_FAIL" || code === "EAI_NODATA") {
    return {
      code: "CONNECT_HOST_UNKNOWN",
      message: `cannot resolve host "${address.host}"`,
      hint: "Check the name's spelling and this machine's DNS.",
    };
  }
  if (code === "ETIMEDOUT") {
    return { code: "CONNECT_TIMEOUT", message: `no answer from ${place}`, hint: "Check host, port and firewalls." };
  }
  if (!isTls || TRANSIENT_CODES.has(code)) {
    return {
      code: "CONNECT_UNREACHABLE",
      message: `the connection to ${place} could not be made or broke off`,
      hint: `Check the network between here and the server: ${check}`,
    };
  }
  return {
    code: "CONNECT_TLS_FAILED",
    message: `could not set up TLS with ${place}`,
    hint: "Check --sslmode, --sslrootcert and the server's certificate.",
  };
}

function readinessCommand({ host, port }: HostAddress): string {
  return `pg_isready -h ${shellWord(host)} -p ${port}`;
}

/** A name as the hint's SQL needs it. A name that cannot be quoted never got this far. */
function quoted(name: string): string {
  return `"${tameLine(name).replaceAll('"', '""')}"`;
}
