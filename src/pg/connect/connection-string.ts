/**
 * Connection strings, in the three forms that people have: URI, libpq's keyword/value pairs, ADO.NET pairs.
 *
 * All become one map of libpq keywords ("dbname", "sslmode"); keys that libpq does not know stay, as settings for the
 * server. Nothing of the string ever appears in an error, because whatever is broken about it may be the password.
 *
 * Source: PostgreSQL 18 manual, section 32.1.1 "Connection Strings".
 */
import { PgkeepError } from "../../base/errors.ts";

/** libpq keyword to value. Several hosts and ports are comma-separated, as in libpq. */
export type ConnectionParameters = ReadonlyMap<string, string>;

export interface ParsedConnectionString {
  form: "uri" | "keywords" | "ado.net";
  parameters: ConnectionParameters;
}

/** 64 KiB: longer than any real string, access tokens as passwords included. */
const MAX_STRING_LENGTH = 65_536;

/** Parses `text`. Throws CONNECT_STRING_INVALID, which says where the string came from (`source`) and not what it is. */
export function parseConnectionString(text: string, source: string): ParsedConnectionString {
  const refuse = (detail: string) => invalid(source, detail);
  if (text.length > MAX_STRING_LENGTH) throw refuse("It is too long.");
  if (text.includes("\0") || !text.isWellFormed()) throw refuse("It holds characters that no connection string has.");
  const trimmed = text.trim();
  if (/^postgres(?:ql)?:\/\//.test(trimmed)) return { form: "uri", parameters: parseUri(trimmed, refuse) };
  if (!trimmed.includes("=")) throw refuse("It has none of the known forms.");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) throw refuse("Its scheme is not postgresql or postgres.");
  if (hasUnquotedSemicolon(trimmed)) return { form: "ado.net", parameters: parseAdoNet(trimmed, refuse) };
  return { form: "keywords", parameters: parseKeywords(trimmed, refuse) };
}

type Refuse = (detail: string) => PgkeepError;

function invalid(source: string, detail: string): PgkeepError {
  return new PgkeepError("CONNECT_STRING_INVALID", `cannot read the connection string from ${source}`, {
    detail,
    state: "nothing was started",
    hint: "Write it as postgresql://user@host:port/database; percent-encode special characters of the password.",
  });
}

// --- URI

function parseUri(uri: string, refuse: Refuse): ConnectionParameters {
  const rest = uri.slice(uri.indexOf("://") + 3);
  const authorityEnd = rest.search(/[/?]/);
  const authority = authorityEnd === -1 ? rest : rest.slice(0, authorityEnd);
  const tail = authorityEnd === -1 ? "" : rest.slice(authorityEnd);
  const queryStart = tail.indexOf("?");
  const path = (queryStart === -1 ? tail : tail.slice(0, queryStart)).replace(/^\//, "");
  const query = queryStart === -1 ? "" : tail.slice(queryStart + 1);
  const parameters = new Map<string, string>();
  // The last "@" ends the user part, so that a password with an unencoded one still works.
  const at = authority.lastIndexOf("@");
  if (at !== -1) addUserPart(parameters, authority.slice(0, at), refuse);
  addHosts(parameters, authority.slice(at + 1), refuse);
  if (path !== "") parameters.set("dbname", percentDecode(path, refuse));
  for (const pair of query.split("&")) addQueryPair(parameters, pair, refuse);
  return parameters;
}

function addUserPart(parameters: Map<string, string>, part: string, refuse: Refuse): void {
  const colon = part.indexOf(":");
  const user = percentDecode(colon === -1 ? part : part.slice(0, colon), refuse);
  if (user !== "") parameters.set("user", user);
  if (colon !== -1) parameters.set("password", percentDecode(part.slice(colon + 1), refuse));
}

function addHosts(parameters: Map<string, string>, text: string, refuse: Refuse): void {
  if (text === "") return;
  const places = text.split(",").map((place) => hostAndPort(place, refuse));
  if (places.some(({ host }) => host !== "")) parameters.set("host", places.map(({ host }) => host).join(","));
  if (places.some(({ port }) => port !== "")) parameters.set("port", places.map(({ port }) => port).join(","));
}

function hostAndPort(place: string, refuse: Refuse): { host: string; port: string } {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(place);
  if (!match) throw refuse("A host or port in it is not written as host:port or [address]:port.");
  const host = percentDecode(match[1] ?? match[2] ?? "", refuse);
  if (host.includes(",")) throw refuse("A host in it holds a comma.");
  return { host, port: match[3] ?? "" };
}

function addQueryPair(parameters: Map<string, string>, pair: string, refuse: Refuse): void {
  if (pair === "") return;
  const equals = pair.indexOf("=");
  if (equals < 1) throw refuse("A query parameter in it is not written as key=value.");
  const key = percentDecode(pair.slice(0, equals), refuse).toLowerCase();
  const value = percentDecode(pair.slice(equals + 1), refuse);
  // The JDBC way of asking for TLS, which libpq understands as well.
  if (key === "ssl" && value === "true") parameters.set("sslmode", "require");
  else parameters.set(checkKey(key, refuse), value);
}

function percentDecode(text: string, refuse: Refuse): string {
  const decoded = decodedOrUndefined(text);
  if (decoded === undefined) throw refuse("A percent sign in it is not followed by the two digits of a character.");
  // In the startup message a NUL ends a value, so what stands behind it would be read as another setting.
  if (decoded.includes("\0")) throw refuse("It holds %00, a character that no name and no value can have.");
  return decoded;
}

/** Without the URI's own error, which repeats a part of it. */
function decodedOrUndefined(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

// --- keyword=value pairs, separated by white space

const KEYWORD_PAIR = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*)?)(?=\s|$)/sy;

