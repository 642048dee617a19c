/**
 * Reads an audit that was saved as JSON: what `--json` printed, or the document alone.
 *
 * Saved runs travel between machines and people, so nothing in one is believed before its shape was checked.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import { type AuditDocument, auditSchema } from "./document.ts";

/** 64 MiB: some 50,000 findings. */
export const MAX_SAVED_BYTES = 64 << 20;

/** The run in the file at `path`, called `name` in messages. Throws CONFIG_FILE_INVALID. */
export async function loadSavedRun(path: string, name: string, signal?: AbortSignal): Promise<AuditDocument> {
  return await parseSavedRun(await readJsonFile(path, name, signal), name);
}

/** The JSON value of a file. Throws CONFIG_FILE_INVALID without repeating anything of it. */
export async function readJsonFile(path: string, name: string, signal?: AbortSignal): Promise<unknown> {
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_SAVED_BYTES, followLink: true }, signal);
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    signal?.throwIfAborted();
    throw invalid(name, error instanceof FileRefusal ? error.message : "is not JSON");
  }
}

/** The run that `value` is, or that the envelope `value` holds. Throws CONFIG_FILE_INVALID. */
export async function parseSavedRun(value: unknown, name: string): Promise<AuditDocument> {
  const { z } = await import("zod");
  const parsed = auditSchema(z).safeParse(dataOf(value));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : ` (at ${tameLine(issue.path.join("."))})`;
  throw invalid(name, `is no saved audit of this version${where}`);
}

function dataOf(value: unknown): unknown {
  const isEnvelope = typeof value === "object" && value !== null && "schema_version" in value && "data" in value;
  return isEnvelope ? value.data : value;
}

function invalid(name: string, reason: string): PgkeepError {
  return new PgkeepError("CONFIG_FILE_INVALID", `saved audit "${tameLine(name)}" ${reason}`, {
    file: name,
    hint: "Save one: pgkeep audit -o json=audit.json",
    state: "nothing was started",
  });
}
