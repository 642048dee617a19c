/**
 * The settings of pg_tide's command line: defaults, below them a TOML file, below that variables, below that flags.
 *
 * A file or variable decides where a process that delivers events connects, so both are read strictly: an unknown key, a zero
 * where a number must be, or a file that others can write is refused. The connection string is a secret from its first
 * moment on. TLS is verified unless the URL says otherwise, and modes that fall back to clear text do not exist.
 */
import type { Stats } from "node:fs";
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import { registerConnectionString } from "../../config/environment.ts";
import { DEFAULT_SECRET_ROOTS, resolveReferences } from "../../config/references.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import { GLOBAL_FLAGS, TideUsageError } from "./grammar.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Value = string | number | boolean;

export interface TideSettings {
  output: "text" | "json";
  postgresUrl: string | undefined;
  /** Where the URL came from: "--postgres-url", "PG_TIDE_POSTGRES_URL_FILE". */
  metricsAddr: string;
  logFormat: "text" | "json";
  logLevel: "error" | "warn" | "info" | "debug";
  group: string;
  tenant: string | undefined;
  drainTimeoutSeconds: number;
  maxPipelines: number;
  maxConnections: number;
  discoverySeconds: number;
  sweepHours: number;
  selfTest: boolean;
  expectedVersion: string | undefined;
  otelEndpoint: string | undefined;
  secretRoots: string[] | undefined;
  fileRoots: string[] | undefined;
  ssrfAllow: string[] | undefined;
  metricsToken: string | undefined;
  allowSuperuser: boolean;
  allowInsecure: boolean;
  warnings: string[];
}

export interface SettingsSources {
  flags: ReadonlyMap<string, Value>;
  environment: Environment;
  workingDirectory: string;
}

/** Keys of the TOML file, with the flag that each is the default of. */
const TOML_KEYS: Readonly<Record<string, { flag: string | undefined; type: "text" | "number" }>> = {
  postgres_url: { flag: "postgres-url", type: "text" },
  metrics_addr: { flag: "metrics-addr", type: "text" },
  log_format: { flag: "log-format", type: "text" },
  log_level: { flag: "log-level", type: "text" },
  relay_group_id: { flag: "relay-group-id", type: "text" },
  tenant_id: { flag: "tenant-id", type: "text" },
  config_mode: { flag: "config-mode", type: "text" },
  discovery_interval_secs: { flag: "discovery-interval", type: "number" },
  max_owned_pipelines: { flag: "max-pipelines", type: "number" },
  max_connections: { flag: "max-connections", type: "number" },
  sweep_interval_hours: { flag: "sweep-interval-hours", type: "number" },
  drain_timeout: { flag: "drain-timeout", type: "number" },
  // Defaults of pipelines, which carry their own since they live in the catalog.
  default_batch_size: { flag: undefined, type: "number" },
  sink_max_inflight: { flag: undefined, type: "number" },
};

/** Variables by flag: the prefix of today, what documents also show, and that of the oldest versions. */
function fromEnvironment(environment: Environment): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const { name, variable, type, values: allowed } of GLOBAL_FLAGS) {
    if (variable === undefined) continue;
    const names = [
      `PG_TIDE_${variable}`,
      ...(variable === "RELAY_GROUP_ID" ? ["PG_TIDE_GROUP_ID"] : []),
      `PGTRICKLE_RELAY_${variable}`,
    ];
    const found = names.find((each) => (environment[each] ?? "") !== "");
    if (found === undefined) continue;
    values.set(name, typedValue(found, environment[found] ?? "", { type, values: allowed }));
  }
  return values;
}

function typedValue(
  origin: string,
  given: string,
  { type, values }: { type: string; values?: readonly string[] | undefined },
): Value {
  if (type === "number") {
    if (/^\d{1,15}$/.test(given)) return Number(given);
    throw refused(`${origin} is not a whole number`, `Set ${origin} to digits.`);
  }
  if (type === "boolean") {
    if (/^(1|true|yes|on)$/i.test(given)) return true;
    if (/^(0|false|no|off)$/i.test(given)) return false;
    throw refused(`${origin} is neither true nor false`, `Set ${origin} to true or false.`);
  }
  if (values && !values.includes(given))
    throw refused(`${origin} is none of ${values.join(", ")}`, `Set it to ${values[0]}.`);
  return given;
}

const refused = (message: string, hint: string): PgkeepError =>
  new PgkeepError("CONFIG_VALUE_INVALID", message, { hint, state: "nothing was started" });

