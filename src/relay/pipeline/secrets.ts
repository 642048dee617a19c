/**
 * Which fields of a connector's configuration hold secrets, and which of them hold one that anybody who can read the
 * catalog can read too.
 *
 * A field is a secret by its author's word (`secret: true`) or by its name. It must then be one reference and nothing
 * else. A password inside of a URL is the same leak in another place: it is reported and hidden, but not refused,
 * because pg_tide takes such URLs.
 */
import { SECRET_TEXT } from "../../base/secrets.ts";
import { isReference, referencesIn } from "../../config/references.ts";
import { pathText } from "./problems.ts";
import { alternativesOf, elementOf, noteOf, ownField, type SchemaNode } from "./schema-node.ts";

export interface InlineSecret {
  /** Dotted path below the connector's configuration: "signature.secret". */
  path: string;
  /** "field": the whole value is the secret. "url": a password inside of it. */
  where: "field" | "url";
}

const SECRET_NAME =
  /(?:^|_)(?:password|passwd|passphrase|secret|secrets|secret_key|token|api_key|apikey|private_key|credentials|credentials_json)$|^webhook_url$/;

/** Whether a field of this name is a secret when its author said nothing. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase());
}

/** Secrets that stand in `config` as they are. `schema`: the connector's own; without it names alone decide. */
export function inlineSecrets(config: Readonly<Record<string, unknown>>, schema?: SchemaNode): InlineSecret[] {
  const found: InlineSecret[] = [];
  walkAll(config, schema, (path, text, isSecret) => {
    if (isSecret && !isProperReference(text)) found.push({ path, where: "field" });
    if (!isSecret && hasUrlPassword(text)) found.push({ path, where: "url" });
    return text;
  });
  return found;
}

/** A copy of `config` that may be shown: inline secrets are replaced, references stay. */
export function maskSecrets(config: Readonly<Record<string, unknown>>, schema?: SchemaNode): Record<string, unknown> {
  const masked = walkAll(config, schema, (_path, text, isSecret) => {
    if (!isSecret || isProperReference(text)) return text.replace(URL_PASSWORD, `$1${SECRET_TEXT}$3`);
    return SECRET_TEXT;
  });
  return typeof masked === "object" && masked !== null ? { ...masked } : {};
}

/** The fields that are secrets, with their references or texts. */
export function secretPaths(config: Readonly<Record<string, unknown>>, schema?: SchemaNode): Set<string> {
  const paths = new Set<string>();
  walkAll(config, schema, (path, text, isSecret) => {
    if (isSecret) paths.add(path);
    return text;
  });
  return paths;
}

type Visit = (path: string, text: string, isSecret: boolean) => unknown;

/** 32: deeper configurations are nobody's. */
const MAX_DEPTH = 32;

interface Place {
  schema: SchemaNode | undefined;
  path: string;
  isSecret: boolean;
  depth: number;
}

function walkAll(config: unknown, schema: SchemaNode | undefined, visit: Visit): unknown {
  return walk(config, { schema, path: "", isSecret: false, depth: 0 }, visit);
}

function walk(value: unknown, { schema, path, isSecret, depth }: Place, visit: Visit): unknown {
  if (typeof value === "string") return visit(path, value, isSecret);
  if (typeof value === "number" && isSecret) return visit(path, String(value), true);
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const below = { schema: elementOf(schema), isSecret, depth: depth + 1 };
    return value.map((item, index) => walk(item, { ...below, path: pathText(path, [index]) }, visit));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const field = fieldAt(schema, key);
      const secret = noteOf(field, "secret");
      const isField = typeof secret === "boolean" ? secret : isSecret || isSecretName(key);
      const below = { schema: field, path: pathText(path, [key]), isSecret: isField, depth: depth + 1 };
      return [key, walk(item, below, visit)];
    }),
  );
}

/** The field called `key` of whatever objects may stand at `schema`. */
export function fieldAt(schema: SchemaNode | undefined, key: string): SchemaNode | undefined {
  for (const node of alternativesOf(schema)) {
    const field = ownField(node, key) ?? elementOf(node);
    if (field) return field;
  }
  return undefined;
}

/** One reference, without a default: a default would be a secret in the catalog again. */
function isProperReference(text: string): boolean {
  if (text === "") return true;
  return isReference(text) && referencesIn(text).every(({ argument }) => !argument.includes(":-"));
}

const URL_PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)((?:\$\{[^}]*\}|[^@/?#])+)(@)/i;

function hasUrlPassword(text: string): boolean {
  const password = URL_PASSWORD.exec(text)?.[2];
  return password !== undefined && !isProperReference(password);
}
