/**
 * Where the statements of a project file end, so that the server can note which of them runs.
 *
 * The notes are statements of their own between those of the file (sql/deploy/040_trace.sql). They are left out where
 * they cost more than they tell, and where the file could take away what they need.
 */
import { maskSql } from "../../pg/sql-text/mask.ts";
import type { ProjectFile } from "../project/project.ts";
import { type StatementSpan, statementSpans } from "../script/statements.ts";

/** 400 statements: beyond, files are loads of data, whose statements are so cheap that notes would be felt. */
const MAX_STATEMENTS = 400;
/** 256 Ki characters: larger texts would be cut and joined on the server for one line number. */
const MAX_CHARACTERS = 262_144;

/**
 * 1,000 statements of a whole project: a note costs 5 to 30 microseconds, so they add at most some 30 ms to a deploy, and a
 * project of thousands of files, where they would be a tenth of the work, goes without.
 */
const MAX_PROJECT_STATEMENTS = 1_000;

/** Statements that drop temporary objects, ours among them. */
const DROPS_TEMPORARY = /(?:discard|drop[ \t\n\r\f\v]+owned|_pgkeep_|pg_my_temp_schema)/i;

/** The statements that are told apart at run time; undefined when the file is run as one. */
export function markedStatements(content: string): StatementSpan[] | undefined {
  if (content.length > MAX_CHARACTERS || !content.includes(";")) return undefined;
  const mask = maskSql(content);
  if (DROPS_TEMPORARY.test(content)) return undefined;
  const spans = statementSpans(content, mask);
  return spans.length > 1 && spans.length <= MAX_STATEMENTS ? spans : undefined;
}

/** 50 files: after so many the rest is expected to be like them, and a project that would pass the limit is given up. */
const PROBED_FILES = 50;

export interface FileMarks {
  path: string;
  /** Offsets, in bytes of UTF-8, of the ends of all statements but the last. */
  ends: number[];
}

/** The marks of a project: of every file whose statements are told apart, or none at all when there are too many. */
export function marksOf(files: readonly ProjectFile[]): FileMarks[] {
  const candidates = files.filter(({ isSql }) => isSql);
  const marks: FileMarks[] = [];
  let statements = 0;
  for (const [index, { path, content }] of candidates.entries()) {
    if (index === PROBED_FILES && (statements / index) * candidates.length > MAX_PROJECT_STATEMENTS) return [];
    const ends = statementEnds(content);
    if (!ends) continue;
    statements += ends.length;
    if (statements > MAX_PROJECT_STATEMENTS) return [];
    marks.push({ path, ends });
  }
  return marks;
}

/** Offsets, in bytes of UTF-8, of the ends of all marked statements but the last. */
export function statementEnds(content: string): number[] | undefined {
  const spans = markedStatements(content);
  if (!spans) return undefined;
  let bytes = 0;
  let counted = 0;
  return spans.slice(0, -1).map(({ end }) => {
    bytes += Buffer.byteLength(content.slice(counted, end), "utf8");
    counted = end;
    return bytes;
  });
}

/** The notes in a text that the server ran, for taking them out again. */
export const NOTE = /select pg_catalog\.setval\('pg_temp\._pgkeep_at',\d+\);/g;
