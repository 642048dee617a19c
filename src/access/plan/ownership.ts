/**
 * Owners, object by object: of what stands in schemas, and for holders.ts of the database and the schemas themselves.
 *
 * Indexes, row types and the sequences of serial and identity columns follow their table; partitions and inheritance
 * children do not. What runs with its owner's rights (security definer routines, views) changes meaning with its
 * owner, so that is done only when asked for. Members of extensions are never touched.
 */
import { ident } from "../../pg/identifiers.ts";
import { type CatalogObject, OBJECT_KINDS, type ObjectKind } from "../privileges/catalog-object.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Difference, STEP, type Touched, type Way } from "./draft.ts";
import { letCreate } from "./lent-create.ts";
import { objectText, roleText } from "./naming.ts";

/** What holds others is planned before, and nobody owns a parameter. */
const ELSEWHERE: readonly ObjectKind[] = ["database", "schema", "parameter"];

/** Types before what is made of them; views are tables, and theirs come in the order of the catalog. */
const KIND_ORDER: readonly ObjectKind[] = [
  "type",
  ...OBJECT_KINDS.filter((kind) => kind !== "type" && !ELSEWHERE.includes(kind)),
];

export function planOwners(planning: GrantPlanning): void {
  for (const kind of KIND_ORDER) {
    for (const object of inOrder(planning.present.of(kind))) planOwner(object, planning);
  }
}

const SUBKIND_ORDER: readonly (string | undefined)[] = ["view", "materialized view"];

function inOrder(objects: readonly CatalogObject[]): CatalogObject[] {
  const rank = ({ subkind }: CatalogObject): number => SUBKIND_ORDER.indexOf(subkind);
  return [...objects].sort((one, other) => rank(one) - rank(other));
}

/** Gives `object` to whom the model names, or says who could. */
export function planOwner(object: CatalogObject, planning: GrantPlanning): void {
  if (object.parent?.relation === "owned") {
    followTable(object, planning);
    return;
  }
  const change = changeOfOwner(object, planning);
  if (change) giveAway(change, planning);
}

interface OwnerChange {
  object: CatalogObject;
  found: string;
  wanted: string;
  /** The statement up to the name of the owner. */
  alter: string;
}

/** undefined: there is nothing to do, or nothing that may be done. */
function changeOfOwner(object: CatalogObject, { facts, book, resolver }: GrantPlanning): OwnerChange | undefined {
  const found = object.owner;
  const wanted = resolver.owner(object);
  if (wanted === undefined || found === undefined || !facts.willExist(wanted)) return undefined;
  if (wanted === found) {
    book.unchanged++;
    return undefined;
  }
  const keyword = facts.isAdditive ? undefined : facts.kind(object.kind).ownerKeyword?.(object);
  if (keyword === undefined) return undefined;
  return { object, found, wanted, alter: `alter ${keyword.toLowerCase()} ${object.sql} owner to` };
}

function giveAway(change: OwnerChange, planning: GrantPlanning): void {
  const { object, found, wanted, alter } = change;
  const { book, rights, present } = planning;
  const common = {
    sql: `${alter} ${ident(wanted)}`,
    object: objectText(object),
    role: wanted,
    reason: `the model wants ${roleText(wanted)}, it is ${roleText(found)}`,
    touches: [{ about: "object", kind: object.kind, sql: object.sql }] satisfies Touched[],
    differences: ownerDifference(object, wanted),
  };
  const way = wayToGive(change, planning);
  if (!way.isOpen) {
    book.block({ ...common, reason: way.reason ?? common.reason, needs: way.needs });
    return;
  }
  book.add({
    ...common,
    step: stepOf(object),
    rank: 10,
    kind: "owner",
    requires: way.requires,
    as: way.as,
    lock: object.kind === "table" ? "access exclusive" : "none",
    inverse: `${alter} ${ident(found)}`,
    risk: "medium",
    riskReason: `${roleText(found)} loses the rights of an owner`,
  });
  present.setOwner(object, wanted);
  if (object.kind === "database") rights.databaseOwner = wanted;
}

/** A way that is closed, with the reason when it is the object's. */
type Refusal = Extract<Way, { isOpen: false }> & { reason?: string };

/** Asked in this order because an open way may already have borrowed or lent what it needs. */
function wayToGive(
  { object, found, wanted }: OwnerChange,
  planning: GrantPlanning,
): Extract<Way, { isOpen: true }> | Refusal {
  const refusal = refusalOf(object, wanted, planning);
  if (refusal) return refusal;
  const way = planning.rights.transfer(found, wanted);
  if (!way.isOpen || letCreate(object, wanted, planning)) return way;
  return { isOpen: false, needs: `a superuser: ${roleText(wanted)} may not create where it is` };
}

function ownerDifference(object: CatalogObject, wanted: string): () => readonly Difference[] {
  return () => [
    {
      difference: "different",
      what: "owner",
      object: objectText(object),
      role: undefined,
      wanted,
      found: object.owner,
    },
  ];
}

function stepOf({ kind }: CatalogObject): 3 | 4 | 5 {
  if (kind === "database") return STEP.database;
  return kind === "schema" ? STEP.schemas : STEP.owners;
}

/** What cannot be given away, or not unasked. */
function refusalOf(object: CatalogObject, wanted: string, { facts }: GrantPlanning): Refusal | undefined {
  if (object.kind === "foreign-data-wrapper" && !facts.isSuperuser(wanted)) {
    return {
      isOpen: false,
      needs: "an owner that is a superuser",
      reason: "foreign-data wrappers belong to superusers only",
    };
  }
  const runsAsOwner =
    object.securityDefiner === true ||
    (object.kind === "table" && object.subkind === "view" && object.securityInvoker !== true) ||
    object.subkind === "materialized view";
  if (!runsAsOwner || facts.options.includeDefiner) return undefined;
  const runs = object.kind === "routine" ? "it runs with its owner's rights" : "it reads with its owner's rights";
  return { isOpen: false, needs: "--include-definer", reason: `${runs}, and those would change` };
}

/** Sequences of columns have no owner of their own: they have their table's. */
function followTable(sequence: CatalogObject, { present }: GrantPlanning): void {
  const table = present.of("table").find(({ oid }) => oid === sequence.parent?.oid);
  if (table?.owner !== undefined && table.owner !== sequence.owner) present.setOwner(sequence, table.owner);
}
