/**
 * Where a deploy is, or was when it failed: reading the messages and the place of sql/deploy/040_trace.sql.
 *
 * A failure inside a project file reaches us in one of three shapes: as it happened, with the file's text among its
 * fields; raised again by the project ("Failed in ./a.sql: ..."), which loses positions; or raised again by
 * pgmi_run_test_source, which does the same to tests. The text or the path in the error says which file it is. The
 * place that the server kept says which statement; it is believed only when it is about that same file. Without
 * evidence there is no answer, because a wrong line costs more than none.
 */
import type { ServerError, ServerNotice, Session } from "../../pg/session.ts";
import type { Project, ProjectFile } from "../project/project.ts";
import { indexOfCodePoint, placeOf, type TextPlace } from "../script/positions.ts";
import { firstCode, type StatementSpan, statementSpans } from "../script/statements.ts";
import { markedStatements, NOTE } from "./marks.ts";
import { FLUSH, PLACE } from "./queries.ts";

/** SQLSTATE of the messages. */
export const MARKER_STATE = "PGK01";

const TYPES = [
  "file_start",
  "file_end",
  "test_start",
  "test_end",
  "test_failed",
  "fixture_start",
  "fixture_end",
  "fixture_failed",
] as const;

export type MarkerType = (typeof TYPES)[number];

export interface Marker {
  type: MarkerType;
  /** "./a.sql" */
  path: string;
  /** Milliseconds since 1970 by the server's clock, with microseconds as fraction. */
  timeMs: number;
  /** Stands for the file's text. */
  key: bigint;
  /** Files: how many have this very text; the path is one of them. */
  sameText: number;
  /** Failures: how many statements of the file were done; undefined when they were not told apart. */
  statementsDone: number | undefined;
  /** Failures: the server's context of the original error. */
  context: string | undefined;
}

/** What one of our messages says, in order of time; nothing for every other notice. */
export function readMarkers({ code, message, detail = "", hint }: ServerNotice): Marker[] {
  if (code !== MARKER_STATE) return [];
  if (message === "files") return detail.split("\n").flatMap(readFile);
  return readTest(message, detail, hint);
}

/** A test or fixture that has run: its beginning and its end. */
function readTest(path: string, detail: string, hint: string | undefined): Marker[] {
  const match = /^(test|fixture)_(end|failed) (\d+) (\d+) (\d+)(?: (\d+))?$/.exec(detail);
  if (!match) return [];
  const [, kind, ending, ended, key = "0", began, done] = match;
  const start = typeOf(`${kind}_start`);
  const end = typeOf(`${kind}_${ending}`);
  if (!start || !end) return [];
  const both = { path, key: BigInt(key), sameText: 1 };
  const failure = ending === "failed" ? { done, hint } : {};
  return [
    { type: start, timeMs: Number(began) / 1_000, ...both, statementsDone: undefined, context: undefined },
    {
      type: end,
      timeMs: Number(ended) / 1_000,
      ...both,
      statementsDone: failure.done === undefined ? undefined : Number(failure.done),
      context: failure.hint,
    },
  ];
}

const typeOf = (word: string): MarkerType | undefined => TYPES.find((known) => known === word);

/** One line about a file that has run: its beginning and its end. */
function readFile(line: string): Marker[] {
  const match = /^file (\d+) (\d+) (\d+) (\d+) (.+)$/.exec(line);
  if (!match) return [];
  const [, began, ended, key = "0", sameText, path = ""] = match;
  const both = { path, key: BigInt(key), sameText: Number(sameText), statementsDone: undefined, context: undefined };
  return [
    { type: "file_start", timeMs: Number(began) / 1_000, ...both },
    { type: "file_end", timeMs: Number(ended) / 1_000, ...both },
  ];
}

/** The markers of a deploy, and what of them locating a failure needs. */
export class MarkerLog {
  #failedTest: Marker | undefined;
  #lastFileEndMs = 0;

