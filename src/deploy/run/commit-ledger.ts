/**
 * Which units of a script outlive the run.
 *
 * A unit is one message to the server. Completing it does not make it durable: between BEGIN and COMMIT units are
 * pending, COMMIT makes them durable together, ROLLBACK drops them. The server says which of these happened by the
 * command tag of the unit's last statement and by the transaction status after it; a COMMIT of a failed transaction, for
 * example, answers ROLLBACK. `ROLLBACK TO` has the tag of ROLLBACK and ends nothing, so the status decides there.
 *
 * PREPARE TRANSACTION is neither: what it took out of the session outlives even the failure of its own unit, and is not
 * committed. It is remembered apart.
 */
import type { TransactionStatus } from "../../pg/session.ts";

export interface CompletedUnit {
  /** Command tag of its last statement; undefined when it had none. */
  lastTag: string | undefined;
  statusAfter: TransactionStatus;
  /** Whether the unit ends with `AND CHAIN`, which opens the next transaction at once. */
  chains: boolean;
}

export class CommitLedger {
  #completed = 0;
  #durable = 0;
  #lastDurable = 0;
  #pending = 0;
  #hasPrepared = false;

  /** Units the server completed, durable or not. */
  get completed(): number {
    return this.#completed;
  }

  /** Units whose effects stay. */
  get durable(): number {
    return this.#durable;
  }

  /** Number (1-based) of the last durable unit; 0 when there is none. */
  get lastDurable(): number {
    return this.#lastDurable;
  }

  /** Whether a transaction was prepared, which stays whatever becomes of the run. */
  get hasPrepared(): boolean {
    return this.#hasPrepared;
  }

  /** Takes the command tag of a statement, as it comes. */
  note(tag: string): void {
    this.#hasPrepared ||= tag === "PREPARE TRANSACTION";
  }

  complete({ lastTag, statusAfter, chains }: CompletedUnit): void {
    this.#completed++;
    this.#pending++;
    const isOpen = statusAfter !== "idle";
    const commits = lastTag === "COMMIT" || lastTag === "PREPARE TRANSACTION" || (!isOpen && lastTag !== "ROLLBACK");
    if (commits) this.#settle(this.#pending);
    else if (lastTag === "ROLLBACK" && (!isOpen || chains)) this.#settle(0);
  }

  #settle(durable: number): void {
    this.#durable += durable;
    if (durable > 0) this.#lastDurable = this.#completed;
    this.#pending = 0;
  }
}
