/**
 * Makes a pipeline's settings usable in this process: resolves references, refuses secrets that stand in the catalog,
 * and checks what came out against the connector's own schema.
 *
 * References are resolved in one pass over configuration only. No event is ever looked at for them, and what one brings
 * in is not looked at again.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { z as Zod } from "zod";
import { PgkeepError } from "../../base/errors.ts";
import type { ZodNamespace } from "../../base/operation.ts";
import { registerSecret } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { isOwnCredential, registerConnectionString } from "../../config/environment.ts";
import { hasReferences, referencesIn, resolveReferences } from "../../config/references.ts";
import type { ConnectorDefinition } from "../connector.ts";
import { isRecord, recordOf } from "../json/kinds.ts";
import type { Pipeline } from "./pipeline.ts";
import { invalid, pathText, problemsOf, refuseProblems } from "./problems.ts";
import { kindOfSchema, type SchemaNode } from "./schema-node.ts";
import { fieldAt, inlineSecrets, secretPaths } from "./secrets.ts";

export interface OpenOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** Directories that `${file:}` may read below. */
  secretRoots: readonly string[];
  allowInlineSecrets: boolean;
}

export interface Openable<Config> {
  /** The connector's configuration, resolved and with defaults. */
  config: Config;
  /** `wire_config` and `transform` with references resolved, for `openShaping`. */
  wireOptions: Readonly<Record<string, unknown>>;
  transforms: Readonly<Record<string, unknown>>;
  /** What the pipeline asks of the address guard. */
  addresses: Pipeline["addresses"];
  /** Files that were read; when one changes, open again and compare `fingerprint`. */
  files: readonly string[];
  /** Equal as long as every reference has the same value. Says nothing about the values; differs between processes. */
  fingerprint: string;
  /** For people, once: names of fields, no values. */
  warnings: readonly string[];
}

/** 64 KiB: any password, token or connection string. */
const SECRET_FILE_BYTES = 64 * 1024;
/** 1 MiB: bundles of certificates. */
const PEM_FILE_BYTES = 1024 * 1024;
const PEM_FIELD = /(?:^|_)(?:pem|ca|cert|certs|certificate|chain|bundle|credentials|credentials_json)(?:_|$)/;

/**
 * Where platforms mount who the process is: the service account of Kubernetes, roles of clouds. They stand below the
 * usual secret roots, and whoever edits a pipeline would become the process.
 */
const PLATFORM_TOKENS =
  /\/(?:(?:[\w.-]+\.)?kubernetes\.io|(?:[\w.-]+\.)?amazonaws\.com|azure\/tokens|serviceaccount)(?:\/|$)/i;

/** So that a fingerprint tells nothing about short secrets to whoever reads it. */
const FINGERPRINT_KEY = randomBytes(32);

/**
 * Resolves and checks what the pipeline's connector needs.
 *
 * Throws RELAY_PIPELINE_INVALID (fields that are wrong, or secrets in the catalog) and CONFIG_REFERENCE_UNRESOLVED (a
 * reference without value), both without any value.
 */
export async function openable<Config extends Zod.ZodObject>(
  pipeline: Pipeline,
  definition: ConnectorDefinition<Config>,
  options: OpenOptions,
): Promise<Openable<Zod.output<Config>>> {
  const { z } = await import("zod");
  const schema = definition.config(z);
  const end = pipeline.direction === "forward" ? "sink" : "source";
  const { config } = pipeline.connector;
  const { transforms } = pipeline;
  const wireOptions = pipeline.wireFormat.options;
  const decryption = isRecord(transforms.decrypt) ? await decryptionSchema(z) : undefined;
  const parts = [
    { at: end, settings: config, schema },
    { at: "wire_config", settings: wireOptions, schema: undefined },
    { at: "encryption", settings: recordOf(transforms.decrypt), schema: decryption },
  ];
  const warnings = checkSecrets(pipeline.name, parts, options);

  const resolver = new Resolver(pipeline.name, options);
  const resolved = await resolver.resolve(config, schema, end);
  const wire = await resolver.resolve(wireOptions, undefined, "wire_config");
  const chain = await resolver.resolveTransforms(transforms, decryption);
  const parsed = schema.safeParse(resolved);
  if (!parsed.success) throw invalid(pipeline.name, problemsOf(parsed.error.issues, schema, end));
  return {
    config: parsed.data,
    wireOptions: recordOf(wire),
    transforms: chain,
    addresses: pipeline.addresses,
    files: [...resolver.files],
    fingerprint: createHmac("sha256", FINGERPRINT_KEY)
      .update(JSON.stringify([resolved, wire, chain]))
      .digest("hex"),
    warnings,
  };
}

async function decryptionSchema(z: ZodNamespace): Promise<SchemaNode> {
  const { default: decrypt } = await import("../transforms/decrypt.ts");
  return decrypt.options(z);
}