  /** Takes a notice in; returns its markers when it is one of ours. */
  take(notice: ServerNotice): Marker[] {
    const markers = readMarkers(notice);
    this.#failedTest = markers.findLast(({ type }) => type.endsWith("_failed")) ?? this.#failedTest;
    // What the server kept back returns when a transaction is undone after it told us: we know those files already.
    const known = this.#lastFileEndMs;
    const news = markers.filter(({ type, timeMs }, index) => {
      const began = type === "file_end" ? markers[index - 1]?.timeMs : timeMs;
      return !type.startsWith("file_") || (began ?? timeMs) >= known;
    });
    const ends = news.filter(({ type }) => type === "file_end").map(({ timeMs }) => timeMs);
    this.#lastFileEndMs = Math.max(known, ...ends);
    return news;
  }

  /** The last failure of a test or fixture with this path. */
  failedTest(path: string): Marker | undefined {
    return this.#failedTest?.path === path ? this.#failedTest : undefined;
  }
}

/**
 * Has the server tell what it has kept back about files that ran, as notices of the session. For the end of a deploy.
 * Never throws: it is about durations in a report.
 */
export async function flushMarkers(session: Session): Promise<void> {
  if (session.transactionStatus() === "idle") await session.query(FLUSH).catch(() => undefined);
}

export interface FailureLocation extends Partial<TextPlace> {
  /** "./a.sql" */
  file: string;
}

/** Where an error happened. */
export interface FailedIn {
  session: Session;
  project: Project;
  log: MarkerLog;
}

/**
 * The project file and, as far as it is certain, the line that `error` comes from. Call it after the failed transaction
 * was rolled back, on the session it happened in; on a broken session it does with less. Never throws.
 */
export async function locateFailure(
  error: ServerError,
  { session, project, log }: FailedIn,
): Promise<FailureLocation | undefined> {
  const exact = placeByInternalQuery(error, project);
  if (exact) return exact;
  const file = fileByContext(error, project) ?? fileByMessage(error.message, project);
  if (!file) return undefined;
  const place = await placeInFile(file, error, { session, log });
  return place ? { file: file.path, ...place } : { file: file.path };
}

/** The server quotes the text it was running and points into it: that is the place itself. */
function placeByInternalQuery({ internalQuery, internalPosition }: ServerError, project: Project) {
  if (internalQuery === undefined || internalPosition === undefined) return undefined;
  const index = indexOfCodePoint(internalQuery, internalPosition);
  const before = withoutNotes(internalQuery.slice(0, index));
  const file = uniqueFile(project, withoutNotes(internalQuery));
  return file ? { file: file.path, ...placeOf(file.content, before.length) } : undefined;
}

/** What the server repeats of a text it executed, in the lines of CONTEXT. */
function fileByContext({ where, internalQuery }: ServerError, project: Project): ProjectFile | undefined {
  // The text that the server could not read is not part of the context. Whole, it was looked at already.
  const said = internalQuery === undefined ? (where ?? "") : `${where ?? ""}\nSQL statement "${internalQuery}`;
  if (!said.includes('SQL statement "')) return undefined;
  const context = withoutNotes(said);
  const files = project.files.filter(({ isSql, content }) => isSql && context.includes(`SQL statement "${content}"`));
  const found = files.length > 0 ? files : project.files.filter((file) => file.isSql && cutQuotation(context, file));
  return found.length === 1 ? found[0] : undefined;
}

/** 16 Ki characters: so much of a file's beginning is that file. Reports are cut at four times as many bytes. */
const MIN_CUT_QUOTATION = 16_384;

/** 128 characters: at the cut there may be a part of a note. */
const CUT_EDGE = 128;

/** The end of a context that was cut within the text of this file, from the beginning of the text on. */
export function cutQuotation(context: string, { content }: Pick<ProjectFile, "content">): string | undefined {
  const opening = 'SQL statement "';
  for (let at = context.indexOf(opening); at >= 0; at = context.indexOf(opening, at + 1)) {
    const quotation = context.slice(at + opening.length);
    if (quotation.length < MIN_CUT_QUOTATION) return undefined;
    if (content.startsWith(quotation.slice(0, -CUT_EDGE))) return quotation;
  }
  return undefined;
}

