/**
 * Sends many statements in few round trips and still knows what each one of them did.
 *
 * Statements travel joined, some hundred per message. The server answers in order: the notices of a statement come
 * before its completion, and an error ends the message. Counting completions therefore says whose warning each
 * warning is (a GRANT without effect succeeds and only warns) and which statement failed.
 */
import { ServerError, type ServerNotice, type Session } from "../../pg/session.ts";

/** 500 statements: the server parses a whole message before it runs the first, and an interrupt waits for one at most. */
const MAX_BATCH_STATEMENTS = 500;
/** 256 Ki characters, for the same reason. */
const MAX_BATCH_LENGTH = 2 ** 18;

/** Anything that is sent. `n` is the statement's number in the plan. */
export interface Sendable {
  n: number;
  /** One statement, without a semicolon at its end. */
  sql: string;
}

/** A warning or notice that the server gave to one statement. */
export interface StatementNotice {
  n: number;
  code: string;
  severity: string;
  message: string;
}

/** 1,000 warnings are kept; a plan that gets more has one cause for all of them. */
export const MAX_NOTICES = 1_000;

/** The server refused one statement of several; those before it were run. */
export class StatementFailure extends Error {
  readonly statement: Sendable;
  readonly error: ServerError;

  constructor(statement: Sendable, error: ServerError) {
    super(error.message);
    this.name = "StatementFailure";
    this.statement = statement;
    this.error = error;
  }
}

export interface SendOptions {
  /** Called when a statement has been run. Must be quick. */
  onDone?: ((statement: Sendable) => void) | undefined;
  /** Looked at between two messages; the running one is cancelled on the server. */
  signal: AbortSignal;
}

/**
 * Runs the statements in order and returns what the server said to each.
 *
 * Throws StatementFailure at the first that fails, the signal's reason, or what a broken connection throws.
 */
export async function sendStatements(
  session: Session,
  statements: readonly Sendable[],
  { onDone, signal }: SendOptions,
): Promise<StatementNotice[]> {
  const notices: StatementNotice[] = [];
  for (const batch of batchesOf(statements)) {
    signal.throwIfAborted();
    await sendBatch(session, batch, { onDone, signal, notices });
  }
  return notices;
}

async function sendBatch(
  session: Session,
  batch: readonly Sendable[],
  { onDone, signal, notices }: SendOptions & { notices: StatementNotice[] },
): Promise<void> {
  let done = 0;
  session.onNotice((notice) => keep(notice, batch[done], notices));
  const onAbort = (): void => void session.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await session.script(batch.map(({ sql }) => sql).join(";\n"), {
      onStatement: () => {
        const statement = batch[done++];
        if (statement) onDone?.(statement);
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    const failing = batch[done];
    throw error instanceof ServerError && failing ? new StatementFailure(failing, error) : error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    session.onNotice(() => undefined);
  }
}

function keep(notice: ServerNotice, statement: Sendable | undefined, notices: StatementNotice[]): void {
  if (!statement || notices.length >= MAX_NOTICES) return;
  const { code, severity, message } = notice;
  notices.push({ n: statement.n, code, severity, message });
}

/** The statements in messages of a bounded size. */
export function batchesOf<T extends Sendable>(statements: readonly T[]): T[][] {
  const batches: T[][] = [];
  let length = 0;
  for (const statement of statements) {
    const last = batches.at(-1);
    length += statement.sql.length;
    if (last && last.length < MAX_BATCH_STATEMENTS && length <= MAX_BATCH_LENGTH) last.push(statement);
    else {
      batches.push([statement]);
      length = statement.sql.length;
    }
  }
  return batches;
}
