/**
 * The project as rows of the session's tables.
 *
 * Rows go straight into their tables, with every column derived here: a loading table would mean to store all content
 * twice. `pgmi_register_file` derives the same columns in SQL for files that a project adds.
 */
import { assert } from "../../base/assert.ts";
import type { Parameter, Project, ProjectFile } from "../project/project.ts";
import type { CopyValue } from "./copy-text.ts";

export const SOURCE_COLUMNS = [
  "path",
  "name",
  "directory",
  "extension",
  "depth",
  "content",
  "size_bytes",
  "checksum",
  "pgmi_checksum",
  "path_parts",
  "is_sql_file",
  "is_test_file",
  "parent_folder_name",
] as const;

export const METADATA_COLUMNS = ["path", "id", "idempotent", "sort_keys", "description"] as const;

export const TEST_DIRECTORY_COLUMNS = ["path", "parent_path", "depth"] as const;

export const TEST_COLUMNS = ["path", "directory", "filename", "content", "is_fixture"] as const;

/** The first column is a filling, taken away afterwards (UNCOVER_PARAMETERS). */
export const PARAMETER_COLUMNS = ["description", "key", "value"] as const;

/**
 * 120 characters in front of each parameter: when a COPY is cancelled the server's error quotes the first 100 of a line
 * (MAX_COPY_DATA_DISPLAY), in its log as well, and those must not be the value.
 */
const COVER = "parameter ".repeat(12);

const EXTENSION = /\.[A-Za-z0-9]+$/;
const PARAMETER_KEY = /^[a-z_][a-z0-9_]{0,62}$/;

/** One row per file that is no test, columns as SOURCE_COLUMNS. */
export function* sourceRows(files: readonly ProjectFile[]): Generator<CopyValue[]> {
  for (const file of files) if (!file.isTest) yield sourceRow(file);
}

function sourceRow(file: ProjectFile): CopyValue[] {
  const parts = file.path.split("/");
  const name = parts.at(-1) ?? "";
  return [
    file.path,
    name,
    file.path.slice(0, file.path.length - name.length),
    EXTENSION.exec(name)?.[0] ?? "",
    parts.length - 2,
    file.content,
    file.sizeBytes,
    file.checksum,
    file.normalizedChecksum,
    parts,
    file.isSql,
    false,
    parts.length > 2 ? (parts.at(-2) ?? null) : null,
  ];
}

/** One row per file with metadata, columns as METADATA_COLUMNS. */
export function* metadataRows(files: readonly ProjectFile[]): Generator<CopyValue[]> {
  for (const { path, metadata, isSql, isTest } of files) {
    if (!metadata || !isSql || isTest) continue;
    yield [path, metadata.id, metadata.idempotent, metadata.sortKeys, metadata.description];
  }
}

/** One row per directory of tests, parents first, columns as TEST_DIRECTORY_COLUMNS. */
export function* testDirectoryRows({ testDirectories }: Project): Generator<CopyValue[]> {
  for (const { path, parentPath, depth } of testDirectories) yield [path, parentPath ?? null, depth];
}

/** One row per SQL file of a test directory, columns as TEST_COLUMNS. */
export function* testRows(files: readonly ProjectFile[]): Generator<CopyValue[]> {
  for (const { path, content, isSql, isTest } of files) {
    if (!isSql || !isTest) continue;
    const nameAt = path.lastIndexOf("/") + 1;
    yield [path, path.slice(0, nameAt), path.slice(nameAt), content, /\/_setup\.p?sql$/i.test(path)];
  }
}

/** One row per parameter, the last of each key, columns as PARAMETER_COLUMNS. */
export function* parameterRows(parameters: readonly Parameter[]): Generator<CopyValue[]> {
  const lastOfKey = new Map(parameters.map(({ key, value }) => [key, value]));
  for (const [key, value] of lastOfKey) {
    // Values were validated long before. If one could fail here, the server would write the row to its log.
    assert(PARAMETER_KEY.test(key), "keys of parameters were validated");
    assert(!value.includes("\0") && value.isWellFormed(), "values of parameters were validated");
    yield [COVER, key, value];
  }
}
