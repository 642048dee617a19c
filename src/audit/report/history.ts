/**
 * Audits that this account ran from this machine, kept for trends and comparisons.
 *
 *   $XDG_STATE_HOME/pgkeep/audits/20261121T060301123Z-4f3a9c.json.gz      (by default below ~/.local/state)
 *
 * One file per run, whole and compressed, written once and never changed; the name begins with the moment of the run, so
 * names in order are runs in order. A damaged file, or one of a later version, harms no other and is counted. Nothing here may
 * cost an audit its result: failures are told to `warn`.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzipSync } from "node:zlib";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import { scrubDeep } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { readRegularFile } from "../../config/regular-file.ts";
import { makeStateDirectory, newestFirst, runId, stateDirectory } from "../../config/state-directory.ts";
import type { AuditDocument } from "./document.ts";
import { MAX_SAVED_BYTES, parseSavedRun } from "./saved-run.ts";

/** 200 runs: half a year of daily audits, some megabytes. */
export const MAX_AUDITS = 200;

const FORMAT = 1;
const NAME = /^(\d{8}T\d{9}Z-[0-9a-f]{6})\.json\.gz$/;

/** Made by us, never through a link. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

type Environment = Readonly<Record<string, string | undefined>>;

export interface KeptAudit {
  id: string;
  document: AuditDocument;
}

export interface KeepOptions {
  environment: Environment;
  warn: (message: string) => void;
}

/** Saves a run; undefined when there is no place for it or it cannot be written. Never throws. */
export function keepAudit(document: AuditDocument, { environment, warn }: KeepOptions): string | undefined {
  const directory = auditsDirectory(environment);
  if (directory === undefined) return undefined;
  try {
    makeStateDirectory(directory);
    const id = runId(new Date(document.observed_at), randomBytes(3).toString("hex"));
    const text = JSON.stringify(scrubDeep({ format: FORMAT, audit: document }));
    writeNew(join(directory, `${id}.json.gz`), gzipSync(text));
    removeOldest(directory);
    return id;
  } catch (error) {
    const why = tameLine(messageOf(error));
    warn(`the audit could not be kept: ${why}. Set XDG_STATE_HOME to a directory of your own, or use --no-record.`);
    return undefined;
  }
}

function auditsDirectory(environment: Environment): string | undefined {
  return stateDirectory(environment, "audits");
}

function writeNew(path: string, bytes: Buffer): void {
  const file = openSync(path, NEW_FILE, 0o600);
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
  } finally {
    closeSync(file);
  }
}

/** Two runs that end at once may both remove the same file; that is not a failure. */
function removeOldest(directory: string): void {
  const ids = readdirSync(directory).flatMap((name) => idOfFile(name) ?? []);
  for (const id of ids.sort().slice(0, Math.max(0, ids.length - MAX_AUDITS))) {
    rmSync(join(directory, `${id}.json.gz`), { force: true });
  }
}

const idOfFile = (name: string): string | undefined => NAME.exec(name)?.[1];

export interface AuditHistory {
  /** Newest first. */
  audits: readonly KeptAudit[];
  /** Files in all. */
  total: number;
  unreadable: number;
}

/** The newest runs, at most `limit`, of those that `isWanted`. */
export async function listAudits(
  environment: Environment,
  { limit, isWanted = () => true }: { limit: number; isWanted?: (document: AuditDocument) => boolean },
): Promise<AuditHistory> {
  const directory = auditsDirectory(environment);
  const ids = directory === undefined ? [] : await newestFirst(directory, idOfFile);
  const audits: KeptAudit[] = [];
  let unreadable = 0;
  for (const id of ids) {
    if (audits.length === limit) break;
    const document = await readAudit(directory ?? "", id);
    if (document === undefined) unreadable++;
    else if (isWanted(document)) audits.push({ id, document });
  }
  return { audits, total: ids.length, unreadable };
}

/** One run by its id, by the beginning of it, "last", or "previous", the one before. Throws USAGE_UNKNOWN_NAME. */
export async function findAudit(environment: Environment, wanted: string): Promise<KeptAudit> {
  const directory = auditsDirectory(environment);
  const ids = directory === undefined ? [] : await newestFirst(directory, idOfFile);
  const [id, ...others] = idsMeant(ids, wanted);
  if (id === undefined || others.length > 0) {
    const what = id === undefined ? "there is no such saved audit" : `${others.length + 1} saved audits begin so`;
    throw new PgkeepError("USAGE_UNKNOWN_NAME", what, { hint: "See their ids: pgkeep audit history" });
  }
  const document = await readAudit(directory ?? "", id);
  if (document !== undefined) return { id, document };
  throw new PgkeepError("USAGE_UNKNOWN_NAME", `the saved audit ${id} cannot be read`, {
    detail: "It is damaged, or a later version wrote it.",
    hint: "See the others: pgkeep audit history",
  });
}

function idsMeant(ids: readonly string[], wanted: string): readonly string[] {
  if (wanted === "last") return ids.slice(0, 1);
  if (wanted === "previous") return ids.slice(1, 2);
  return wanted === "" ? [] : ids.filter((id) => id.startsWith(wanted));
}

async function readAudit(directory: string, id: string): Promise<AuditDocument | undefined> {
  try {
    const bytes = await readRegularFile(join(directory, `${id}.json.gz`), { maxBytes: MAX_SAVED_BYTES });
    const text = await promisify(gunzip)(bytes, { maxOutputLength: MAX_SAVED_BYTES });
    const record: unknown = JSON.parse(text.toString("utf8"));
    if (typeof record !== "object" || record === null || !("format" in record) || record.format !== FORMAT) {
      return undefined;
    }
    return "audit" in record ? await parseSavedRun(record.audit, id) : undefined;
  } catch {
    return undefined;
  }
}
