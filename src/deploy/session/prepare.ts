/**
 * Makes a session ready for a deploy.sql: takes the deploy lock and fills the session's temporary schema with the
 * project, its parameters and the functions of the session API.
 *
 * All of it is one message, hence one transaction: either the session is ready or nothing happened but an error. The
 * message and the data of its COPYs go out together, so it costs one round trip, however many files there are. Its
 * definitions, which no project changes, can go ahead as a message of their own while the project is still being read.
 *
 * Parameters are secrets. They travel as COPY data only, because statement texts and bound values end up in the server's
 * log and statistics. They come back in no result.
 */
import { PgkeepError } from "../../base/errors.ts";
import { literal } from "../../pg/identifiers.ts";
import { type CopySource, ServerError, type Session, type StatementResult } from "../../pg/session.ts";
import type { Parameter, Project } from "../project/project.ts";
import { type CopyValue, copyChunks } from "./copy-text.ts";
import { definitions } from "./definitions.ts";
import { anotherDeploy, lockHolder } from "./lock-holder.ts";
import { marksOf } from "./marks.ts";
import * as sql from "./queries.ts";
import * as rows from "./rows.ts";

/** 110000: the first version with the hash function that the lock's key is made of. */
const OLDEST_SERVER = 110_000;
/** 130000: the first version that can be told not to log bound values. */
const FIRST_WITH_PARAMETER_LOGGING = 130_000;

export interface MacroArguments {
  pattern: string | undefined;
  callback: string | undefined;
}

export interface PrepareInput {
  project: Project;
  parameters: readonly Parameter[];
  /** The macro calls of deploy.sql, in order. */
  macros: readonly MacroArguments[];
  /** Shows RAISE DEBUG of the project's SQL. */
  verbose: boolean;
  /** Whether the server notes which statement of a file runs. */
  instrument: boolean;
  /** From `sendDefinitions` on the same session; otherwise they go with the rest. */
  definitions?: Definitions | undefined;
}

/** The definitions, sent to the server before the project is known. */
export interface Definitions {
  /** Why the server refused them, once it has answered; undefined when it took them. Never rejects. */
  failure: Promise<unknown>;
}

export interface MacroExpansion {
  /** The statements that replace the call. */
  text: string;
  /** Tests that the statements run, fixtures not counted. */
  tests: number;
}

export interface Prepared {
  /** One per macro call, in their order. */
  expansions: readonly MacroExpansion[];
  /** What decides who could see a secret: settings and identities of this session, by name. Absent settings are left out. */
  facts: ReadonlyMap<string, string>;
}

/**
 * Has the server make the tables, views and functions of the session API, while something else is done here; for
 * `prepareSession` afterwards. Takes no lock and makes temporary objects only. undefined when the server is too old,
 * which `prepareSession` says.
 */
export function sendDefinitions(session: Session): Definitions | undefined {
  if (session.serverVersion < OLDEST_SERVER) return undefined;
  const sent = session.ahead(sql.OWN_SETTINGS + definitions().before);
  return { failure: sent.then(() => undefined).catch((error: unknown) => error) };
}

/**
 * Prepares `session`, which must be outside of a transaction and fresh from `openSession`. Afterwards the session has
 * the deploy lock and the search_path of the project.
 *
 * Throws DEPLOY_SERVER_TOO_OLD, DEPLOY_LOCKED, DEPLOY_MACRO_INVALID, or DEPLOY_PREPARATION_FAILED with the server's
 * error as its cause; the lock may then be held until the session ends.
 */
export async function prepareSession(session: Session, input: PrepareInput): Promise<Prepared> {
  checkVersion(session.serverVersion);
  const steps = preparationSteps(session, input);
  const text = steps.map((step) => step.sql).join("");
  const copyData = steps.map((step) => step.copyData).filter((data) => data !== undefined);
  try {
    const results = await session.exchange(text, { copyData });
    return readResults(results, input.macros.length);
  } catch (error) {
    // Without the definitions nothing after them can work, so theirs is the reason.
    const reason = (await input.definitions?.failure) ?? error;
    if (!(reason instanceof ServerError)) throw reason;
    throw isLockRefusal(error) ? await locked(session) : preparationFailure(reason, session, input);
  }
}

const isLockRefusal = (error: unknown): boolean =>
  error instanceof ServerError && error.sqlstate === sql.LOCK_NOT_OBTAINED;

function checkVersion(version: number): void {
  if (version >= OLDEST_SERVER) return;
  const name = version >= 100_000 ? String(Math.floor(version / 10_000)) : `9.${Math.floor(version / 100) % 100}`;
  throw new PgkeepError("DEPLOY_SERVER_TOO_OLD", `the server is PostgreSQL ${name}, deploy needs 11 or newer`, {
    hint: "Upgrade the server.",
  });
}

interface Step {
  sql: string;
  copyData?: CopySource;
}

