/**
 * Statements while a plan is being made: in no order yet, each with the step that it belongs to and whom it must run as.
 *
 * Planners add drafts to one book. Ordering turns them into the numbered statements of the plan; `access diff` reads the
 * differences of the same drafts, so that what is called a difference and what is done about it cannot disagree.
 */
import type { BlockedStatement, PlannedStatement } from "./plan.ts";

/** The order in which a database is brought to its model; statements of one step keep the order of their ranks. */
export const STEP = {
  createRoles: 1,
  memberships: 2,
  database: 3,
  schemas: 4,
  owners: 5,
  revokes: 6,
  grants: 7,
  columns: 8,
  defaults: 9,
  rowSecurity: 10,
  settings: 11,
  passwords: 12,
  cleanUp: 13,
  retire: 14,
} as const;

export type Step = (typeof STEP)[keyof typeof STEP];

/** One thing that is not as the model says. */
export interface Difference {
  /** missing: only the model has it. extra: only the database has it. different: both have it, not alike. */
  difference: "missing" | "extra" | "different";
  /** "role", "membership", "privilege", "default privilege", "owner", "policy", "row security", "setting" ... */
  what: string;
  /** As people write it: `table "app"."orders"`. */
  object: string;
  /** PUBLIC is the empty name; undefined where there is none. */
  role: string | undefined;
  /** As the model has it; undefined when it has nothing. */
  wanted: string | undefined;
  /** As the database has it; undefined when it has nothing. */
  found: string | undefined;
}

/** What of the present state a statement rests on; see state-hash.ts. */
export type Touched =
  | { about: "role"; role: string }
  | { about: "memberships"; role: string }
  | { about: "object"; kind: string; sql: string }
  | { about: "defaults"; creator: string; schema: string | undefined }
  | { about: "database settings" };

export interface Draft {
  step: Step;
  /** Within the step; lower runs first. */
  rank?: number | undefined;
  sql: string;
  kind: PlannedStatement["kind"];
  object: string;
  role?: string | undefined;
  reason: string;
  requires: string;
  lock?: PlannedStatement["lock"] | undefined;
  inverse: string | undefined;
  risk?: PlannedStatement["risk"] | undefined;
  riskReason?: string | undefined;
  stage?: PlannedStatement["stage"] | undefined;
  /** Default: the model's. */
  database?: string | undefined;
  passwordOf?: string | undefined;
  /** The role to become for it; undefined: the executor as it is. */
  as?: string | undefined;
  touches: readonly Touched[];
  /** Made only when somebody asks for them: a statement may cover thousands of objects. */
  differences: () => readonly Difference[];
}

/** A way to run a statement, or who else could. */
export type Way =
  | { isOpen: true /** The role to become; undefined: none. */; as: string | undefined; requires: string }
  | { isOpen: false; needs: string };

/** A draft of which it is not known yet who may run it. */
export type Proposal = Omit<Draft, "requires" | "as">;

export interface Blocked extends BlockedStatement {
  touches: readonly Touched[];
  differences: () => readonly Difference[];
}

/** Everything that planners find. */
export class DraftBook {
  readonly drafts: Draft[] = [];
  readonly blocked: Blocked[] = [];
  readonly warnings: string[] = [];
  unchanged = 0;

  add(draft: Draft): void {
    this.drafts.push(draft);
  }

  block(blocked: Blocked): void {
    this.blocked.push(blocked);
  }

  /** A draft where there is a way to run it; where there is none it is blocked, with who could. */
  propose(draft: Proposal, way: Way): void {
    if (way.isOpen) this.add({ ...draft, requires: way.requires, as: way.as });
    else this.block({ ...draft, role: draft.role, needs: way.needs });
  }

  warn(text: string): void {
    this.warnings.push(text);
  }

  differences(): Difference[] {
    return [...this.drafts, ...this.blocked].flatMap(({ differences }) => differences());
  }
}

/** For statements that only help others: a borrowed right is no difference. */
export const NO_DIFFERENCES = (): readonly Difference[] => [];
