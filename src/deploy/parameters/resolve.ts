/**
 * From the three sources of parameters to one validated set, offline and before anything is touched.
 *
 * Later sources win per key: pgmi.yaml, then params files in order, then `--param` in order. Keys are compared in lower
 * case, because the session stores them so. Whatever is wrong is named by its place ("--param #2", "app.env:3"); neither
 * keys nor values appear in any message, because people paste secrets into the wrong half of a pair.
 *
 * Values from params files and flags may hold references, `${env:NAME}` and `${file:/path}`, or be
 * `scram(${env:NAME})`, which turns a password into a verifier. pgmi.yaml is part of the project, and a project must not
 * be able to read the machine it is deployed from, so its values are taken as they stand.
 */
import { randomBytes } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { type ErrorCode, PgkeepError } from "../../base/errors.ts";
import { registerSecret } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { DEFAULT_SECRET_ROOTS, hasReferences, resolveReferences } from "../../config/references.ts";
import { MAX_REPORTED } from "../project/problems.ts";
import type { Parameter } from "../project/project.ts";
import { readParamsFile } from "./params-file.ts";

/** 63 characters, the length of an identifier: the key becomes part of a setting's name. */
const KEY = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** Keys whose values are usually secret. */
const SECRET_KEY = /(?:password|secret|token|key|credential|auth)/i;

export interface ParameterSources {
  /** `params` of the configuration files, lowest rank first; `origin` is the place ("pgmi.yaml:3") for messages. */
  yamlParams: readonly { key: string; value: string; origin?: string | undefined }[];
  /** Paths as given to --params-file, in order. */
  files: readonly string[];
  /** Texts as given to --param, in order. */
  pairs: readonly string[];
  /** Absolute. Relative params files start here. */
  workingDirectory: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Absolute directories that `${file:}` may read below. Default: where container platforms mount secrets. */
  secretRoots?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
  /** Refuses pairs that show a secret to everybody who reads the process list, instead of warning. */
  strict?: boolean | undefined;
}

/** Numbers and file names only: they may be logged. */
export interface ParameterCounts {
  total: number;
  /** Per params file, in order: entries in it, and keys known after it. */
  files: readonly { path: string; loaded: number; total: number }[];
  /** Keys of --param that an earlier source had set. */
  overridden: number;
}

export interface ResolvedParameters {
  parameters: Parameter[];
  /** Lines for the person who ran the command. */
  warnings: string[];
  counts: ParameterCounts;
}

/**
 * The parameters of one deploy.
 *
 * Throws DEPLOY_PARAMS_FILE_INVALID, DEPLOY_PARAMETER_INVALID (up to 8 places at once), CONFIG_REFERENCE_UNRESOLVED,
 * CONFIG_VALUE_INVALID (a password that cannot become a verifier), and with `strict` DEPLOY_EXPOSURE_REFUSED.
 */
export async function resolveParameters(sources: ParameterSources): Promise<ResolvedParameters> {
  const { entries, counts } = await collectEntries(sources);
  rejectInvalid(entries.filter((entry) => problemOf(entry) !== undefined));
  const exposed = exposedPlaces(entries);
  if (sources.strict) refuseExposed(exposed);
  const winners = new Map(entries.map((entry) => [entry.key.toLowerCase(), entry]));
  const parameters: Parameter[] = [];
  for (const [key, entry] of winners) parameters.push({ key, value: await resolveValue(entry, sources) });
  const warnings =
    exposed.length === 0
      ? []
      : [`${exposureOf(exposed)}. Use --params-file, or a reference such as --param 'name=\${env:NAME}'.`];
  return { parameters, warnings, counts };
}

interface Entry {
  key: string;
  value: string;
  /** "--param #2", "app.env:3", "pgmi.yaml:7": what messages call it. */
  place: string;
  source: "yaml" | "file" | "pair";
}

async function collectEntries(sources: ParameterSources): Promise<{ entries: Entry[]; counts: ParameterCounts }> {
  const entries: Entry[] = sources.yamlParams.map(({ key, value, origin }) => ({
    key,
    value,
    place: tameLine(origin ?? "configuration file"),
    source: "yaml",
  }));
  const files: { path: string; loaded: number; total: number }[] = [];
  const signal = sources.signal ?? new AbortController().signal;
  for (const path of sources.files) {
    const absolutePath = isAbsolute(path) ? path : join(sources.workingDirectory, path);
    const found = await readParamsFile({ path, absolutePath }, signal);
    for (const { key, value, line } of found)
      entries.push({ key, value, place: placeInFile(path, line), source: "file" });
    files.push({ path, loaded: found.length, total: keysOf(entries).size });
  }
  const known = keysOf(entries);
  const pairs = sources.pairs.map(parsePair);
  const overridden = [...keysOf(pairs)].filter((key) => known.has(key)).length;
  entries.push(...pairs);
  return { entries, counts: { total: keysOf(entries).size, files, overridden } };
}