function parseKeywords(text: string, refuse: Refuse): ConnectionParameters {
  const parameters = new Map<string, string>();
  KEYWORD_PAIR.lastIndex = 0;
  while (KEYWORD_PAIR.lastIndex < text.length) {
    const match = KEYWORD_PAIR.exec(text);
    if (!match) throw refuse("It is not a list of key=value pairs, or a quote in it is not closed.");
    const value = (match[2] ?? match[3] ?? "").replace(/\\(.)/gs, "$1");
    parameters.set(checkKey((match[1] ?? "").toLowerCase(), refuse), value);
  }
  return parameters;
}

// --- ADO.NET: key=value pairs separated by semicolons

const ADO_KEYS: Readonly<Record<string, string>> = {
  host: "host",
  server: "host",
  port: "port",
  database: "dbname",
  "initial catalog": "dbname",
  username: "user",
  "user name": "user",
  "user id": "user",
  userid: "user",
  uid: "user",
  password: "password",
  pwd: "password",
  sslmode: "sslmode",
  "ssl mode": "sslmode",
  sslcert: "sslcert",
  "ssl cert": "sslcert",
  "ssl certificate": "sslcert",
  sslkey: "sslkey",
  "ssl key": "sslkey",
  sslrootcert: "sslrootcert",
  "ssl root cert": "sslrootcert",
  "root certificate": "sslrootcert",
  sslpassword: "sslpassword",
  "ssl password": "sslpassword",
  "application name": "application_name",
  applicationname: "application_name",
  timeout: "connect_timeout",
  "connect timeout": "connect_timeout",
  connecttimeout: "connect_timeout",
};

const ADO_SSL_MODES: Readonly<Record<string, string>> = { verifyca: "verify-ca", verifyfull: "verify-full" };

function parseAdoNet(text: string, refuse: Refuse): ConnectionParameters {
  const parameters = new Map<string, string>();
  for (const token of splitAdoNet(text, refuse)) {
    const equals = token.indexOf("=");
    if (equals < 1) continue;
    const written = token.slice(0, equals).trim().toLowerCase();
    const key = ADO_KEYS[written] ?? written;
    const value = unquoteAdoNet(token.slice(equals + 1).trim());
    const mode = key === "sslmode" ? value.toLowerCase() : value;
    parameters.set(checkKey(key, refuse), ADO_SSL_MODES[mode] ?? mode);
  }
  return parameters;
}

/** A value that starts with a quote goes to its end, doubled quotes included; any other to the next semicolon. */
const ADO_TOKEN = /\s*(?:[^=;]*=\s*(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|(?!\s*['"])[^;]*)\s*|[^=;]*)(?:;|$)/y;

function splitAdoNet(text: string, refuse: Refuse): string[] {
  const tokens: string[] = [];
  ADO_TOKEN.lastIndex = 0;
  while (ADO_TOKEN.lastIndex < text.length) {
    const match = ADO_TOKEN.exec(text);
    if (!match) throw refuse("A quoted value in it is not closed or is followed by other text.");
    tokens.push(match[0].replace(/;$/, "").trim());
  }
  return tokens;
}

function unquoteAdoNet(value: string): string {
  const quote = value[0];
  if ((quote !== "'" && quote !== '"') || value.length < 2) return value;
  return value.slice(1, -1).replaceAll(quote + quote, quote);
}

/** A quote opens right after "=" only; semicolons inside quotes separate nothing. */
function hasUnquotedSemicolon(text: string): boolean {
  return text.replace(/=\s*(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*")/gs, "=").includes(";");
}

/** A key goes to the server as the name of a setting when nobody else knows it, so it has to look like one. */
function checkKey(key: string, refuse: Refuse): string {
  if (/^[a-z_][a-z0-9_.]{0,62}$/.test(key)) return key;
  throw refuse("A key in it is not a name.");
}
