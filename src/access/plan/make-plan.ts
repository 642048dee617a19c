/**
 * From a model and a picture of the server to a plan. Nothing here asks the server anything.
 *
 * Each concern plans by itself into one book of drafts, in the order in which their results build on each other:
 * owners first, because grants belong to owners; then lists as they will be under those owners; the rest in any order.
 * The same book answers `access diff`.
 */
import { privilegeKinds } from "../catalog/kinds.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel } from "../model/model.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { planDefaults } from "./defaults.ts";
import { type Difference, DraftBook } from "./draft.ts";
import { PlanFacts, type PlanOptions } from "./facts.ts";
import { planGrants } from "./grants.ts";
import { planHolders } from "./holders.ts";
import { planMemberships } from "./memberships.ts";
import { planMissingRoles } from "./missing-roles.ts";
import { isMissing, planDatabase, withNewDatabase } from "./new-database.ts";
import { inOrder } from "./order.ts";
import { planOwners } from "./ownership.ts";
import type { AccessPlan } from "./plan.ts";
import { PresentObjects } from "./present.ts";
import { refuseImpossible } from "./refusals.ts";
import { Rights } from "./required-rights.ts";
import { Resolver } from "./resolve.ts";
import { planRetirements } from "./retire.ts";
import { planRoles } from "./roles.ts";
import { planRowSecurity } from "./row-security.ts";
import { stateHash } from "./state-hash.ts";
import { planDatabaseSettings } from "./stored-settings.ts";
import { addWarnings } from "./warnings.ts";

export type { Difference } from "./draft.ts";
export type { PlanOptions } from "./facts.ts";

/** The plan that brings `snapshot` to `model`. Throws ACCESS_UNSUPPORTED_VERSION, ACCESS_PROVIDER_REFUSED. */
export async function makePlan(model: AccessModel, snapshot: Snapshot, options: PlanOptions = {}): Promise<AccessPlan> {
  return planWith(await privilegeKinds(), { model, snapshot, options });
}

/** What is not as the model says, for programs. Errors as of makePlan. */
export async function differences(
  model: AccessModel,
  snapshot: Snapshot,
  options: PlanOptions = {},
): Promise<ModelDifferences> {
  const { book } = bookOf(await privilegeKinds(), { model, snapshot, options });
  const all = book.differences();
  const of = (kind: Difference["difference"]): Difference[] => all.filter(({ difference }) => difference === kind);
  return { missing: of("missing"), extra: of("extra"), different: of("different") };
}

export interface ModelDifferences {
  /** Only the model has it. */
  missing: readonly Difference[];
  /** Only the database has it. */
  extra: readonly Difference[];
  /** Both have it, not alike. */
  different: readonly Difference[];
}

interface PlanRequest {
  model: AccessModel;
  snapshot: Snapshot;
  options: PlanOptions;
}

/** As makePlan, with the kinds of objects at hand. */
export function planWith(kinds: readonly PrivilegeKind[], request: PlanRequest): AccessPlan {
  return planOfBook(bookOf(kinds, request), request);
}

/** A plan together with the drafts that it was made from, for whoever asks what became of one wish. */
export async function makePlanWithBook(request: PlanRequest): Promise<{ plan: AccessPlan; book: DraftBook }> {
  const drafted = bookOf(await privilegeKinds(), request);
  return { plan: planOfBook(drafted, request), book: drafted.book };
}

function planOfBook({ book, facts }: Drafted, { model, snapshot }: PlanRequest): AccessPlan {
  const isNew = facts.snapshot !== snapshot;
  return {
    version: 1,
    modelHash: model.hash,
    database: facts.model.database,
    databaseOid: isNew ? undefined : snapshot.databaseOid,
    serverVersion: snapshot.version,
    statements: inOrder(book.drafts, facts),
    blocked: book.blocked.map(({ sql, object, role, reason, needs }) => ({ sql, object, role, reason, needs })),
    unchanged: book.unchanged,
    warnings: book.warnings,
    stateHash: stateHash(touchedBy(book), snapshot),
  };
}

function* touchedBy({ drafts, blocked }: DraftBook) {
  for (const { touches } of drafts) yield* touches;
  for (const { touches } of blocked) yield* touches;
}

interface Drafted {
  book: DraftBook;
  facts: PlanFacts;
}

function bookOf(kinds: readonly PrivilegeKind[], request: PlanRequest): Drafted {
  // A model that names no database is for the one that was looked at.
  const model =
    request.model.database === "" ? { ...request.model, database: request.snapshot.database } : request.model;
  const isNew = isMissing(model.database, request.snapshot);
  const snapshot = isNew ? withNewDatabase(model.database, request.snapshot) : request.snapshot;
  const facts = new PlanFacts({ model, snapshot, kinds, options: request.options });
  refuseImpossible(facts);
  const book = new DraftBook();
  const rights = new Rights(facts, book);
  const planning = {
    facts,
    book,
    rights,
    present: new PresentObjects(facts),
    resolver: new Resolver(facts),
    lent: new Set<string>(),
  };
  if (isNew) planDatabase(model.database, planning);
  planMissingRoles(planning);
  planRoles(planning);
  planMemberships(planning);
  planHolders(planning);
  planOwners(planning);
  planRetirements(planning);
  planGrants(planning);
  planDefaults(planning);
  planRowSecurity(planning);
  planDatabaseSettings(planning);
  addWarnings(planning);
  return { book, facts };
}