function placeInFile(path: string, line: number): string {
  return `${tameLine(path)}:${line}`;
}

function keysOf(entries: readonly Entry[]): Set<string> {
  return new Set(entries.map(({ key }) => key.toLowerCase()));
}

/** Without an equals sign the whole text is taken for the key; it is refused for want of a key then. */
function parsePair(text: string, index: number): Entry {
  const equals = text.indexOf("=");
  const key = equals < 0 ? "" : text.slice(0, equals);
  // Registered before anything can fail: even a malformed pair may hold a password.
  registerUnlessReference(equals < 0 ? text : text.slice(equals + 1));
  return { key, value: text.slice(equals + 1), place: `--param #${index + 1}`, source: "pair" };
}

function problemOf({ key, value, source }: Entry): string | undefined {
  if (key === "" && source === "pair") return "is not key=value";
  if (!KEY.test(key))
    return "has a key that is not a letter or underscore followed by up to 62 letters, digits, underscores";
  if (value.includes("\0")) return "has a value with a NUL character";
  // The system hands over arguments as bytes; what was not UTF-8 has become the replacement character by now.
  const isBroken = !value.isWellFormed() || (source === "pair" && value.includes("\ufffd"));
  return isBroken ? "has a value that is not valid UTF-8" : undefined;
}

function rejectInvalid(invalid: readonly Entry[]): void {
  if (invalid.length === 0) return;
  const lines = invalid.slice(0, MAX_REPORTED).map((entry) => `${entry.place} ${problemOf(entry)}`);
  if (invalid.length > MAX_REPORTED) lines.push(`… and ${invalid.length - MAX_REPORTED} more`);
  const [only] = lines;
  const isAlone = invalid.length === 1 && only !== undefined;
  const code: ErrorCode = "DEPLOY_PARAMETER_INVALID";
  throw new PgkeepError(code, isAlone ? only : `${invalid.length} parameters cannot be used`, {
    detail: isAlone ? undefined : lines.join("\n"),
    hint: "Write key=value, as in --param env=staging.",
    state: "nothing was started",
  });
}

async function resolveValue(entry: Entry, sources: ParameterSources): Promise<string> {
  if (entry.source === "yaml") {
    if (SECRET_KEY.test(entry.key)) registerSecret(entry.value);
    return entry.value;
  }
  registerUnlessReference(entry.value);
  const value = await expand(entry, sources);
  registerSecret(value);
  const problem = problemOf({ ...entry, value, source: "file" });
  if (problem !== undefined) rejectInvalid([{ ...entry, value, source: "file" }]);
  return value;
}

/** A reference is no secret, and messages must be able to name it. */
function registerUnlessReference(value: string): void {
  if (!hasReferences(value)) registerSecret(value);
}

async function expand({ value, place }: Entry, { environment, secretRoots }: ParameterSources): Promise<string> {
  if (!hasReferences(value)) return value;
  // Loaded only now: most deploys hash no password.
  const { applyValueFunctions } = await import("../../pg/scram.ts");
  const resolve = (text: string) =>
    resolveReferences(text, { environment, secretRoots: secretRoots ?? DEFAULT_SECRET_ROOTS, of: place });
  return applyValueFunctions(value, { resolve, randomBytes });
}

/** Places of pairs that hold a secret by their key. References are no secrets, so a pair that holds one is none of them. */
function exposedPlaces(entries: readonly Entry[]): string[] {
  return entries
    .filter(
      ({ source, key, value }) => source === "pair" && SECRET_KEY.test(key) && value !== "" && !hasReferences(value),
    )
    .map(({ place }) => place);
}

/** One line however many there are. */
function exposureOf(places: readonly string[]): string {
  const shown = places.slice(0, MAX_REPORTED).join(", ");
  return `${shown} looks like a secret; other users of this machine can read command lines`;
}

function refuseExposed(places: readonly string[]): void {
  if (places.length === 0) return;
  throw new PgkeepError("DEPLOY_EXPOSURE_REFUSED", "a secret could be seen by others, so nothing was run", {
    detail: `${exposureOf(places)}.`,
    hint: `Put it into a file for --params-file, or pass a reference: --param 'name=\${env:NAME}', 'name=\${file:/run/secrets/name}'.`,
    state: "nothing was started",
  });
}
