/**
 * A command of a session: what was sent, what of its answers is kept, and who waits for its end.
 *
 * A command settles once, when the server is ready for the next one or the connection has ended, so that nobody sends
 * into the middle of it.
 */
import type { ArrayRow, ScriptOptions, ServerError, StatementResult, TextRow } from "../session.ts";
import { decodeArrayRow, decodeRow } from "./messages.ts";

/** How rows are kept: not at all, by column name, by place. */
type RowShape = "none" | "named" | "arrays";

/** What was sent to the server and is not answered yet. Its fields change as the answers come. */
export interface Command {
  isExtended: boolean;
  keeps: RowShape;
  /** Data of COPY statements that is already on its way. */
  copiesSupplied: number;
  /** COPY ... FROM STDIN statements that the server has begun. */
  copiesBegun: number;
  onStatement: ((tag: string) => void) | undefined;
  /** Called when the server has parsed a statement that it is to keep. */
  onParsed: (() => void) | undefined;
  completed: number;
  results: StatementResult[];
  columns: string[];
  rows: TextRow[];
  arrays: ArrayRow[];
  serverError: ServerError | undefined;
  /** A failure on our side (a COPY source that threw), reported once the server has settled. */
  ownError: unknown;
  isRunning: boolean;
  /** Resolves when the command has ended, in whatever way. */
  settled: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

export type CommandOptions = Pick<Command, "isExtended" | "keeps"> & Partial<Pick<Command, "onParsed">> & ScriptOptions;
export type Outcome = Pick<Command, "completed" | "results" | "arrays">;

export function newCommand(
  options: CommandOptions,
  resolve: (outcome: Outcome) => void,
  reject: (error: unknown) => void,
): Command {
  let settle = () => {};
  const settled = new Promise<void>((done) => {
    settle = done;
  });
  const end = (report: () => void) => {
    command.isRunning = false;
    settle();
    report();
  };
  const command: Command = {
    isExtended: options.isExtended,
    keeps: options.keeps,
    copiesSupplied: options.copyData?.length ?? 0,
    copiesBegun: 0,
    onStatement: options.onStatement,
    onParsed: options.onParsed,
    completed: 0,
    results: [],
    columns: [],
    rows: [],
    arrays: [],
    serverError: undefined,
    ownError: undefined,
    isRunning: true,
    settled,
    resolve: () => end(() => resolve(command)),
    reject: (error) => end(() => reject(error)),
  };
  return command;
}

/** Keeps a row as the command wants it, or drops it. */
export function takeRow(command: Command, body: Buffer): void {
  if (command.keeps === "arrays") command.arrays.push(decodeArrayRow(body));
  else if (command.keeps === "named") command.rows.push(decodeRow(body, command.columns));
}

/** One statement of the command is done; its rows belong to it. */
export function completeStatement(command: Command, tag: string): void {
  command.completed += 1;
  if (command.keeps === "named") command.results.push({ tag, rows: command.rows });
  command.rows = [];
  command.columns = [];
  command.onStatement?.(tag);
}
