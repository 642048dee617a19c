/**
 * Where each connection setting comes from, and which source wins.
 *
 * Order, key by key: flag > connection string > service file > environment > configuration file. A connection string in
 * effect takes the place of the configuration file's connection section, except for what a string does not name:
 * certificates, cloud identity and the limits on authentication.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { ConnectionKey } from "../../config/connection-keys.ts";
import type { Environment } from "../../config/environment.ts";
import type { Setting } from "../../config/settings.ts";
import { parseConnectionString } from "./connection-string.ts";
import type { ConnectionRequest } from "./input.ts";
import { ENVIRONMENT_KEYWORDS } from "./keywords.ts";
import { loadService } from "./service-file.ts";

/** The `connection:` section of the configuration files, each value with its place ("pgmi.yaml:3"). */
export type ConnectionFileSettings = Readonly<Partial<Record<ConnectionKey, Setting>>>;

/** A value and where it came from: "--host", "environment PGHOST", "connection string from DATABASE_URL". */
export interface Sourced {
  value: string;
  origin: string;
}

export interface LayerSources {
  environment: Environment;
  fileSettings?: ConnectionFileSettings | undefined;
}

/** All sources of one connection, asked keyword by keyword. */
export interface Layers {
  /** The winning value; an empty one counts as absent, as in libpq. */
  get(keyword: string): Sourced | undefined;
  /** Every keyword that any source names. */
  keywords(): Set<string>;
  /** What a connection string says, whether it wins or not. */
  inString(keyword: string): string | undefined;
  stringForm: "uri" | "keywords" | "ado.net" | undefined;
}

type Layer = ReadonlyMap<string, Sourced>;

export async function collectLayers(request: ConnectionRequest, sources: LayerSources): Promise<Layers> {
  const { environment, fileSettings = {} } = sources;
  const flags = flagLayer(request);
  const chosen = chooseString(request, environment);
  refuseConflicts(request);
  const parsed = chosen && parseConnectionString(chosen.value, chosen.origin);
  const fromString = new Map(withOrigin(parsed?.parameters ?? new Map(), `connection string from ${chosen?.origin}`));
  const inString = new Map(fromString);
  dropForeignParts(fromString, flags);
  const fromEnvironment = environmentLayer(environment);
  const upper = [flags, fromString];
  const service = await serviceLayer([...upper, fromEnvironment], environment);
  const layers = [...upper, service, fromEnvironment, fileLayer(fileSettings, chosen !== undefined)];
  return {
    get: (keyword) => first(layers, keyword),
    keywords: () => new Set(layers.flatMap((layer) => [...layer.keys()])),
    inString: (keyword) => inString.get(keyword)?.value || undefined,
    stringForm: parsed?.form,
  };
}

function first(layers: readonly Layer[], keyword: string): Sourced | undefined {
  return layers.map((layer) => layer.get(keyword)).find((found) => found !== undefined && found.value !== "");
}

const FLAG_KEYWORDS = {
  host: "host",
  port: "port",
  username: "user",
  database: "dbname",
  sslmode: "sslmode",
  sslcert: "sslcert",
  sslkey: "sslkey",
  sslrootcert: "sslrootcert",
  requireAuth: "require_auth",
  channelBinding: "channel_binding",
} as const;

const FLAG_NAMES: Readonly<Record<string, string>> = {
  requireAuth: "--require-auth",
  channelBinding: "--channel-binding",
};

function flagLayer(request: ConnectionRequest): Layer {
  const layer = new Map<string, Sourced>();
  for (const [field, keyword] of Object.entries(FLAG_KEYWORDS)) {
    const value: unknown = Reflect.get(request, field);
    if (value === undefined) continue;
    layer.set(keyword, { value: String(value), origin: FLAG_NAMES[field] ?? `--${field}` });
  }
  return layer;
}

const STRING_VARIABLES = ["PGKEEP_CONNECTION_STRING", "PGMI_CONNECTION_STRING", "DATABASE_URL"];

function chooseString({ connection }: ConnectionRequest, environment: Environment): Sourced | undefined {
  if (connection !== undefined && connection !== "") return { value: connection, origin: "--connection" };
  const name = STRING_VARIABLES.find((variable) => environment[variable]);
  return name === undefined ? undefined : { value: environment[name] ?? "", origin: name };
}

/** A string and flags that say the same things are a contradiction when both were typed for this one command. */
function refuseConflicts(request: ConnectionRequest): void {
  if (!request.connection) return;
  const given = (["host", "port", "username", "sslmode"] as const).filter((field) => request[field] !== undefined);
  if (given.length === 0) return;
  throw new PgkeepError("CONFIG_CONFLICT", "a connection string and flags for the same settings were given", {
    detail: `--connection was given together with ${given.map((field) => `--${field}`).join(", ")}.`,
    hint: "Put those settings into the string, or leave the string away; --database and the certificate flags may stay.",
    state: "nothing was started",
  });
}

/**
 * A string from the environment gives way to flags. When a flag names another host or role, the string's password (and,
 * for another host, its port and address) belongs to somebody else and must not be sent there.
 */
function dropForeignParts(fromString: Map<string, Sourced>, flags: Layer): void {
  const differs = (keyword: string) => {
    const flag = flags.get(keyword);
    return flag !== undefined && flag.value !== fromString.get(keyword)?.value;
  };
  if (differs("host")) for (const keyword of ["port", "hostaddr", "password"]) fromString.delete(keyword);
  if (differs("port") || differs("user")) fromString.delete("password");
}

function environmentLayer(environment: Environment): Layer {
  const layer = new Map<string, Sourced>();
  for (const [variable, keyword] of Object.entries(ENVIRONMENT_KEYWORDS)) {
    const value = environment[variable];
    if (value) layer.set(keyword, { value, origin: `environment ${variable}` });
  }
  return layer;
}

async function serviceLayer(layers: readonly Layer[], environment: Environment): Promise<Layer> {
  const name = first(layers, "service")?.value;
  if (name === undefined) return new Map();
  const { parameters, file } = await loadService(name, environment, first(layers, "servicefile")?.value);
  return new Map(withOrigin(parameters, `service file ${file}`));
}

function withOrigin(parameters: ReadonlyMap<string, string>, origin: string): [string, Sourced][] {
  return [...parameters].map(([keyword, value]) => [keyword, { value, origin }]);
}

const FILE_KEYWORDS: Readonly<Partial<Record<ConnectionKey, string>>> = {
  host: "host",
  port: "port",
  username: "user",
  database: "dbname",
  sslmode: "sslmode",
  sslcert: "sslcert",
  sslkey: "sslkey",
  sslrootcert: "sslrootcert",
  require_auth: "require_auth",
  channel_binding: "channel_binding",
};

const KEPT_BESIDE_STRING = new Set(["sslcert", "sslkey", "sslrootcert", "require_auth", "channel_binding"]);

function fileLayer(settings: ConnectionFileSettings, isReplaced: boolean): Layer {
  const layer = new Map<string, Sourced>();
  for (const [key, keyword] of Object.entries(FILE_KEYWORDS)) {
    const setting = Object.entries(settings).find(([name]) => name === key)?.[1];
    if (setting && (!isReplaced || KEPT_BESIDE_STRING.has(keyword))) layer.set(keyword, setting);
  }
  return layer;
}
