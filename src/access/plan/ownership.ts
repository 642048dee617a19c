/**
 * Owners: the database, schemas, and object by object what is in them.
 *
 * Indexes, row types and the sequences of serial and identity columns follow their table; partitions and inheritance
 * children do not. What runs with its owner's rights (security definer routines, views) changes meaning with its
 * owner, so that is done only when asked for. Members of extensions are never touched.
 */
import { ident } from "../../pg/identifiers.ts";
import { PUBLIC } from "../catalog/acl.ts";
import { privilegeSet } from "../catalog/privilege.ts";
import { type CatalogObject, OBJECT_KINDS, type ObjectKind } from "../catalog/snapshot.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Difference, NO_DIFFERENCES, STEP, type Touched } from "./draft.ts";
import { objectText, roleText, textSql } from "./naming.ts";

/** What holds others is planned before, and nobody owns a parameter. */
const ELSEWHERE: readonly ObjectKind[] = ["database", "schema", "parameter"];

/** Types before what is made of them; views are tables, and theirs come in the order of the catalog. */
const KIND_ORDER: readonly ObjectKind[] = [
  "type",
  ...OBJECT_KINDS.filter((kind) => kind !== "type" && !ELSEWHERE.includes(kind)),
];

const CREATE = privilegeSet(["create"]);

/** Database and schemas; makes the schemas that are missing. */
export function planHolders(planning: GrantPlanning): void {
  for (const database of planning.present.of("database")) {
    if (database.name === planning.facts.model.database) planOwner(database, planning);
  }
  planSchemas(planning);
}

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

function planOwner(object: CatalogObject, planning: GrantPlanning): void {
  const { facts, book, rights, present, resolver } = planning;
  if (object.parent?.relation === "owned") {
    followTable(object, planning);
    return;
  }
  const wanted = resolver.owner(object);
  if (wanted === undefined || object.owner === undefined || !facts.willExist(wanted)) return;
  if (wanted === object.owner) {
    book.unchanged++;
    return;
  }
  if (facts.isAdditive) return;
  const keyword = facts.kind(object.kind).ownerKeyword?.(object);
  if (keyword === undefined) return;
  const alter = `alter ${keyword.toLowerCase()} ${object.sql} owner to`;
  const common = {
    sql: `${alter} ${ident(wanted)}`,
    object: objectText(object),
    role: wanted,
    reason: `the model wants ${roleText(wanted)}, it is ${roleText(object.owner)}`,
    touches: [{ about: "object", kind: object.kind, sql: object.sql }] satisfies Touched[],
    differences: ownerDifference(object, wanted),
  };
  const refusal = refusalOf(object, wanted, planning);
  if (refusal !== undefined) {
    book.block({ ...common, ...refusal });
    return;
  }
  const way = rights.transfer(object.owner, wanted);
  if (!way.isOpen) {
    book.block({ ...common, needs: way.needs });
    return;
  }
  if (!letCreate(object, wanted, planning)) {
    book.block({ ...common, needs: `a superuser: ${roleText(wanted)} may not create where it is` });
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
    inverse: `${alter} ${ident(object.owner)}`,
    risk: "medium",
    riskReason: `${roleText(object.owner)} loses the rights of an owner`,
  });
  present.setOwner(object, wanted);
  if (object.kind === "database") rights.databaseOwner = wanted;
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
function refusalOf(
  object: CatalogObject,
  wanted: string,
  { facts }: GrantPlanning,
): { needs: string; reason: string } | undefined {
  if (object.kind === "foreign-data-wrapper" && !facts.isSuperuser(wanted)) {
    return { needs: "an owner that is a superuser", reason: "foreign-data wrappers belong to superusers only" };
  }
  const runsAsOwner =
    object.securityDefiner === true ||
    (object.kind === "table" && object.subkind === "view" && object.securityInvoker !== true) ||
    object.subkind === "materialized view";
  if (!runsAsOwner || facts.options.includeDefiner) return undefined;
  const runs = object.kind === "routine" ? "it runs with its owner's rights" : "it reads with its owner's rights";
  return { needs: "--include-definer", reason: `${runs}, and those would change` };
}

/** Sequences of columns have no owner of their own: they have their table's. */
function followTable(sequence: CatalogObject, { present }: GrantPlanning): void {
  const table = present.of("table").find(({ oid }) => oid === sequence.parent?.oid);
  if (table?.owner !== undefined && table.owner !== sequence.owner) present.setOwner(sequence, table.owner);
}

/**
 * A new owner needs CREATE where the object is, unless a superuser gives it; lent for the run when it is missing. For
 * schemas it is the executor that needs CREATE, on the database. False: nobody here can lend it.
 */
function letCreate(object: CatalogObject, owner: string, planning: GrantPlanning): boolean {
  const { rights, facts, present } = planning;
  if (rights.isSuperuser) return true;
  if (object.kind === "schema") return letMakeSchemas(planning);
  if (object.schema === undefined) return true;
  const schema = present.of("schema").find(({ name }) => name === object.schema);
  if (!schema) return true;
  const held = facts.closures.inherited(owner);
  if (mayCreate(schema, held, planning)) return true;
  return lend({ on: schema, to: owner, step: STEP.owners }, planning);
}

