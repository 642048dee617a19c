/**
 * From what was asked for to everything needed to connect.
 *
 * All sources are merged first (layers.ts); here the winning values are checked and given their meaning. Errors name
 * the source of a bad value and never the value itself: people paste passwords into the wrong place.
 */
import { userInfo } from "node:os";
import { type Clock, systemClock } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";
import type { Environment } from "../../config/environment.ts";
import { checkIdentifier } from "../identifiers.ts";
import type { ConnectionSettings, HostAddress, TargetSessionAttrs } from "../session.ts";
import { AUTH_METHODS } from "./authenticate.ts";
import { type CloudSources, withIdentity } from "./cloud.ts";
import type { ConnectionRequest } from "./input.ts";
import { GUARDED_SETTINGS, IGNORED_KEYWORDS, OWN_KEYWORDS, REFUSED_KEYWORDS, settingsInOptions } from "./keywords.ts";
import { type ConnectionFileSettings, collectLayers, type Layers, type Sourced } from "./layers.ts";
import { defaultPasswordFile, findPassword, readPasswordFile } from "./password-file.ts";
import { resolveTls } from "./resolve-tls.ts";
import { badValue, choice } from "./values.ts";

export type { ConnectionFileSettings } from "./layers.ts";

export interface ResolveSources {
  environment: Environment;
  /** Absolute; relative paths of certificates start here. */
  workingDirectory: string;
  fileSettings?: ConnectionFileSettings | undefined;
  /** Gets each warning as it is found. They are in the result as well. */
  warn?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
  /** Starts or joins the embedded server of the directory; called when `request.embedded` is set. */
  embedded?: (() => Promise<ConnectionSettings>) | undefined;
  /** Name that the server shows for us when nobody chose one; default "pgmi", which existing projects look for. */
  applicationName?: string | undefined;
}

export interface ResolvedConnection {
  settings: ConnectionSettings;
  /** The target; the same as `settings.database`. */
  database: string;
  /** Where to connect for CREATE DATABASE and DROP DATABASE. */
  maintenanceDatabase: string;
  /** Where each setting came from, by the name it has in configuration files. */
  origin: Readonly<Record<string, string>>;
  warnings: readonly string[];
}

/**
 * Resolves a connection, offline except for the token of a cloud identity.
 *
 * Throws CONFIG_CONFLICT, CONFIG_VALUE_INVALID, CONFIG_TARGET_MISSING, CONNECT_STRING_INVALID and what cloud identities throw.
 */
export async function resolveConnection(
  request: ConnectionRequest,
  sources: ResolveSources,
): Promise<ResolvedConnection> {
  const warnings: string[] = [];
  const warn = (message: string) => {
    warnings.push(message);
    sources.warn?.(message);
  };
  if (request.embedded) return resolveEmbedded(request, sources, warnings);
  const layers = await collectLayers(request, sources);
  warnAboutProcess(sources.environment, warn);
  refuseUnsupported(layers);
  const database = targetDatabase(layers);
  const user = layers.get("user") ?? { value: accountName(sources.environment), origin: "operating system account" };
  checkIdentifier(user.value, "role");
  const hosts = hostsOf(layers);
  const tls = await resolveTls(layers, sources);
  const password = await passwordOf(layers, { sources, hosts, user: user.value, database: database.value, warn });
  const settings: ConnectionSettings = {
    hosts,
    user: user.value,
    database: database.value,
    password: password.source,
    ...tls,
    ...authenticationOf(layers),
    ...sessionSettings(layers, sources, warn),
  };
  const cloud: CloudSources = { ...sources, clock: sources.clock ?? systemClock, warn };
  const hasHost = layers.get("host") !== undefined || layers.get("hostaddr") !== undefined;
  const identity = await withIdentity(settings, { request, sources: cloud, hasHost });
  return {
    settings: identity.settings,
    database: identity.settings.database,
    maintenanceDatabase: maintenanceDatabase(layers, request, sources),
    origin: origins(layers, { database, user, password: identity.origin ?? password.origin }),
    warnings,
  };
}