/** Reads every source. Throws CONFIG_... and CONNECT_STRING_INVALID. */
export async function readSettings({ flags, environment, workingDirectory }: SettingsSources): Promise<TideSettings> {
  const variables = fromEnvironment(environment);
  const given = new Map([...variables, ...flags]);
  const warnings: string[] = [];
  const tomlPath = given.get("config");
  const isCatalogOnly = given.get("config-mode") === "catalog_only";
  if (typeof tomlPath === "string" && isCatalogOnly)
    throw new PgkeepError("CONFIG_CONFLICT", "config mode catalog_only reads no TOML file, and one was named", {
      hint: "Leave --config away, or use --config-mode toml_allowed.",
      state: "nothing was started",
    });
  const file = typeof tomlPath === "string" ? await readToml(resolve(workingDirectory, tomlPath)) : new Map();
  const merged = new Map<string, Value>([...file, ...given]);
  const reader = new Reader(merged);
  return {
    output: reader.text("output") === "json" ? "json" : "text",
    postgresUrl: await urlOf(merged, { environment, workingDirectory, warnings }),
    metricsAddr: reader.text("metrics-addr") ?? "127.0.0.1:9090",
    logFormat: reader.text("log-format") === "json" ? "json" : "text",
    logLevel: levelOf(reader.text("log-level")),
    group: reader.text("relay-group-id") ?? "default",
    tenant: reader.text("tenant-id"),
    drainTimeoutSeconds: reader.number("drain-timeout", 30),
    maxPipelines: reader.positive("max-pipelines", 50),
    maxConnections: reader.positive("max-connections", 52),
    discoverySeconds: reader.positive("discovery-interval", 30),
    sweepHours: reader.number("sweep-interval-hours", 24),
    selfTest: merged.get("self-test") === true,
    expectedVersion: reader.text("expect-extension-version"),
    otelEndpoint: reader.text("otel-endpoint"),
    secretRoots: reader.text("secret-root")?.split(":"),
    fileRoots: reader.text("file-root")?.split(":"),
    ssrfAllow: reader.text("ssrf-allow")?.split(","),
    metricsToken: reader.text("metrics-token"),
    allowSuperuser: merged.get("allow-superuser") === true,
    allowInsecure: merged.get("allow-insecure") === true,
    warnings,
  };
}

const levelOf = (text: string | undefined): TideSettings["logLevel"] => {
  if (text === "trace") return "debug";
  return text === "error" || text === "warn" || text === "debug" ? text : "info";
};

class Reader {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  number(name: string, fallback: number): number {
    const value = this.#values.get(name);
    return typeof value === "number" ? value : fallback;
  }

  positive(name: string, fallback: number): number {
    const value = this.number(name, fallback);
    if (value > 0) return value;
    throw refused(`--${name} is 0`, `Write --${name} 1 or more.`);
  }
}

/** 256 KiB: settings, not data. */
const MAX_FILE_BYTES = 256 * 1024;

/** The file's values by flag. Throws CONFIG_FILE_INVALID and CONFIG_FILE_UNSAFE; never repeats a value. */
async function readToml(path: string): Promise<Map<string, Value>> {
  const { parsed } = await parseToml(path);
  const values = new Map<string, Value>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const known = Object.hasOwn(TOML_KEYS, key) ? TOML_KEYS[key] : undefined;
    if (!known) problems.push(unknownKey(key));
    else if (known.type === "text" ? typeof value !== "string" : !Number.isSafeInteger(value))
      problems.push(`${key}: must be ${known.type === "text" ? "a text" : "a whole number"}`);
    else if (value === 0 || value === "") problems.push(`${key}: must not be ${value === 0 ? "0" : "empty"}`);
    else if (known.flag !== undefined && (typeof value === "string" || typeof value === "number"))
      values.set(known.flag, value);
  }
  if (problems.length === 0) return values;
  throw new PgkeepError("CONFIG_FILE_INVALID", "the TOML file has keys or values that cannot be", {
    detail: problems.slice(0, 8).join("\n"),
    hint: "Correct these lines; pipelines belong into the catalog (pg-tide migrate-config prints the SQL).",
    state: "nothing was started",
  });
}

function unknownKey(key: string): string {
  if (key === "pipeline") return "pipeline: pipelines are no longer read from the file";
  const near = nearestName(key, Object.keys(TOML_KEYS));
  const shown = /^[\w-]{1,40}$/.test(key) ? key : "a key";
  return `${shown}: unknown${near ? `, did you mean ${near}?` : ""}`;
}