function letMakeSchemas(planning: GrantPlanning): boolean {
  const { rights, facts, present } = planning;
  const database = present.of("database").find(({ name }) => name === facts.model.database);
  if (rights.isSuperuser || !database) return true;
  const held = new Set(facts.closures.inherited(rights.executor));
  if (mayCreate(database, held, planning)) return true;
  return lend({ on: database, to: rights.executor, step: STEP.schemas }, planning);
}

function mayCreate(holder: CatalogObject, held: ReadonlySet<string>, { present }: GrantPlanning): boolean {
  return present
    .list(holder)
    .some(({ grantee, privileges }) => (grantee === PUBLIC || held.has(grantee)) && (privileges & CREATE) !== 0);
}

function lend({ on, to, step }: { on: CatalogObject; to: string; step: 4 | 5 }, planning: GrantPlanning): boolean {
  const { rights, book, lent } = planning;
  const way = on.owner === undefined ? undefined : rights.privilegesOf(on.owner);
  if (!way?.isOpen) return false;
  const key = JSON.stringify([on.kind, on.name, to]);
  if (lent.has(key)) return true;
  lent.add(key);
  const target = `create on ${on.kind} ${on.sql}`;
  const common = {
    step,
    kind: "temporary" as const,
    object: objectText(on),
    role: to,
    requires: way.requires,
    as: way.as,
    touches: [{ about: "object" as const, kind: on.kind, sql: on.sql }],
    differences: NO_DIFFERENCES,
  };
  const back = `revoke ${target} from ${ident(to)}`;
  book.add({
    ...common,
    rank: 0,
    sql: `grant ${target} to ${ident(to)}`,
    reason: "an owner must be able to create there; taken back right after",
    inverse: back,
  });
  book.add({ ...common, rank: 20, sql: back, reason: "takes back what was lent", inverse: undefined });
  return true;
}

function planSchemas(planning: GrantPlanning): void {
  const { facts, present } = planning;
  const existing = new Map(present.of("schema").map((schema) => [schema.name, schema]));
  for (const [name, wanted] of facts.model.schemas) {
    const schema = existing.get(name);
    if (schema) planOwner(schema, planning);
    else makeSchema(name, wanted.create, planning);
    if (wanted.comment !== undefined && !(schema && facts.isAdditive)) planComment(name, wanted.comment, planning);
  }
}

function makeSchema(name: string, isWanted: boolean, planning: GrantPlanning): void {
  const { facts, book, rights, present, resolver } = planning;
  const object: CatalogObject = {
    kind: "schema",
    oid: 0,
    schema: undefined,
    name,
    sql: ident(name),
    owner: undefined,
    acl: undefined,
  };
  const wanted = resolver.owner(object);
  const owner = wanted !== undefined && facts.willExist(wanted) ? wanted : rights.executor;
  const authorization = owner === rights.executor ? [] : ["authorization", ident(owner)];
  const common = {
    sql: ["create schema", ident(name), ...authorization].join(" "),
    object: objectText(object),
    role: owner,
    reason: "the model has it and the database has not",
    touches: [{ about: "object", kind: "schema", sql: object.sql }] satisfies Touched[],
    differences: (): readonly Difference[] => [
      {
        difference: "missing",
        what: "schema",
        object: objectText(object),
        role: undefined,
        wanted: "present",
        found: undefined,
      },
    ],
  };
  if (!isWanted) {
    book.block({
      ...common,
      reason: "the model governs it, and it is not there",
      needs: '"create: true" in the model, or whoever makes it',
    });
    return;
  }
  const way = owner === rights.executor ? rights.ownDatabaseOrCreate() : rights.transfer(rights.executor, owner);
  if (!way.isOpen || !letMakeSchemas(planning)) {
    book.block({ ...common, needs: way.isOpen ? "a role with CREATE on the database" : way.needs });
    return;
  }
  const inverse = ["drop schema", ident(name)].join(" ");
  book.add({
    ...common,
    step: STEP.schemas,
    rank: 10,
    kind: "create schema",
    requires: "CREATE on the database",
    as: way.as,
    inverse,
  });
  const defaults = facts.snapshot.defaultAcls.find(
    ({ creator, on, schema }) => creator === owner && on === "schemas" && schema === undefined,
  );
  present.add({ ...object, owner, acl: defaults?.acl });
}

function planComment(name: string, comment: string, { facts, book, present, rights }: GrantPlanning): void {
  const schema = present.of("schema").find((each) => each.name === name);
  const found = facts.snapshot.schemaComments?.get(name);
  if (!schema || found === comment) return;
  const set = (text: string | undefined): string =>
    `comment on schema ${ident(name)} is ${text === undefined ? "null" : textSql(text)}`;
  const common = {
    sql: set(comment),
    object: objectText(schema),
    role: undefined,
    reason: "the model has this comment",
    touches: [{ about: "object" as const, kind: "schema", sql: schema.sql }],
    differences: (): readonly Difference[] => [
      {
        difference: found === undefined ? "missing" : "different",
        what: "comment",
        object: objectText(schema),
        role: undefined,
        wanted: comment,
        found,
      },
    ],
  };
  book.propose(
    { ...common, step: STEP.schemas, rank: 30, kind: "comment", inverse: set(found) },
    rights.privilegesOf(schema.owner ?? rights.executor),
  );
}
