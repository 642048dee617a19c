/**
 * A plan: every statement that brings a database to its model, in order, each with what a person wants to know first.
 *
 * The SQL of a plan is the SQL that runs. The one exception is a password, whose verifier is made when the plan is
 * applied and travels beside the statement; the plan shows where it goes and nothing of it.
 */

/** When a statement runs. Everything but "before" and "after" runs in one transaction of the model's database. */
export type StatementStage = "before" | "main" | "after";

export type StatementKind =
  | "create database"
  | "create role"
  | "alter role"
  | "grant role"
  | "revoke role"
  | "owner"
  | "create schema"
  | "revoke"
  | "grant"
  | "default privileges"
  | "row security"
  | "setting"
  | "comment"
  | "password"
  | "temporary"
  | "terminate"
  | "drop";

export type Risk = "low" | "medium" | "high";

/** The strongest lock on something that others use; "none" for catalog rows alone. */
export type PlanLock = "none" | "access exclusive" | "share row exclusive";

export interface PlannedStatement {
  /** 1-based. */
  n: number;
  /** One statement without a semicolon, runnable by psql. A password stands as `'[secret]'`. */
  sql: string;
  kind: StatementKind;
  /** For people: `table "app"."orders"`, `role "django"`, or the count where one statement covers many. */
  object: string;
  /** The role that gains or loses; PUBLIC is the empty name; undefined where there is none. */
  role: string | undefined;
  /** Why: "the model grants it and nobody has", "a third role granted it". */
  reason: string;
  /** The right that the executor needs, in words. */
  requires: string;
  lock: PlanLock;
  /** undefined: nothing undoes it. */
  inverse: string | undefined;
  risk: Risk;
  /** What makes it more than low. */
  riskReason: string | undefined;
  stage: StatementStage;
  /** Database that it runs in; the model's own but for roles that own objects elsewhere. */
  database: string;
  /** Set when apply puts a verifier in: the role whose password it is. */
  passwordOf: string | undefined;
}

/** A statement that this executor cannot run, with the text that somebody who can must run. */
export interface BlockedStatement {
  sql: string;
  object: string;
  role: string | undefined;
  reason: string;
  /** Who can: "superuser", `role "alice"`, "a role with ADMIN on ...". */
  needs: string;
}

export interface AccessPlan {
  version: 1;
  /** Of the model's file. */
  modelHash: string;
  database: string;
  /** undefined when the database does not exist yet. */
  databaseOid: number | undefined;
  /** server_version_num. */
  serverVersion: number;
  statements: readonly PlannedStatement[];
  blocked: readonly BlockedStatement[];
  /** Grants, memberships and attributes that are already as wanted. */
  unchanged: number;
  /** Findings that change nothing: creators not covered, grants outside the governed schemas, the profile's risks. */
  warnings: readonly string[];
  /** Hash of the present state of everything that the plan touches; apply refuses when it differs. */
  stateHash: string;
}
