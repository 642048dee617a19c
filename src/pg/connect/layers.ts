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
  const uriDefaults = parsed?.form === "uri" ? URI_DEFAULTS : new Map<string, Sourced>();
  const file = fileLayer(fileSettings, chosen !== undefined);
  const layers = [...upper, service, uriDefaults, fromEnvironment, file];
  return {
    get: (keyword) => first(layers, keyword),
    keywords: () => new Set(layers.flatMap((layer) => [...layer.keys()])),
    inString: (keyword) => inString.get(keyword)?.value || undefined,
    stringForm: parsed?.form,
  };
}

/** A URI names a database even when it has no path. */
const URI_DEFAULTS: Layer = new Map([["dbname", { value: "postgres", origin: "default of a URI" }]]);

function first(layers: readonly Layer[], keyword: string): Sourced | undefined {
  return layers.map((layer) => layer.get(keyword)).find((found) => found !== undefined && found.value !== "");
}

/** Request field, keyword, flag. */
const FLAGS = [
  ["host", "host", "--host"],
  ["port", "port", "--port"],
  ["username", "user", "--username"],
  ["database", "dbname", "--database"],
  ["sslmode", "sslmode", "--sslmode"],
  ["sslcert", "sslcert", "--sslcert"],
  ["sslkey", "sslkey", "--sslkey"],
  ["sslrootcert", "sslrootcert", "--sslrootcert"],
  ["requireAuth", "require_auth", "--require-auth"],
  ["channelBinding", "channel_binding", "--channel-binding"],
] as const;

function flagLayer(request: ConnectionRequest): Layer {
  return new Map(
    FLAGS.flatMap(([field, keyword, flag]) => {
      const value = request[field];
      return value === undefined ? [] : [[keyword, { value: String(value), origin: flag }]];
    }),
  );
}

/** Variables that hold a whole connection string; the first one that is set counts. */
export const STRING_VARIABLES = ["PGKEEP_CONNECTION_STRING", "PGMI_CONNECTION_STRING", "DATABASE_URL"];

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

/** Key of the file's section, keyword. */
const FILE_KEYS = [
  ["host", "host"],
  ["port", "port"],
  ["username", "user"],
  ["database", "dbname"],
  ["sslmode", "sslmode"],
  ["sslcert", "sslcert"],
  ["sslkey", "sslkey"],
  ["sslrootcert", "sslrootcert"],
  ["require_auth", "require_auth"],
  ["channel_binding", "channel_binding"],
] as const;

const KEPT_BESIDE_STRING = new Set(["sslcert", "sslkey", "sslrootcert", "require_auth", "channel_binding"]);

function fileLayer(settings: ConnectionFileSettings, isReplaced: boolean): Layer {
  return new Map(
    FILE_KEYS.flatMap(([key, keyword]) => {
      const setting = settings[key];
      const counts = setting !== undefined && (!isReplaced || KEPT_BESIDE_STRING.has(keyword));
      return counts ? [[keyword, setting]] : [];
    }),
  );
}
