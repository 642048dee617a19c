/**
 * The command that audits as another role, over the same line: whatever was said about it stays, except what is secret or
 * belongs to the login.
 *
 * Without its TLS flags the pasted command would believe any server that answers, and send it a password.
 */
import { shellWord } from "../../base/shell.ts";
import { parseConnectionString } from "../../pg/connect/connection-string.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import type { ConnectionSettings } from "../../pg/session.ts";
import type { ServerRequest } from "../server/connect.ts";

interface AuditAs {
  request: ServerRequest;
  settings: Pick<ConnectionSettings, "hosts">;
  role: string;
  database: string;
}

/** Flags of a line, with the keyword that a connection string has for each. */
const LINE_FLAGS = [
  ["sslmode", "sslmode", "--sslmode"],
  ["sslrootcert", "sslrootcert", "--sslrootcert"],
  ["sslcert", "sslcert", "--sslcert"],
  ["sslkey", "sslkey", "--sslkey"],
  ["requireAuth", "require_auth", "--require-auth"],
  ["channelBinding", "channel_binding", "--channel-binding"],
] as const satisfies readonly (readonly [keyof ConnectionRequest, string, string])[];

/** Of a connection string, what has no flag. `options` and settings of the server are the login's. */
const KEPT_KEYWORDS: ReadonlySet<string> = new Set([
  "connect_timeout",
  "gssencmode",
  "hostaddr",
  "load_balance_hosts",
  "max_protocol_version",
  "min_protocol_version",
  "passfile",
  "requirepeer",
  "requiressl",
  "service",
  "servicefile",
  "ssl_max_protocol_version",
  "ssl_min_protocol_version",
  "sslcertmode",
  "sslcrl",
  "sslcrldir",
  "sslnegotiation",
  "sslsni",
  "target_session_attrs",
]);

/** What may come from the string beside them when it is written again. */
const PLACE_KEYWORDS = ["host", "port"];

/** `pgkeep audit ...` as `role` in `database`, to paste into a shell. */
export function auditCommand({ request, settings, role, database }: AuditAs): string {
  const { connection, config, env } = request;
  const given: ReadonlyMap<string, string> =
    connection === undefined ? new Map() : parseConnectionString(connection, "--connection").parameters;
  const needsString = settings.hosts.length > 1 || [...given.keys()].some((keyword) => KEPT_KEYWORDS.has(keyword));
  const place =
    connection !== undefined && needsString
      ? ["--connection", shellWord(publicString(given, role)), "-d", shellWord(database)]
      : [...hostWords(request, settings), "-d", shellWord(database), "-U", shellWord(role)];
  const hasMode = connection !== undefined && needsString;
  const line = LINE_FLAGS.flatMap(([field, keyword, flag]) => {
    const value = request[field] ?? (hasMode ? undefined : given.get(keyword));
    return value === undefined || value === "" ? [] : [flag, shellWord(value)];
  });
  const files = [...(config === undefined ? [] : ["--config", config]), ...(env === undefined ? [] : ["--env", env])];
  return ["pgkeep", "audit", ...place, ...line, ...files.map(shellWord)].join(" ");
}

function hostWords({ host, port }: ServerRequest, { hosts }: AuditAs["settings"]): string[] {
  const [first] = hosts;
  return ["-h", shellWord(host ?? first?.host ?? "localhost"), "-p", String(port ?? first?.port ?? 5432)];
}

/** The string again, for another login. */
function publicString(given: ReadonlyMap<string, string>, role: string): string {
  const line = LINE_FLAGS.map(([, keyword]) => keyword);
  const kept = [...given].filter(([keyword]) =>
    [...PLACE_KEYWORDS, ...line, ...KEPT_KEYWORDS].some((each) => each === keyword),
  );
  return [...kept, ["user", role]].map(([keyword, value = ""]) => `${keyword}=${quoted(value)}`).join(" ");
}

/** A value of a list of keywords. */
function quoted(value: string): string {
  return /^[^\s'\\]+$/.test(value) ? value : `'${value.replace(/[\\']/g, "\\$&")}'`;
}
