/** What is asked about one role, privilege and object, and the shape of the answer. */
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import type { RowLimit } from "./row-security.ts";

/** "some columns": not the table as a whole, which the columns of the paths say more about. */
export type Answer = "now" | "after set role" | "some columns" | "no" | "unknown";

export const SOURCES = [
  "superuser",
  "ownership",
  "grant",
  "PUBLIC",
  "column grant",
  "built-in default",
  "predefined role",
] as const;

export type Source = (typeof SOURCES)[number];

export interface PathStep {
  /** "django -> app_rw (inherit)". */
  text: string;
  /** What the catalog holds: "app_rw=arwd/owner". */
  evidence: string;
  /** SQL that takes this step away; undefined where no single statement does. */
  remove: string | undefined;
}

export interface AccessPath {
  source: Source;
  /** "after set role": only as `acting`. */
  when: "now" | "after set role";
  /** The role that acts at the end: who is asked about, or who it becomes. */
  acting: string;
  steps: readonly PathStep[];
  /** undefined: the whole object. */
  columns: readonly string[] | undefined;
  /** Whether the acting role can reach the object's schema; without it the path leads nowhere. */
  reaches: boolean;
  /** undefined where rows are not what it is about. */
  rows: RowLimit | undefined;
}

export interface Explanation {
  /** PUBLIC is "". */
  role: string;
  privilege: PrivilegeName;
  object: CatalogObject;
  column: string | undefined;
  answer: Answer;
  /** Why it is unknown, or why a held privilege is of no use. */
  reasons: readonly string[];
  paths: readonly AccessPath[];
  /** False when there are more paths than are listed. */
  isComplete: boolean;
  /** What was looked at and gives nothing. */
  notBy: readonly Source[];
  notes: readonly string[];
}

export interface Question {
  role: string;
  privilege: PrivilegeName;
  object: CatalogObject;
  column?: string | undefined;
  kind: PrivilegeKind;
  /** Views over the table, by oid, where they are known. */
  views?: ReadonlySet<number> | undefined;
}
