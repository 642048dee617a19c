/** A run that was kept: in a JSON file, or in this account's history. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { AuditDocument } from "../../audit/report/document.ts";
import { findAudit } from "../../audit/report/history.ts";
import { loadSavedRun } from "../../audit/report/saved-run.ts";
import type { OperationContext } from "../../base/operation.ts";

export interface SavedRun {
  /** The file as it was named, or the id in the history. */
  name: string;
  document: AuditDocument;
}

/**
 * The run that `wanted` names: a file when there is one, else an id of the history, its beginning, "last" or "previous".
 * Throws CONFIG_FILE_INVALID, USAGE_UNKNOWN_NAME.
 */
export async function savedRun(
  wanted: string,
  { workingDirectory, environment, signal }: Pick<OperationContext, "workingDirectory" | "environment" | "signal">,
): Promise<SavedRun> {
  const path = resolve(workingDirectory, wanted);
  const isFile = wanted.includes("/") || wanted.endsWith(".json") || existsSync(path);
  if (isFile) return { name: wanted, document: await loadSavedRun(path, wanted, signal) };
  const { id, document } = await findAudit(environment, wanted);
  return { name: id, document };
}