/** "Failed in ./a.sql: ...", the way in which projects and pgmi_run_test_source name a file. */
function fileByMessage(message: string, project: Project): ProjectFile | undefined {
  const path = /Failed in (\S+\.sql)\b/.exec(message)?.[1];
  const named = project.files.filter((file) => message.includes(`Failed in ${file.path}:`));
  const longest = named.sort((a, b) => b.path.length - a.path.length)[0];
  return longest ?? project.files.find((file) => file.path === path);
}

function uniqueFile(project: Project, content: string): ProjectFile | undefined {
  const files = project.files.filter((file) => file.content === content);
  return files.length === 1 ? files[0] : undefined;
}

function withoutNotes(text: string): string {
  return text.replace(NOTE, "");
}

interface Evidence {
  session: Session;
  log: MarkerLog;
}

async function placeInFile(
  file: ProjectFile,
  error: ServerError,
  { session, log }: Evidence,
): Promise<TextPlace | undefined> {
  const failedTest = file.isTest ? log.failedTest(file.path) : undefined;
  const progress = failedTest ? { done: failedTest.statementsDone } : await progressOf(session, file);
  if (!progress) return undefined;
  const { done } = progress;
  // A text is parsed as a whole before its first statement runs, so with none done a syntax error may be anywhere.
  if (error.sqlstate === "42601" && !done) return syntaxErrorPlace(file.content);
  const statement = done === undefined ? onlyStatement(file.content) : markedStatements(file.content)?.[done];
  if (!statement) return undefined;
  const context = withoutNotes((failedTest ? failedTest.context : error.where) ?? "");
  return placeOf(file.content, bodyLineIndex(file.content, statement, context) ?? statement.start);
}

/**
 * How far `file` was, from the place that the server kept; undefined when that is another file's. `done` is undefined
 * when the file's statements were not told apart.
 */
async function progressOf(session: Session, file: ProjectFile): Promise<{ done: number | undefined } | undefined> {
  if (session.transactionStatus() === "failed") return undefined;
  const [place] = await session.query(PLACE).catch(() => []);
  if (place?.path !== file.path || place.count !== "1") return undefined;
  return { done: place.marked === "t" ? Number(place.done) : undefined };
}

function onlyStatement(content: string): StatementSpan | undefined {
  const spans = statementSpans(content);
  return spans.length === 1 ? spans[0] : undefined;
}

/**
 * Index of the line inside a DO statement's body that the context names for it. The server counts those lines from the
 * one that holds the opening quote.
 */
function bodyLineIndex(content: string, { start, end }: StatementSpan, context: string): number | undefined {
  const outer = context.indexOf(`SQL statement "${content}"`);
  const line = /PL\/pgSQL function inline_code_block line (\d+) at [^\n]*\n$/.exec(
    context.slice(0, Math.max(outer, 0)),
  );
  const open = /^do\b[^$']*\$[^$]*\$/i.exec(content.slice(start, end));
  if (!line || !open) return undefined;
  let index = start + open[0].length;
  for (let passed = 1; passed < Number(line[1]); passed++) {
    index = content.indexOf("\n", index) + 1;
    if (index === 0 || index >= end) return undefined;
  }
  return firstCode(content, index);
}

/** Where PostgreSQL's own grammar stops reading `content`; undefined when it reads all of it. */
async function syntaxErrorPlace(content: string): Promise<TextPlace | undefined> {
  const { loadModule, parseSync } = await import("libpg-query");
  await loadModule();
  try {
    parseSync(content);
    return undefined;
  } catch (error) {
    const position = cursorPosition(error);
    return position === undefined ? undefined : placeOf(content, indexOfCodePoint(content, position + 1));
  }
}

function cursorPosition(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("sqlDetails" in error)) return undefined;
  const details = error.sqlDetails;
  if (typeof details !== "object" || details === null || !("cursorPosition" in details)) return undefined;
  return typeof details.cursorPosition === "number" ? details.cursorPosition : undefined;
}
