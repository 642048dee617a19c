/**
 * A server's error during deploy.sql as a failure that names the file, line and column it is about.
 *
 * Three sources, the most exact first: a position in the text we sent, which the source map takes back to deploy.sql;
 * the place in a project file that the session's trace holds; and the sentence "Failed in <path>", by which projects
 * attribute failures themselves.
 */
import { within } from "../../base/clock.ts";
import { redactCredentials } from "../../base/credentials.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { ServerError, Session } from "../../pg/session.ts";
import type { Project } from "../project/project.ts";
import { cutQuotation, locateFailure } from "../session/markers.ts";
import { NOTE } from "../session/marks.ts";
import { withoutAnnouncement } from "./execute.ts";
import type { RunInput } from "./offline.ts";
import type { ScriptPlan } from "./script-plan.ts";
import { testCommand } from "./test-command.ts";
import type { Trace } from "./trace.ts";

export interface ScriptFailure {
  session: Session;
  plan: ScriptPlan;
  project: Project;
  trace: Trace;
  /** What the person asked for. */
  input: RunInput;
  error: ServerError;
  /** 1-based number of the unit that failed. */
  unit: number;
}

/**
 * Secrets leave the texts here already: what shows them later cuts long ones, and half a secret is not recognised. For
 * the same reason the server's own error is not kept as the cause: all that is fit to be shown of it is in the parts.
 */
export async function scriptFailure(failure: ScriptFailure): Promise<PgkeepError> {
  const { error, unit, project, trace, input } = failure;
  const place = await placeOfFailure(failure);
  const failedFile = failedFileOf(error.message, project) ?? (place.file === "deploy.sql" ? undefined : place.file);
  const test = project.files.find((file) => file.isTest && file.path === failedFile);
  const line = place.file === test?.path ? place.line : undefined;
  if (test) trace.explainFailure(test.path, redactCredentials(withoutAttribution(error.message, test.path)), line);
  return new PgkeepError(test ? "DEPLOY_TESTS_FAILED" : "DEPLOY_SQL_FAILED", redactCredentials(messageOf(failure)), {
    sqlstate: error.sqlstate,
    detail: redacted(error.detail),
    hint: redacted(error.hint) || (test ? testCommand(input, test.path) : transactionHint(failure)),
    where: redacted(contextOf(failure, failedFile)),
    ...place,
    sourceLine: redacted(place.sourceLine),
    data: {
      executionMode: unit === 1 ? "atomic" : "psql",
      ...(failedFile === undefined ? {} : { failedFile }),
      ...(place.line === undefined ? {} : { scriptExpanded: false }),
    },
  });
}

/** The server's "SAVEPOINT can only be used in transaction blocks" about statements that the person never wrote. */
function transactionHint({ error, plan }: ScriptFailure): string | undefined {
  if (error.sqlstate !== "25P01" || plan.testMacros === 0) return undefined;
  return "Tests are kept apart by savepoints: write BEGIN; before CALL pgmi_test() and COMMIT; after it.";
}

/** An expression that the server quotes, with our call around it. */
const CALL = /"(SELECT )?pg_temp\._pgkeep_run\(\(([\s\S]*?)\)\)"(?=\n|$)/g;

/**
 * The server's context without our notes, and with the path in the place of a file's whole text, which can be megabytes.
 * For a test it is that of the original error, not of the function that raised it again.
 */
function contextOf({ error, project, trace }: ScriptFailure, failedFile: string | undefined): string | undefined {
  const original = failedFile === undefined ? undefined : trace.log.failedTest(failedFile)?.context;
  const context = (original || error.where)?.replace(NOTE, "").replace(CALL, '"$1$2"').trim();
  const file = project.files.find(({ path }) => path === failedFile);
  if (!context || !file || file.content === "") return context;
  const cut = cutQuotation(context, file);
  if (cut !== undefined) return `${context.slice(0, -cut.length)}<${file.path}>"`;
  return context.replaceAll(`"${file.content}"`, () => `"<${file.path}>"`);
}

/** The reference's sentence, which scripts look for. */
function messageOf({ plan, unit, error }: ScriptFailure): string {
  const { severity, message, sqlstate, position } = error;
  const isAtEnd = position !== undefined && plan.place(unit, position)?.isAtEnd === true;
  return `execution failed: ${severity}: ${withoutAnnouncement(message, isAtEnd)} (SQLSTATE ${sqlstate})`;
}

function redacted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : redactCredentials(text);
}

interface Place {
  file?: string;
  line?: number;
  column?: number;
  sourceLine?: string;
}

/** 5 s for a rollback, and as much for the question where we were. */
const LOCATE_BOUND_MS = 5_000;

async function placeOfFailure({ error, session, plan, unit, project, trace }: ScriptFailure): Promise<Place> {
  const own = error.position === undefined ? undefined : plan.place(unit, error.position);
  if (own) return { file: "deploy.sql", line: own.line, column: own.column, sourceLine: own.sourceLine };
  // The place can be asked for only outside of the transaction that failed; nothing of it is needed any more.
  if (session.transactionStatus() !== "idle") await within(session.script("ROLLBACK"), LOCATE_BOUND_MS);
  const found = await within(locateFailure(error, { session, project, log: trace.log }), LOCATE_BOUND_MS);
  return found ?? {};
}

/** The project file that the message attributes itself to: a known path, else what the reference would read from it. */
export function failedFileOf(message: string, { files }: Project): string | undefined {
  if (!message.includes("Failed in ")) return undefined;
  const known = files
    .map(({ path }) => path)
    .filter((path) => message.includes(`Failed in ${path}:`))
    .sort((a, b) => b.length - a.length);
  return known[0] ?? /Failed in (\S+\.sql)/.exec(message)?.[1];
}

/** "Failed in ./t.sql: total is wrong" -> "total is wrong" */
export function withoutAttribution(message: string, path: string): string {
  const prefix = `Failed in ${path}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