async function resolveEmbedded(
  request: ConnectionRequest,
  sources: ResolveSources,
  warnings: readonly string[],
): Promise<ResolvedConnection> {
  const given = FLAGS_OF_ANOTHER_SERVER.filter(([field]) => request[field] !== undefined && request[field] !== false);
  if (given.length > 0 || sources.embedded === undefined) {
    const flags = given.map(([, flag]) => flag).join(", ") || "this command";
    throw new PgkeepError("CONFIG_CONFLICT", "the embedded server and another server were both asked for", {
      detail: `The embedded server, by --embedded or a configuration file, was asked for together with ${flags}.`,
      hint: "Leave one of them away: for another server name it with -h HOST, without --embedded.",
      state: "nothing was started",
    });
  }
  const settings = await sources.embedded();
  const { value: database, origin } = embeddedDatabase(request, sources) ?? {
    value: settings.database,
    origin: "embedded server",
  };
  checkIdentifier(database, "database");
  return {
    settings: { ...settings, database },
    database,
    maintenanceDatabase: "postgres",
    origin: { host: "--embedded", database: origin },
    warnings,
  };
}

/** Everything but the database: the embedded server has one address, one role and one way to prove both. */
const FLAGS_OF_ANOTHER_SERVER = [
  ["connection", "--connection"],
  ["host", "--host"],
  ["port", "--port"],
  ["username", "--username"],
  ["sslmode", "--sslmode"],
  ["sslcert", "--sslcert"],
  ["sslkey", "--sslkey"],
  ["sslrootcert", "--sslrootcert"],
  ["azure", "--azure"],
  ["azureTenantId", "--azure-tenant-id"],
  ["azureClientId", "--azure-client-id"],
  ["aws", "--aws"],
  ["awsRegion", "--aws-region"],
  ["google", "--google"],
  ["googleInstance", "--google-instance"],
  ["requireAuth", "--require-auth"],
  ["channelBinding", "--channel-binding"],
] as const;

/** The name of the database ranks as with any other server. */
function embeddedDatabase(
  request: ConnectionRequest,
  { environment, fileSettings }: ResolveSources,
): Sourced | undefined {
  if (request.database !== undefined) return { value: request.database, origin: "--database" };
  const { PGDATABASE: value } = environment;
  return value ? { value, origin: "environment PGDATABASE" } : fileSettings?.database;
}

function warnAboutProcess(environment: Environment, warn: (message: string) => void): void {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
  warn("NODE_TLS_REJECT_UNAUTHORIZED is ignored; certificates are checked as --sslmode says");
}

function refuseUnsupported(layers: Layers): void {
  for (const keyword of REFUSED_KEYWORDS) {
    const found = layers.get(keyword);
    if (found) throw badValue(found, `${keyword} is not supported`, "Remove it; pgkeep could not keep its promise.");
  }
  const gss = layers.get("gssencmode");
  if (gss?.value === "require")
    throw badValue(gss, "GSSAPI encryption is not supported", "Use TLS: sslmode=verify-full.");
}

// --- what to connect to

function targetDatabase(layers: Layers): Sourced {
  const chosen = layers.get("dbname");
  if (!chosen) {
    throw new PgkeepError("CONFIG_TARGET_MISSING", "no database was named", {
      state: "nothing was started",
      hint: "Name it with -d NAME, PGDATABASE, a connection string, or connection.database in the project's configuration.",
    });
  }
  checkIdentifier(chosen.value, "database");
  return chosen;
}

/**
 * With -d the string's own database is there already and serves; without, the configured one, or `postgres`. `-d` without
 * a string leaves the configured one as well.
 */
function maintenanceDatabase(layers: Layers, request: ConnectionRequest, { fileSettings }: ResolveSources): string {
  const configured = fileSettings?.maintenance_database?.value || "postgres";
  if (request.database === undefined || layers.stringForm === undefined) return configured;
  return layers.inString("dbname") ?? (layers.stringForm === "uri" ? "postgres" : configured);
}

function accountName(environment: Environment): string {
  const named = environment.USER || environment.USERNAME;
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "no role was named and this process runs as an unnamed account", {
      hint: "Name the role with -U ROLE or PGUSER.",
      state: "nothing was started",
    });
  }
}

