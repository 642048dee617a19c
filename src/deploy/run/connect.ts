/** The session of a run: on the target as it is, newly made or recreated. */
import type { OperationContext, Prompter } from "../../base/operation.ts";
import { openSession } from "../../pg/connect/open.ts";
import type { ResolvedConnection } from "../../pg/connect/resolve.ts";
import { ensureDatabase, overwriteDatabase } from "../../pg/database.ts";
import type { ServerNotice, Session } from "../../pg/session.ts";
import { abortable } from "./limit.ts";
import type { DatabaseOrigin } from "./state.ts";

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

/** Opens a session on the target; makes the database when it is missing. */
export async function connectToTarget(options: ConnectOptions): Promise<Connected> {
  const { connection, context } = options;
  const { session, created } = await ensureDatabase({
    database: connection.database,
    maintenanceDatabase: connection.maintenanceDatabase,
    connect: (database) => connect(options, database),
    report: context.report,
  });
  return { session, origin: created ? "created" : "existing" };
}

/** Drops and recreates the target, then opens a session on it. */
export async function recreateTarget(options: ConnectOptions, force: boolean): Promise<Connected> {
  const { connection, context, signal } = options;
  const { existed } = await overwriteDatabase({
    database: connection.database,
    maintenanceDatabase: connection.maintenanceDatabase,
    connect: (database) => connect(options, database),
    force,
    context: {
      prompt: context.prompt && interruptible(context.prompt, signal),
      report: context.report,
      environment: context.environment,
      signal,
    },
  });
  const session = await connect(options, connection.database);
  return { session, origin: existed ? "recreated" : "created" };
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
    },
  );
}