/** Refuses secrets that stand in the catalog. Returns what is allowed but should not be. */
function checkSecrets(
  pipeline: string,
  parts: readonly { at: string; settings: Readonly<Record<string, unknown>>; schema: SchemaNode | undefined }[],
  { allowInlineSecrets }: OpenOptions,
): string[] {
  const found = parts.flatMap(({ at, settings, schema }) =>
    inlineSecrets(settings, schema).map(({ path, where }) => ({ path: `${at}.${path}`, where })),
  );
  registerInline(parts.map(({ settings }) => settings));
  const fields = found.filter(({ where }) => where === "field");
  if (!allowInlineSecrets) {
    refuseProblems(
      pipeline,
      fields.map(
        ({ path }) => `${path}: holds a secret; it must be one reference such as \${env:NAME} or \${file:/path}`,
      ),
    );
  }
  const left = allowInlineSecrets ? found : found.filter(({ where }) => where === "url");
  return left.map(({ path }) => `${path} holds a secret that everybody who may read the catalog can read`);
}

/** Secrets in the catalog are hidden like any other. */
function registerInline(value: unknown): void {
  if (typeof value === "string") registerConnectionString(value);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(registerInline);
}

interface ConfigPlace {
  schema: SchemaNode | undefined;
  /** Dotted, below the configuration; "" for the whole. */
  path: string;
}

type ResolveText = (path: string, text: string) => Promise<string>;

class Resolver {
  readonly files = new Set<string>();
  readonly #pipeline: string;
  readonly #options: OpenOptions;

  constructor(pipeline: string, options: OpenOptions) {
    this.#pipeline = pipeline;
    this.#options = options;
  }

  async resolve(
    config: Readonly<Record<string, unknown>>,
    schema: SchemaNode | undefined,
    at: string,
  ): Promise<unknown> {
    const secrets = secretPaths(config, schema);
    const ofField: ResolveText = (path, text) =>
      this.#text(text, { field: `${at}.${path}`, isSecret: secrets.has(path) });
    return this.#walk(config, { schema, path: "" }, ofField);
  }

  /** Of transforms only decryption takes references; expressions may hold `${` of their own. */
  async resolveTransforms(
    transforms: Pipeline["transforms"],
    schema: SchemaNode | undefined,
  ): Promise<Record<string, unknown>> {
    const { decrypt, ...others } = transforms;
    if (!isRecord(decrypt)) return { ...transforms };
    return { ...others, decrypt: await this.resolve(withKeyFiles(decrypt), schema, "encryption") };
  }

  async #walk(value: unknown, { schema, path }: ConfigPlace, text: ResolveText): Promise<unknown> {
    if (typeof value === "string") {
      return hasReferences(value) ? typed(await text(path, value), schema) : value;
    }
    if (Array.isArray(value)) {
      const places = value.map((_, index) => ({ schema: undefined, path: pathText(path, [index]) }));
      return Promise.all(places.map((place, index) => this.#walk(value[index], place, text)));
    }
    if (!isRecord(value)) return value;
    const entries = Object.entries(value).map(async ([key, item]) => [
      key,
      await this.#walk(item, { schema: fieldAt(schema, key), path: pathText(path, [key]) }, text),
    ]);
    return Object.fromEntries(await Promise.all(entries));
  }

  async #text(text: string, { field, isSecret }: { field: string; isSecret: boolean }): Promise<string> {
    for (const { provider, argument } of referencesIn(text)) {
      const isOwn =
        provider === "file" ? PLATFORM_TOKENS.test(argument) : isOwnCredential(argument.replace(/:-.*$/s, ""));
      if (isOwn) throw ownCredential(`\${${provider}:${argument}}`, { field, pipeline: this.#pipeline });
      if (provider === "file") this.files.add(argument);
    }
    const value = await resolveReferences(text, {
      environment: this.#options.environment,
      secretRoots: this.#options.secretRoots,
      maxFileBytes: PEM_FIELD.test(field.toLowerCase()) ? PEM_FILE_BYTES : SECRET_FILE_BYTES,
      of: `${field} of pipeline "${this.#pipeline}"`,
      allowDefaults: !isSecret,
      trimFiles: true,
    });
    if (isSecret) registerSecret(value);
    return value;
  }
}

function ownCredential(text: string, { field, pipeline }: { field: string; pipeline: string }): PgkeepError {
  const reference = tameLine(text);
  return new PgkeepError(
    "CONFIG_REFERENCE_UNRESOLVED",
    `could not resolve ${reference} of ${field} of pipeline "${tameLine(pipeline)}"`,
    {
      detail: "That is a credential of the relay itself, which no pipeline can have.",
      hint: "Give the pipeline's secret a variable or a file of its own.",
      state: "nothing was started",
    },
  );
}

/** pg_tide names the files of keys; they are read like any other secret, from the allowed directories only. */
function withKeyFiles({ key_path, key_path_previous, ...options }: Record<string, unknown>): Record<string, unknown> {
  const asReference = (path: unknown) => (typeof path === "string" && !path.includes("}") ? `\${file:${path}}` : path);
  return {
    ...options,
    ...(key_path === undefined ? {} : { key: options.key ?? asReference(key_path) }),
    ...(key_path_previous === undefined
      ? {}
      : { key_previous: options.key_previous ?? asReference(key_path_previous) }),
  };
}

/** A reference is always text; where the schema wants a number or a switch, its text may be one. */
function typed(text: string, schema: SchemaNode | undefined): unknown {
  const kind = kindOfSchema(schema);
  if (kind === "number" && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (kind === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}