const DEFAULT_PORT = 5432;

function hostsOf(layers: Layers): HostAddress[] {
  const host = layers.get("host");
  const addresses = layers.get("hostaddr");
  const names = host?.value.split(",") ?? [];
  const literals = addresses?.value.split(",") ?? [];
  if (host && addresses && names.length !== literals.length) {
    throw badValue(addresses, "hostaddr has another number of entries than host", "Give one address per host.");
  }
  const count = Math.max(names.length, literals.length, 1);
  const ports = portsOf(layers, count);
  return Array.from({ length: count }, (_, index) => {
    const address = literals[index] || undefined;
    const name = names[index] || address || "localhost";
    return { host: checkHost(name, host), port: ports[index] ?? DEFAULT_PORT, ...(address ? { address } : {}) };
  });
}

function checkHost(name: string, source: Sourced | undefined): string {
  const origin = source ?? { value: "", origin: "default" };
  if (name.startsWith("@")) {
    throw badValue(origin, "abstract Unix sockets are not supported", "Use a socket in a directory, or TCP.");
  }
  const isClean = !/[\p{Cc}\p{Surrogate}]/u.test(name);
  if (isClean && (name.startsWith("/") || /^[^\s/@?#[\]\\'"]+$/.test(name))) return name;
  throw badValue(origin, "a host is neither a name, an address nor an absolute directory", hostHint(name));
}

function hostHint(name: string): string {
  if (/^\[.*\]$/.test(name)) return "Write the address without brackets.";
  if (/^[^:@?#]*\//.test(name)) return "Write the directory from the root on: /var/run/postgresql.";
  return "Write the name alone.";
}

function portsOf(layers: Layers, count: number): number[] {
  const port = layers.get("port");
  if (!port) return Array.from({ length: count }, () => DEFAULT_PORT);
  const ports = port.value.split(",").map((text) => (text.trim() === "" ? DEFAULT_PORT : parsePort(text.trim(), port)));
  if (ports.length === 1) return Array.from({ length: count }, () => ports[0] ?? DEFAULT_PORT);
  if (ports.length !== count)
    throw badValue(port, "there are more ports than hosts, or fewer", "Give one port, or one per host.");
  return ports;
}

function parsePort(text: string, source: Sourced): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw badValue(source, "the port is not a number from 1 to 65535", "PostgreSQL's usual port is 5432.");
}

// --- how to prove who we are

interface PasswordContext {
  sources: ResolveSources;
  hosts: readonly HostAddress[];
  user: string;
  database: string;
  warn: (message: string) => void;
}

type PasswordSource = ConnectionSettings["password"];

async function passwordOf(
  layers: Layers,
  { sources, hosts, user, database, warn }: PasswordContext,
): Promise<{ source: PasswordSource; origin: string | undefined }> {
  const given = layers.get("password");
  if (given) {
    const secret = new Secret(given.value);
    return { source: async () => secret, origin: given.origin };
  }
  const file = layers.get("passfile")?.value ?? defaultPasswordFile(sources.environment);
  const entries = file ? await readPasswordFile(file, warn) : [];
  const find = ({ host, port }: HostAddress) => findPassword(entries, { host, port, database, user });
  // One entry for any of the hosts is enough to say that passwords are configured.
  if (!hosts.some(find)) return { source: undefined, origin: undefined };
  return { source: async (address) => find(address), origin: `password file ${file}` };
}

function authenticationOf(layers: Layers): Pick<ConnectionSettings, "channelBinding" | "requireAuth"> {
  const binding = choice(layers.get("channel_binding"), ["disable", "prefer", "require"], "channel_binding");
  const required = layers.get("require_auth");
  return { channelBinding: binding ?? "prefer", requireAuth: required && parseRequireAuth(required) };
}

function parseRequireAuth(source: Sourced): string[] {
  const list = source.value.split(",").map((entry) => entry.trim());
  const known: readonly string[] = AUTH_METHODS;
  const isKnown = list.every((entry) => known.includes(entry.replace(/^!/, "")));
  const negated = list.filter((entry) => entry.startsWith("!")).length;
  if (!isKnown) throw badValue(source, "require_auth holds an unknown method", `Known: ${AUTH_METHODS.join(", ")}.`);
  if (negated > 0 && negated < list.length) {
    throw badValue(source, "require_auth mixes methods with and without !", "Use one kind only.");
  }
  if (new Set(list).size < list.length) throw badValue(source, "require_auth names a method twice", "Name each once.");
  return list;
}

// --- the session itself

/** 30 s: a server that answers at all does so in far less, and without a limit one that never does would hold a pipeline. */
const DEFAULT_CONNECT_TIMEOUT_S = 30;

type SessionPart = Pick<
  ConnectionSettings,
  "targetSessionAttrs" | "connectTimeoutMs" | "applicationName" | "serverSettings" | "loadBalanceHosts"
>;

const TARGET_ROLES: readonly TargetSessionAttrs[] = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
];

function sessionSettings(layers: Layers, sources: ResolveSources, warn: (message: string) => void): SessionPart {
  const chosenName = layers.get("application_name") ?? layers.get("fallback_application_name");
  return {
    targetSessionAttrs: choice(layers.get("target_session_attrs"), TARGET_ROLES, "target_session_attrs") ?? "any",
    connectTimeoutMs: connectTimeoutMs(layers.get("connect_timeout")),
    applicationName: chosenName?.value ?? sources.applicationName ?? "pgmi",
    loadBalanceHosts:
      choice(layers.get("load_balance_hosts"), ["disable", "random"], "load_balance_hosts") === "random",
    serverSettings: serverSettings(layers, warn),
  };
}

function connectTimeoutMs(source: Sourced | undefined): number {
  if (!source) return DEFAULT_CONNECT_TIMEOUT_S * 1_000;
  if (/^\d{1,6}$/.test(source.value.trim())) return Number(source.value) * 1_000;
  throw badValue(source, "the connect timeout is not a whole number of seconds, 0 or more", "0 is no limit.");
}

function serverSettings(layers: Layers, warn: (message: string) => void): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const keyword of layers.keywords()) {
    const isServers = !OWN_KEYWORDS.has(keyword) && !IGNORED_KEYWORDS.has(keyword) && !REFUSED_KEYWORDS.has(keyword);
    const found = layers.get(keyword);
    if (isServers && found) settings[keyword] = found.value;
  }
  const options = layers.get("options")?.value;
  if (options !== undefined) settings.options = options;
  const encoding = layers.get("client_encoding");
  const named = [
    ...Object.keys(settings),
    ...settingsInOptions(options ?? ""),
    ...(isForeign(encoding) ? ["client_encoding"] : []),
  ];
  for (const name of new Set(named)) {
    const meaning = Object.hasOwn(GUARDED_SETTINGS, name) ? GUARDED_SETTINGS[name] : undefined;
    if (meaning) warn(`${name} of the connection's settings ${meaning}`);
  }
  return settings;
}

function isForeign(encoding: Sourced | undefined): boolean {
  return encoding !== undefined && !["utf8", "utf-8", "unicode", "auto"].includes(encoding.value.toLowerCase());
}

// --- where it all came from

const SHOWN_KEYWORDS: Readonly<Record<string, string>> = {
  host: "host",
  port: "port",
  sslmode: "sslmode",
  sslcert: "sslcert",
  sslkey: "sslkey",
  sslrootcert: "sslrootcert",
  channel_binding: "channel_binding",
  require_auth: "require_auth",
  application_name: "application_name",
  connect_timeout: "connect_timeout",
  target_session_attrs: "target_session_attrs",
};

function origins(
  layers: Layers,
  { database, user, password }: { database: Sourced; user: Sourced; password: string | undefined },
): Record<string, string> {
  const shown = Object.entries(SHOWN_KEYWORDS).map(([name, keyword]) => [
    name,
    layers.get(keyword)?.origin ?? "default",
  ]);
  const origin = { ...Object.fromEntries(shown), database: database.origin, username: user.origin };
  return password === undefined ? origin : { ...origin, password };
}
