/**
 * The order in which a project's files are offered to its deploy.sql: what `pgmi_plan_view` shows, computed offline.
 *
 * One row per file and sort key; a file without keys has its path as key. Keys first, then paths, both by bytes.
 */
import { hash } from "node:crypto";
import { compareBytes } from "./byte-order.ts";
import type { FileMetadata, ProjectFile } from "./project.ts";

export interface PlanRow {
  file: ProjectFile;
  sortKey: string;
  /** 1-based. */
  executionOrder: number;
}

/** Plan rows of every file that is no test, in execution order. */
export function planRows(files: readonly ProjectFile[]): PlanRow[] {
  return files
    .filter(({ isTest }) => !isTest)
    .flatMap((file) => sortKeysOf(file).map((sortKey) => ({ file, sortKey })))
    .sort((a, b) => compareBytes(a.sortKey, b.sortKey) || compareBytes(a.file.path, b.file.path))
    .map((row, index) => ({ ...row, executionOrder: index + 1 }));
}

/** The keys of the metadata block, or the path when there are none. */
export function sortKeysOf({ path, metadata }: Pick<ProjectFile, "path" | "metadata">): readonly string[] {
  return metadata && metadata.sortKeys.length > 0 ? metadata.sortKeys : [path];
}

/** The id of a file without metadata: MD5 of the path's UTF-8 bytes, written as a UUID. A name, not a protection. */
export function genericId(path: string): string {
  const digest = hash("md5", path, "hex");
  return [8, 12, 16, 20, 32].map((end, index) => digest.slice([0, 8, 12, 16, 20][index], end)).join("-");
}

/** What tools see as a file's metadata when it has none. */
export function fallbackMetadata(path: string): FileMetadata {
  return { id: genericId(path), idempotent: true, description: "", sortKeys: [path] };
}
