/** What is asked of a run, the limits that hold when none are asked for, and what comes back. */
import type { ProgressEvent } from "../../base/operation.ts";
import type { Session } from "../../pg/session.ts";
import type { AccessPlan, PlannedStatement } from "../plan/plan.ts";
import type { RolePassword } from "./passwords.ts";
import type { StatementNotice } from "./send.ts";

export const DEFAULT_LOCK_TIMEOUT_MS = 3_000;
/** 10 minutes: changing the owner of a hundred thousand tables takes a minute. */
export const DEFAULT_STATEMENT_TIMEOUT_MS = 600_000;

export interface ApplyOptions {
  /** Default DEFAULT_LOCK_TIMEOUT_MS. */
  lockTimeoutMs?: number | undefined;
  /** Default DEFAULT_STATEMENT_TIMEOUT_MS. */
  statementTimeoutMs?: number | undefined;
  /** Runs what can be run although something is blocked. */
  partial?: boolean | undefined;
  /** Commits what was done although the result is not as planned. */
  keepPartial?: boolean | undefined;
  /** Commits after each statement that locks something others use. */
  oneByOne?: boolean | undefined;
}

export interface ApplyRequest {
  /** The plan that was approved. */
  plan: AccessPlan;
  /** Whether exactly that plan was approved, or whatever brings the database to the model. */
  approval: "plan" | "model";
  /** Opens a session; the plan's own database when none is named. */
  open: (database?: string) => Promise<Session>;
  /** Where CREATE DATABASE is sent from, for plans that have one. */
  maintenanceDatabase: string;
  /** Looks at the session's database, in its transaction, and plans anew. `set`: roles whose password was set in it. */
  replan: (session: Session, set: ReadonlySet<string>) => Promise<AccessPlan>;
  passwords: ReadonlyMap<string, RolePassword>;
  options?: ApplyOptions | undefined;
  signal: AbortSignal;
  report: (event: ProgressEvent) => void;
}

export interface ApplyReport {
  /** In the order in which they ran, of all databases. */
  statements: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  /** Roles whose password was set. */
  passwordsSet: readonly string[];
  /** How often a transaction of the plan's own database was started again because of another session. */
  retries: number;
  /** What another run had done already: the approved plan had statements and nothing was left of it. */
  wasDone: boolean;
  /** Statements that are still to do; empty unless `keepPartial`. */
  remaining: readonly PlannedStatement[];
}

/** What one stage of a run did. */
export interface Done {
  statements: readonly PlannedStatement[];
  notices: readonly StatementNotice[];
  remaining: readonly PlannedStatement[];
  /** How often a transaction of it was started again. */
  retries: number;
}

export const nothingDone: Done = { statements: [], notices: [], remaining: [], retries: 0 };

export function timeoutsOf({ options = {} }: ApplyRequest): { lock: number; statement: number } {
  return {
    lock: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    statement: options.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS,
  };
}
