/** The session of a run: on the target as it is, newly made or recreated. */
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ProgressEvent, Prompter } from "../../base/operation.ts";
import { MAX_RETRIES, openSession } from "../../pg/connect/open.ts";
import type { ResolvedConnection } from "../../pg/connect/resolve.ts";
import { type DatabaseAttributes, ensureDatabase, overwriteDatabase } from "../../pg/database.ts";
import { ident } from "../../pg/identifiers.ts";
import type { ServerNotice, Session } from "../../pg/session.ts";
import { anotherDeploy, lockHolder } from "../session/lock-holder.ts";
import { abortable } from "./limit.ts";
import { type DatabaseOrigin, NOT_CONNECTED } from "./state.ts";

/** 10 s: from an interrupt to the end of a CREATE DATABASE, or of the last step of a replacement. */
export const CONNECT_GRACE_MS = 10_000;

export interface ConnectOptions {
  connection: ResolvedConnection;
  context: OperationContext;
  signal: AbortSignal;
  onNotice: (notice: ServerNotice) => void;
}

export interface Connected {
  session: Session;
  origin: DatabaseOrigin;
}

/** Opens a session on the target, with `first` when that is given; makes the database when it is missing. */
export async function connectToTarget(options: ConnectOptions, first?: () => Promise<Session>): Promise<Connected> {
  const { connection, context, signal } = options;
  const { database, maintenanceDatabase } = connection;
  let isCreating = false;
  let open = first;
  const connectTo = (name: string): Promise<Session> => {
    const attempt = open?.() ?? connect(options, name);
    open = undefined;
    return attempt;
  };
  const report = (event: ProgressEvent): void => {
    isCreating ||= event.type === "database.creating";
    context.report(event);
  };
  try {
    const { session, created } = await ensureDatabase({
      database,
      maintenanceDatabase,
      connect: connectTo,
      report,
    });
    return { session, origin: created ? "created" : "existing" };
  } catch (error) {
    // CREATE DATABASE heeds no signal, so an interrupted run that got so far has made it.
    const isRefused = error instanceof PgkeepError && error.code.startsWith("DEPLOY_");
    throw isCreating && signal.aborted && !isRefused ? afterReplacement(error, database, "created") : error;
  }
}

/** Drops and recreates the target, then opens a session on it. */
export async function recreateTarget(options: ConnectOptions, force: boolean): Promise<Connected> {
  const { connection, context, signal } = options;
  const { existed } = await overwriteDatabase({
    database: connection.database,
    maintenanceDatabase: connection.maintenanceDatabase,
    connect: (database) => connect(options, database),
    force,
    check: refuseUseless,
    context: {
      prompt: context.prompt && interruptible(context.prompt, signal),
      report: context.report,
      environment: context.environment,
      signal,
    },
  });
  const origin = existed ? "recreated" : "created";
  try {
    return { session: await connect(options, connection.database), origin };
  } catch (error) {
    throw afterReplacement(error, connection.database, origin);
  }
}

/**
 * Refuses a drop that could only lose something: nothing can be deployed into a database that nobody may connect to,
 * and a deploy that is under way would end without a word of who ended it.
 */
async function refuseUseless(session: Session, { name, allowsConnections }: DatabaseAttributes): Promise<void> {
  if (!allowsConnections) {
    throw new PgkeepError("DEPLOY_OVERWRITE_REFUSED", `database "${name}" allows no connections`, {
      detail: "The new database keeps that, so nothing could be deployed into it.",
      hint: `Allow them first: alter database ${ident(name)} allow_connections true`,
      state: "nothing was dropped",
    });
  }
  const holder = await lockHolder(session, name);
  if (holder) throw anotherDeploy(name, holder);
}

/** The database is new and we are not in it: what is reported must say so. */
function afterReplacement(error: unknown, database: string, origin: DatabaseOrigin): PgkeepError {
  const failure = error instanceof PgkeepError ? error : new PgkeepError("DEPLOY_INTERRUPTED", "interrupted");
  const state = `${NOT_CONNECTED}; database "${database}" was ${origin} and is empty`;
  return new PgkeepError(failure.code, failure.message, { ...failure.parts, state });
}

/** A prompter whose open question ends when the signal fires: the time limit counts while a person thinks. */
function interruptible(prompt: Prompter, signal: AbortSignal): Prompter {
  const answer = <T>(question: Promise<T>): Promise<T> =>
    abortable(question, { signal, graceMs: 0, discard: async () => undefined });
  return {
    text: (question) => answer(prompt.text(question)),
    secret: (question) => answer(prompt.secret(question)),
    confirm: (question) => answer(prompt.confirm(question)),
    choose: (question, choices) => answer(prompt.choose(question, choices)),
  };
}

/** A further session on the target, for questions about one that broke. */
export function connect({ connection, context, signal, onNotice }: ConnectOptions, database: string): Promise<Session> {
  return openSession(
    { ...connection.settings, database },
    {
      signal,
      clock: context.clock,
      onNotice,
      warn: (message) => context.report({ type: "warning", message }),
      onRetry: ({ attempt, delayMs, error }) =>
        context.report({
          type: "connect.retrying",
          attempt,
          attempts_left: MAX_RETRIES - attempt,
          delay_ms: Math.round(delayMs),
          code: error.code,
          message: error.message,
        }),
    },
  );
}