/** The file as it is. Throws CONFIG_FILE_INVALID and CONFIG_FILE_UNSAFE. */
export async function parseToml(path: string): Promise<{ parsed: Record<string, unknown> }> {
  const text = await readTrusted(path, "the TOML file");
  for (const [, url = ""] of text.matchAll(/(postgres(?:ql)?:\/\/[^"'\s]+)/g)) registerConnectionString(url);
  const { parse } = await import("smol-toml");
  try {
    return { parsed: parse(text) };
  } catch (error) {
    // The parser's message quotes the file, which may hold a password.
    const line = typeof error === "object" && error !== null && "line" in error ? Number(error.line) : undefined;
    throw new PgkeepError("CONFIG_FILE_INVALID", "the TOML file cannot be read", {
      ...(line === undefined ? {} : { detail: `Something is wrong at line ${line}.` }),
      hint: "Correct the file's syntax.",
      state: "nothing was started",
    });
  }
}

const WRITABLE_BY_OTHERS = 0o022;

/** Text of a file that decides for this process: nobody else may be able to write it, wherever a link leads. */
async function readTrusted(path: string, what: string): Promise<string> {
  const inspect = (stats: Stats): void => {
    const self = process.geteuid?.();
    if (self === undefined) return;
    if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) throw unsafe(what, "can be written by other users", "chmod go-w FILE");
    if (stats.uid !== 0 && stats.uid !== self) throw unsafe(what, "belongs to somebody else", "chown it to yourself");
  };
  try {
    // Container platforms mount files as links; where the link ends is what is checked.
    const bytes = await readRegularFile(await realpath(path), { maxBytes: MAX_FILE_BYTES, inspect });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    const reason = error instanceof FileRefusal ? error.message : "could not be read";
    throw new PgkeepError("CONFIG_FILE_INVALID", `${what} ${reason}`, {
      hint: "Name a regular file of UTF-8 text that you own.",
      state: "nothing was started",
    });
  }
}

const unsafe = (what: string, reason: string, fix: string): PgkeepError =>
  new PgkeepError("CONFIG_FILE_UNSAFE", `${what} ${reason}`, {
    hint: `Correct it: ${fix}`,
    state: "nothing was started",
  });

interface UrlSources {
  environment: Environment;
  workingDirectory: string;
  warnings: string[];
}

/** The connection string: the file wins. References inside are resolved; an unknown one is an error. */
async function urlOf(values: ReadonlyMap<string, Value>, sources: UrlSources): Promise<string | undefined> {
  const file = values.get("postgres-url-file");
  const plain = values.get("postgres-url");
  const given = typeof file === "string" ? await urlInFile(file, sources) : plain;
  if (typeof given !== "string") return undefined;
  registerConnectionString(given);
  const secretRoots = [...DEFAULT_SECRET_ROOTS, "/etc/pg-tide"];
  const url = await resolveReferences(given, { environment: sources.environment, secretRoots, of: "--postgres-url" });
  registerConnectionString(url);
  if (/^postgres(ql)?:\/\//.test(url)) return url;
  throw new PgkeepError("CONNECT_STRING_INVALID", "the connection string is no postgres:// URL", {
    hint: "Write it as postgres://user@host:5432/database?sslmode=verify-full.",
    state: "not connected",
  });
}

async function urlInFile(file: string, { workingDirectory }: UrlSources): Promise<string> {
  return (await readTrusted(resolve(workingDirectory, file), "the file of --postgres-url-file")).trim();
}

/** The URL's own sslmode, or verify-full without one. Throws CONFIG_VALUE_INVALID for modes that may fall back. */
export function sslmodeOf(url: string): string | undefined {
  const mode = /[?&]sslmode=([^&#]*)/i.exec(url)?.[1]?.toLowerCase();
  if (mode === "allow" || mode === "prefer")
    throw refused(
      `sslmode=${mode} is not used by pg-tide`,
      "Write sslmode=verify-full, or disable without a network between.",
    );
  return mode === undefined ? "verify-full" : undefined;
}

/** The URL, which every command but help needs. Throws TideUsageError. */
export function requireUrl({ postgresUrl }: TideSettings): string {
  if (postgresUrl !== undefined) return postgresUrl;
  throw new TideUsageError(
    "no database was named",
    "Give --postgres-url, --postgres-url-file or PG_TIDE_POSTGRES_URL.",
  );
}
