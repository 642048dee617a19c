/**
 * The STATE line: what the database is like after a run that did not succeed, in one sentence that is always true.
 *
 * When something cannot be known, the sentence says so and how to find out. It never says "as before" about a database
 * this run created or dropped, nor about a statement that can commit by itself.
 */
import type { CommitLedger } from "./commit-ledger.ts";

/** What happened to the database itself before the script ran. */
export type DatabaseOrigin = "existing" | "created" | "recreated";

export const NOT_CONNECTED = "not connected";

export function nothingStarted(database: string, origin: DatabaseOrigin): string {
  if (origin === "existing") return "nothing was started";
  return `nothing of the project was started; database "${database}" was ${origin} and is empty`;
}

export interface FailedRun {
  database: string;
  origin: DatabaseOrigin;
  ledger: CommitLedger;
  /** Units in all. */
  units: number;
  /** The unit that did not end well (1-based); undefined when all that were sent completed. */
  failedUnit: number | undefined;
  /** Statement that may have committed or left something behind although it failed. */
  residue: Residue | undefined;
}

/** Failed statements that do not vanish without a trace. */
export type Residue = "own commits" | "invalid index" | "not transactional";

const RESIDUE_TEXT: Readonly<Record<Residue, string>> = {
  "own commits": "what the statement committed by itself stays",
  "invalid index": "an index that it was building may be left invalid",
  "not transactional": "the statement runs outside transactions and may have done a part of its work",
};

/** A prepared transaction is neither committed nor rolled back, and holds its locks until somebody ends it. */
const PREPARED = "; what PREPARE TRANSACTION took aside stays until COMMIT PREPARED or ROLLBACK PREPARED";

/** State after a script that ran to its end. */
export function afterSuccess(ledger: CommitLedger): string {
  return atEnd(ledger) + (ledger.hasPrepared ? PREPARED : "");
}

function atEnd({ durable, completed }: CommitLedger): string {
  if (durable === completed) return "committed";
  if (durable === 0) return "nothing was committed; deploy.sql rolled back what it did";
  return `committed${GAPS}`;
}

const GAPS = ", except for what deploy.sql rolled back itself";

/** Whether a unit before the last durable one did not stay. */
function hasGaps({ durable, lastDurable }: CommitLedger): boolean {
  return durable < lastDurable;
}

function committedUpTo(ledger: CommitLedger, units: number): string {
  return `committed up to unit ${ledger.lastDurable} of ${units}${hasGaps(ledger) ? GAPS : ""}`;
}

/** State after the server ended the failed unit by itself, so that nothing is in doubt. */
export function afterFailure({ database, origin, ledger, units, failedUnit, residue }: FailedRun): string {
  if (failedUnit === undefined && ledger.completed === units && ledger.lastDurable < units) {
    return `deploy.sql ran to its end; ${afterSuccess(ledger)}`;
  }
  const left = (residue ? `; ${RESIDUE_TEXT[residue]}` : "") + (ledger.hasPrepared ? PREPARED : "");
  if (ledger.lastDurable > 0) {
    const rest = failedUnit === undefined ? "the rest did not run" : rolledBack(ledger.lastDurable + 1, failedUnit);
    if (ledger.lastDurable < units) return `${committedUpTo(ledger, units)}; ${rest}${left}`;
    return (hasGaps(ledger) ? `committed${GAPS}` : `committed; all of deploy.sql is in database "${database}"`) + left;
  }
  if (left) return `rolled back${left}`;
  if (origin !== "existing") return `rolled back; database "${database}" was ${origin} by this run and is empty`;
  return `rolled back; database "${database}" is as before this run`;
}

function rolledBack(first: number, last: number): string {
  return first < last ? `units ${first} to ${last} were rolled back` : `unit ${last} was rolled back`;
}

export interface UnknownCommit {
  database: string;
  ledger: CommitLedger;
  units: number;
  failedUnit: number;
  /** Transaction of the unit, when the server told it before the connection broke. */
  transactionId: string | undefined;
}

/** State when the connection broke while a unit ran and nobody could say what became of it. */
export function unknownState({ database, ledger, units, failedUnit, transactionId }: UnknownCommit): string {
  const before = ledger.lastDurable > 0 ? `${committedUpTo(ledger, units)}; ` : "";
  const ask =
    transactionId === undefined
      ? `look for its changes in database "${database}"`
      : `ask in database "${database}": select pg_catalog.txid_status(${transactionId})`;
  return `${before}unknown for unit ${failedUnit}, whose connection was lost; ${ask}`;
}

/** What a single-statement unit can leave behind when it fails. `statement` is masked SQL without comments. */
export function residueOf(maskedStatement: string): Residue | undefined {
  const words = maskedStatement.trim().replace(/\s+/g, " ").toUpperCase();
  if (/^(?:DO|CALL)\b/.test(words)) return "own commits";
  if (/^(?:CREATE (?:UNIQUE )?INDEX|REINDEX|DROP INDEX)\b.*\bCONCURRENTLY\b/.test(words)) return "invalid index";
  if (/^(?:VACUUM|CLUSTER|REINDEX|CREATE DATABASE|DROP DATABASE|ALTER SYSTEM|CREATE SUBSCRIPTION)\b/.test(words)) {
    return "not transactional";
  }
  if (/\bDETACH PARTITION\b.*\bCONCURRENTLY\b/.test(words)) return "not transactional";
  return undefined;
}