function preparationSteps(
  session: Session,
  { project, parameters, macros, verbose, instrument, definitions: sent }: PrepareInput,
): Step[] {
  const { before, after } = definitions();
  return [
    { sql: sql.OWN_SETTINGS },
    { sql: sql.LOCK_GUARD },
    ...(session.serverVersion >= FIRST_WITH_PARAMETER_LOGGING ? [{ sql: sql.LOG_NO_BOUND_VALUES }] : []),
    ...(sent ? [] : [{ sql: before }]),
    copyStep("_pgmi_source", rows.SOURCE_COLUMNS, rows.sourceRows(project.files)),
    copyStep("_pgmi_source_metadata", rows.METADATA_COLUMNS, rows.metadataRows(project.files)),
    copyStep("_pgmi_test_directory", rows.TEST_DIRECTORY_COLUMNS, rows.testDirectoryRows(project)),
    copyStep("_pgmi_test_source", rows.TEST_COLUMNS, rows.testRows(project.files)),
    ...parameterSteps(parameters),
    ...(instrument ? marksSteps(project) : [{ sql: sql.NO_MARKS }]),
    { sql: after },
    ...(project.testDirectories.length > 0 ? [{ sql: sql.ANALYZE }] : []),
    ...macros.map((macro) => ({ sql: expansionQuery(macro) })),
    { sql: sql.FACTS },
    ...(verbose ? [{ sql: sql.SHOW_DEBUG }] : []),
    { sql: sql.HAND_OVER },
  ];
}

function parameterSteps(parameters: readonly Parameter[]): Step[] {
  if (parameters.length === 0) return [];
  const load = copyStep("_pgmi_parameter", rows.PARAMETER_COLUMNS, rows.parameterRows(parameters));
  return [load, { sql: sql.UNCOVER_PARAMETERS + sql.PUBLISH_PARAMETERS }];
}

function marksSteps(project: Project): Step[] {
  const marks = marksOf(project.files).map(({ path, ends }) => `(${literal(path)}, '{${ends.join(",")}}')`);
  return [{ sql: marks.length === 0 ? sql.NO_MARKS : sql.marksQuery(marks.join(", ")) }];
}

/** A COPY with its data; nothing at all when there are no rows, which saves its round trip. */
function copyStep(table: string, columns: readonly string[], values: Iterator<readonly CopyValue[]>): Step {
  const first = values.next();
  if (first.done) return { sql: "" };
  return {
    sql: `copy pg_temp.${table} (${columns.join(", ")}) from stdin with (encoding 'UTF8');\n`,
    copyData: copyChunks(startingWith(first.value, values)),
  };
}

function* startingWith<T>(first: T, rest: Iterator<T>): Generator<T> {
  yield first;
  for (let next = rest.next(); !next.done; next = rest.next()) yield next.value;
}

function expansionQuery({ pattern, callback }: MacroArguments): string {
  const patternText = pattern === undefined ? "null" : literal(pattern);
  const callbackText = callback === undefined ? "" : `, ${literal(callback)}`;
  return `
select pg_temp.pgmi_test_generate(${patternText}${callbackText}) as expansion,
       (select count(*) from pg_temp.pgmi_test_plan(${patternText}) as p where p.step_type = 'test')::text as tests;
`;
}

function readResults(results: readonly StatementResult[], macroCount: number): Prepared {
  const rows = results.flatMap((result) => result.rows);
  const expansions = rows.flatMap(({ expansion, tests }) =>
    typeof expansion === "string" ? [{ text: expansion, tests: Number(tests) }] : [],
  );
  if (expansions.length !== macroCount) throw new Error(`${macroCount} macros became ${expansions.length} expansions`);
  const facts = rows.flatMap(({ name, value }): [string, string][] =>
    typeof name === "string" && typeof value === "string" ? [[name, value]] : [],
  );
  return { expansions, facts: new Map(facts) };
}

async function locked(session: Session): Promise<PgkeepError> {
  const { database } = session.target;
  return anotherDeploy(database, await lockHolder(session, database).catch(() => undefined));
}

function preparationFailure(error: ServerError, session: Session, { project, macros }: PrepareInput): PgkeepError {
  const { sqlstate, detail, hint } = error;
  if (macros.length > 0 && isMacroRefusal(error)) {
    return new PgkeepError("DEPLOY_MACRO_INVALID", error.message, {
      state: "nothing was applied",
      sqlstate,
      detail,
      hint,
      cause: error,
    });
  }
  const { user, database } = session.target;
  const isTemporaryRefused = sqlstate === "42501" && error.message.includes("temporary");
  const file = sqlstate === "22P05" || sqlstate === "22021" ? fileOfCopyLine(error, project) : undefined;
  return new PgkeepError("DEPLOY_PREPARATION_FAILED", `could not prepare the session: ${error.message}`, {
    state: "nothing was applied",
    sqlstate,
    detail,
    hint: isTemporaryRefused ? `Run: grant temporary on database "${database}" to "${user}";` : hint,
    file,
    cause: error,
  });
}

/** Only the generator and the pattern check raise these while we prepare. */
function isMacroRefusal({ sqlstate, message }: ServerError): boolean {
  return (
    (sqlstate === "22023" && message.startsWith("Invalid test callback")) ||
    (sqlstate === "P0001" && message.startsWith("Invalid regex pattern"))
  );
}

/** The file that the database's encoding cannot hold, from the server's count of lines of the COPY. */
function fileOfCopyLine({ where }: ServerError, { files }: Project): string | undefined {
  const [, table, line] = /COPY (_pgmi_source|_pgmi_test_source), line (\d+)/.exec(where ?? "") ?? [];
  const loaded = files.filter(({ isTest, isSql }) => (table === "_pgmi_source" ? !isTest : isTest && isSql));
  return line === undefined ? undefined : loaded[Number(line) - 1]?.path;
}
