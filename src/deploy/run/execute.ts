/**
 * Sends the units of a script, one message each, and keeps account of what became durable.
 *
 *   waiting -> sent -> completed            the next unit, or the end
 *                   -> failed               the server refused it; nothing after it is sent
 *                   -> cancelled            a signal fired; the server ended it, or had finished it a moment before
 *                   -> lost                 the connection broke or the server did not answer to a cancel
 *
 * Only "lost" leaves anything in doubt, and only about the unit that was running. A unit that cannot commit, because it
 * runs inside an explicit transaction that it does not end, is rolled back whatever happened to the connection. For the
 * others the server announces the transaction's number before it commits (see `commitMark`), so that a new connection
 * can ask what became of it.
 */
import { ServerError, type Session, type TransactionStatus } from "../../pg/session.ts";
import { maskSql } from "../../pg/sql-text/mask.ts";
import type { Project } from "../project/project.ts";
import type { Edit } from "../script/source-map.ts";
import { endsTransaction, statementSpans } from "../script/statements.ts";
import type { ScriptUnit } from "../script/units.ts";
import { type CommitGate, GateRefusal, sendHeld } from "./commit-gate.ts";
import type { CommitLedger } from "./commit-ledger.ts";
import { cancellable } from "./limit.ts";
import { type Residue, residueOf } from "./state.ts";

export interface Execution {
  session: Session;
  units: readonly ScriptUnit[];
  /** Whether a COMMIT in the tail announces its transaction. */
  announces: boolean;
  ledger: CommitLedger;
  signal: AbortSignal;
  /** Called once when the signal fires while a unit runs. */
  onAbort: () => void;
  onUnitDone: () => void;
  /** Asked before the head is committed. */
  gate?: CommitGate | undefined;
}

export type Ending =
  | { kind: "completed" }
  /** The signal fired; `unit` is the one that was ended, undefined when all that were sent had completed. */
  | { kind: "cancelled"; unit: number | undefined; residue: Residue | undefined }
  | { kind: "failed"; unit: number; error: ServerError; residue: Residue | undefined }
  /** The gate did not let the head be committed; it is rolled back. */
  | { kind: "refused"; unit: number; error: unknown }
  /** `committable`: whether the unit could have committed; otherwise it is rolled back for certain. */
  | { kind: "lost"; unit: number; error: unknown; residue: Residue | undefined; committable: boolean };

/** Runs all units, or as many as go well. Never rejects for anything the server did. Unit numbers start at 1. */
export async function executeUnits(execution: Execution): Promise<Ending> {
  const { units, signal } = execution;
  for (const [index, unit] of units.entries()) {
    if (signal.aborted) break;
    const ending = await executeUnit(execution, { number: index + 1, text: unit.sql() });
    if (ending) return ending;
  }
  return signal.aborted ? { kind: "cancelled", unit: undefined, residue: undefined } : { kind: "completed" };
}

interface NumberedUnit {
  number: number;
  text: string;
}

/** undefined: it completed, and the next one may be sent. */
async function executeUnit(execution: Execution, unit: NumberedUnit): Promise<Ending | undefined> {
  const { session, ledger, signal, onAbort, onUnitDone } = execution;
  const statusBefore = session.transactionStatus();
  let lastTag: string | undefined;
  const onStatement = (tag: string): void => {
    lastTag = tag;
    ledger.note(tag);
  };
  const settled = await cancellable({ session, signal, onAbort }, sendUnit(execution, unit, onStatement));
  const isDone = settled.outcome === "done";
  if (isDone || (settled.outcome === "failed" && committedBefore(settled.error, lastTag))) {
    const statusAfter = isDone ? session.transactionStatus() : "idle";
    const chains = lastTag === "ROLLBACK" && statusAfter !== "idle" && endsWithChain(unit.text);
    ledger.complete({ lastTag, statusAfter, chains });
    onUnitDone();
    if (isDone) return undefined;
    return { kind: "lost", unit: unit.number, error: settled.error, residue: undefined, committable: true };
  }
  return unitEnding(settled, { unit, statusBefore, isHeld: isHeld(execution, unit), isAborted: signal.aborted });
}

/** The gate holds the head alone. */
function isHeld({ gate }: Execution, { number }: NumberedUnit): boolean {
  return number === 1 && gate !== undefined;
}

function sendUnit(
  { session, announces, signal, gate }: Execution,
  { number, text }: NumberedUnit,
  onStatement: (tag: string) => void,
): Promise<unknown> {
  if (number === 1 && gate) return sendHeld({ session, text, gate, signal }, { onStatement });
  return session.script(announces ? withCommitMark(text, number, session) : text, { onStatement });
}

interface UnitCircumstances {
  unit: NumberedUnit;
  statusBefore: TransactionStatus;
  isHeld: boolean;
  isAborted: boolean;
}

