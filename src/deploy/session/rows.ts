/**
 * The project as rows of the session's tables.
 *
 * Files go straight into their table, with every column derived here: deriving them on the server would mean to store
 * all content twice. `pgmi_register_file` derives the same columns in SQL for files that a project adds.
 * Everything else goes through one loading table; its kinds are read by the statements in queries.ts.
 */
import { assert } from "../../base/assert.ts";
import type { Parameter, Project, ProjectFile } from "../project/project.ts";
import type { CopyValue } from "./copy-text.ts";
import { marksOf } from "./marks.ts";

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

export const LOAD_COLUMNS = ["cover", "kind", "key", "parent", "words", "ends", "fact", "number", "body"] as const;

/** 100 characters: what the server's COPY quotes of a line (MAX_COPY_DATA_DISPLAY), and some more. */
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

interface LoadRow {
  cover?: string;
  kind: "parameter" | "metadata" | "directory" | "test" | "marks";
  key: string;
  parent?: string | undefined;
  words?: readonly string[];
  ends?: readonly number[];
  fact?: boolean;
  number?: number;
  body?: string;
}

/** Everything but the source files, columns as LOAD_COLUMNS. */
export function* loadRows(
  project: Project,
  parameters: readonly Parameter[],
  { marks }: { marks: boolean },
): Generator<CopyValue[]> {
  for (const row of parameterRows(parameters)) yield loadRow(row);
  for (const { path, parentPath, depth } of project.testDirectories) {
    yield loadRow({ kind: "directory", key: path, parent: parentPath, number: depth });
  }
  for (const file of project.files) for (const row of fileRows(file)) yield loadRow(row);
  if (marks) for (const { path, ends } of marksOf(project.files)) yield loadRow({ kind: "marks", key: path, ends });
}

function loadRow({ cover, kind, key, parent, words, ends, fact, number, body }: LoadRow): CopyValue[] {
  return [
    cover ?? null,
    kind,
    key,
    parent ?? null,
    words ?? null,
    ends ?? null,
    fact ?? null,
    number ?? null,
    body ?? null,
  ];
}

function* parameterRows(parameters: readonly Parameter[]): Generator<LoadRow> {
  const lastOfKey = new Map(parameters.map(({ key, value }) => [key, value]));
  for (const [key, value] of lastOfKey) {
    // Values were validated long before. If one could fail here, the server would write the row to its log.
    assert(PARAMETER_KEY.test(key), "keys of parameters were validated");
    assert(!value.includes("\0") && value.isWellFormed(), "values of parameters were validated");
    yield { cover: COVER, kind: "parameter", key, body: value };
  }
}

function* fileRows(file: ProjectFile): Generator<LoadRow> {
  if (!file.isSql) return;
  if (file.isTest) {
    yield {
      kind: "test",
      key: file.path,
      parent: file.path.slice(0, file.path.lastIndexOf("/") + 1),
      fact: /\/_setup\.p?sql$/i.test(file.path),
      body: file.content,
    };
  } else if (file.metadata) {
    const { id, idempotent, sortKeys, description } = file.metadata;
    yield { kind: "metadata", key: file.path, parent: id, words: sortKeys, fact: idempotent, body: description };
  }
}
