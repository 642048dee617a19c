/**
 * Expands `${env:NAME}` and `${file:/path}` inside configured text.
 *
 * One pass: what a reference brings in is never looked at again, so a value that happens to hold `${file:...}` stays
 * that text. `$${` stands for a literal `${`. A `${` that starts no known reference is left alone, because templates
 * of other tools use the same characters. Every value that comes in is a secret for the rest of the process.
 */
import { PgkeepError } from "../base/errors.ts";
import { registerSecret } from "../base/secrets.ts";
import { tameLine } from "../base/tame.ts";
import { index } from "./providers/index.ts";
import type { ReferenceContext } from "./providers/provider.ts";
import { ReferenceFailure } from "./providers/provider.ts";

/** Where container platforms mount secrets. For text that the operator wrote, when no root was named. */
export const DEFAULT_SECRET_ROOTS: readonly string[] = ["/run/secrets", "/var/run/secrets"];

/** 64 KiB: any password, token or connection string. */
const MAX_SECRET_FILE_BYTES = 64 * 1024;

export interface ReferenceOptions {
  environment: ReferenceContext["environment"];
  /** Absolute directories that `${file:}` may read below. Default: none. */
  secretRoots?: readonly string[] | undefined;
  /** Default: 64 KiB. Chains of certificates may need more. */
  maxFileBytes?: number | undefined;
  /** What the text is, for messages: `parameter "app_password"`. Must not hold a secret. */
  of?: string | undefined;
  /** Permits `${env:NAME:-text}`: the text stands in for a variable that is not set or empty. Default: no. */
  allowDefaults?: boolean | undefined;
  /** White space around a file's text does not count, and a file with nothing else is a refusal. Default: no. */
  trimFiles?: boolean | undefined;
}

/** The escape, or an opening that names a known provider. */
const OPENING = new RegExp(`\\$\\$\\{|\\$\\{(${Object.keys(index).join("|")}):`, "gi");

/** Whether expanding `text` would change it. */
export function hasReferences(text: string): boolean {
  // Not test(): it would leave a place in the shared expression for the next search to start from.
  return text.search(OPENING) >= 0;
}

/** Whether `text` is one reference and nothing else. */
export function isReference(text: string): boolean {
  const parts = split(text);
  return parts.length === 1 && parts[0]?.kind === "reference";
}

/**
 * `text` with each reference replaced by its value.
 *
 * Throws CONFIG_REFERENCE_UNRESOLVED, which names the reference and never a value.
 */
export async function resolveReferences(text: string, options: ReferenceOptions): Promise<string> {
  if (!hasReferences(text)) return text;
  const values = await Promise.all(
    split(text, options.of).map((part) => (part.kind === "text" ? part.text : resolveOne(part, options))),
  );
  return values.join("");
}

/** The references in `text`, in order, unresolved. An unterminated one is left out; resolving refuses it. */
export function referencesIn(text: string): { provider: string; argument: string }[] {
  if (!hasReferences(text)) return [];
  try {
    return split(text).flatMap((part) =>
      part.kind === "reference" ? [{ provider: part.provider, argument: part.argument }] : [],
    );
  } catch {
    return [];
  }
}

interface TextPart {
  kind: "text";
  text: string;
}

interface ReferencePart {
  kind: "reference";
  provider: string;
  argument: string;
}

function split(text: string, of?: string): (TextPart | ReferencePart)[] {
  const parts: (TextPart | ReferencePart)[] = [];
  const addText = (piece: string) => piece && parts.push({ kind: "text", text: piece });
  let from = 0;
  for (const match of text.matchAll(OPENING)) {
    // An opening inside the argument of the reference before it belongs to that argument.
    if (match.index < from) continue;
    addText(text.slice(from, match.index));
    from = match.index + match[0].length;
    const provider = match[1]?.toLowerCase();
    if (provider === undefined) {
      addText("${");
      continue;
    }
    const end = text.indexOf("}", from);
    if (end < 0) throw unresolved(`\${${provider}:`, of, new ReferenceFailure("The closing brace is missing."));
    parts.push({ kind: "reference", provider, argument: text.slice(from, end) });
    from = end + 1;
  }
  addText(text.slice(from));
  return parts;
}

async function resolveOne({ provider, argument }: ReferencePart, options: ReferenceOptions): Promise<string> {
  const load = Object.entries(index).find(([name]) => name === provider)?.[1];
  try {
    if (!load) throw new ReferenceFailure("There is no provider of that name.");
    const { name, standIn } = provider === "env" && options.allowDefaults ? withDefault(argument) : { name: argument };
    // The stand-in is text of the configuration, so it is no secret.
    if (standIn !== undefined && !variableOf(options.environment, name)) return standIn;
    const value = await (await load()).default.resolve(name, {
      environment: options.environment,
      secretRoots: options.secretRoots ?? [],
      maxFileBytes: options.maxFileBytes ?? MAX_SECRET_FILE_BYTES,
    });
    const kept = provider === "file" && options.trimFiles ? trimmed(value) : value;
    registerSecret(kept);
    return kept;
  } catch (error) {
    throw unresolved(`\${${provider}:${argument}}`, options.of, error);
  }
}

/** `NAME:-text`. One pass holds here too: a reference inside of the text is refused. */
function withDefault(argument: string): { name: string; standIn?: string } {
  const at = argument.indexOf(":-");
  if (at < 0) return { name: argument };
  const standIn = argument.slice(at + 2);
  if (standIn.includes("${")) throw new ReferenceFailure("A default cannot hold a reference.");
  if (!/^[A-Za-z0-9_]+$/.test(argument.slice(0, at))) return { name: argument };
  return { name: argument.slice(0, at), standIn };
}

function variableOf(environment: ReferenceOptions["environment"], name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined;
}

function trimmed(value: string): string {
  const kept = value.trim();
  if (kept === "") throw new ReferenceFailure("The file is empty.");
  return kept;
}

function unresolved(reference: string, of: string | undefined, error: unknown): PgkeepError {
  const failure = error instanceof ReferenceFailure ? error : new ReferenceFailure("The value could not be read.");
  const place = of ? ` of ${of}` : "";
  return new PgkeepError("CONFIG_REFERENCE_UNRESOLVED", `could not resolve ${tameLine(reference)}${place}`, {
    detail: failure.message,
    hint: failure.hint,
    state: "nothing was started",
  });
}