/** What a unit that did not complete amounts to. */
function unitEnding(
  settled: { outcome: "failed"; error: unknown } | { outcome: "lost" },
  { unit: { number, text }, statusBefore, isHeld, isAborted }: UnitCircumstances,
): Ending {
  const committable = canCommit(text, statusBefore);
  // Inside a transaction no statement can do anything that outlives it.
  const residue = statusBefore === "idle" && !isHeld ? residueOfUnit(text) : undefined;
  if (settled.outcome === "lost") return { kind: "lost", unit: number, error: undefined, residue, committable };
  const { error } = settled;
  if (error instanceof GateRefusal) {
    return isAborted
      ? { kind: "cancelled", unit: number, residue }
      : { kind: "refused", unit: number, error: error.reason };
  }
  // A server that ends the session in words has rolled back; one that panics may have done anything.
  if (!(error instanceof ServerError) || error.severity === "PANIC") {
    return { kind: "lost", unit: number, error, residue, committable };
  }
  if (isAborted) return { kind: "cancelled", unit: number, residue };
  return { kind: "failed", unit: number, error, residue };
}

/** Ends an explicit transaction well, as COMMIT does; PREPARE makes it outlive the connection. */
const COMMITS = /^(?:commit|end|prepare\s+transaction)\b/i;

/**
 * Whether a unit sent in that state can make anything durable. Inside a transaction that still works, only a statement
 * that commits can; inside one that failed, none.
 */
function canCommit(text: string, statusBefore: TransactionStatus): boolean {
  if (statusBefore !== "transaction") return statusBefore === "idle";
  const mask = maskSql(text);
  return statementSpans(text, mask).some(({ start }) => COMMITS.test(mask.slice(start)));
}

/** The server's answer to COMMIT arrived, and then the connection broke. */
function committedBefore(error: unknown, lastTag: string | undefined): boolean {
  return lastTag === "COMMIT" && (!(error instanceof ServerError) || /^(?:FATAL|PANIC)$/.test(error.severity));
}

/** Whether the text's last statement ends a transaction and begins the next one. */
function endsWithChain(text: string): boolean {
  const mask = maskSql(text);
  const last = statementSpans(text, mask).at(-1);
  return last !== undefined && /\band\s+chain\b/i.test(mask.slice(last.start, last.end));
}

/** What a failed unit can leave behind: only a statement that was alone in its message can commit by itself. */
function residueOfUnit(text: string): Residue | undefined {
  const mask = maskSql(text);
  const [only, ...others] = statementSpans(text, mask);
  return only && others.length === 0 ? residueOf(mask.slice(only.start, only.end)) : undefined;
}

/** Announces the number of the transaction that is about to commit, as a message of our own kind. */
const ANNOUNCE = "SELECT pg_temp._pgkeep_transaction();";

/** At the end of a script, that may end in a line comment, and its last statement without a semicolon. */
const ANNOUNCE_AT_END = `\n;${ANNOUNCE}`;

/**
 * A message of the server as it would be without that last insertion. An unclosed literal reaches over it, and a
 * statement that lacks its end is refused at our semicolon.
 */
export function withoutAnnouncement(message: string, isAtEnd: boolean): string {
  if (isAtEnd && message === 'syntax error at or near ";"') return "syntax error at end of input";
  return message.replace(ANNOUNCE_AT_END, "");
}

/** What takes the session's temporary objects away, our function among them, or may not follow a use of them. */
const UNSAFE = /discard|drop\s+owned|pg_my_temp_schema|prepare\s+transaction/i;

/** Whether a project leaves the function in place that announces transactions. In doubt nothing is announced. */
export function mayAnnounce({ deployScript, files }: Project): boolean {
  return !UNSAFE.test(deployScript) && !files.some(({ isSql, content }) => isSql && UNSAFE.test(content));
}

/**
 * The insertion before the statement that ends the script's head. It costs no round trip and changes nothing: the call
 * is the last thing in a transaction of several statements. A head of one statement stays alone, because some
 * statements must be.
 */
export function commitMark(script: string, mask: string = maskSql(script)): Edit[] {
  const spans = statementSpans(script, mask);
  if (spans.length < 2) return [];
  const terminator = spans.find((span) => endsTransaction(mask, span));
  if (terminator) {
    return terminator === spans[0] ? [] : [insertion(terminator.start, ANNOUNCE)];
  }
  return [insertion(script.length, ANNOUNCE_AT_END)];
}

function insertion(at: number, replacement: string): Edit {
  return { start: at, end: at, replacement, kind: "instrumentation" };
}

/** A COMMIT in the tail that ends an explicit transaction announces it too, in the same message. */
function withCommitMark(text: string, number: number, session: Session): string {
  if (number === 1 || session.transactionStatus() !== "transaction") return text;
  const mask = maskSql(text);
  const [only] = statementSpans(text, mask);
  if (!only || !/^(?:commit|end)\b/i.test(mask.slice(only.start)) || !endsTransaction(mask, only)) return text;
  return `${text.slice(0, only.start)}${ANNOUNCE}${text.slice(only.start)}`;
}
