/**
 * What holds other objects: the owner of the database, and schemas with their owners and comments.
 *
 * Schemas that the model wants and the database has not are made here, so that all that comes later finds them.
 */
import { ident } from "../../pg/identifiers.ts";
import type { Acl } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Difference, STEP, type Touched, type Way } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { letMakeSchemas } from "./lent-create.ts";
import { objectText, textSql } from "./naming.ts";
import { planOwner } from "./ownership.ts";

/** Database and schemas; makes the schemas that are missing. */
export function planHolders(planning: GrantPlanning): void {
  for (const database of planning.present.of("database")) {
    if (database.name === planning.facts.model.database) planOwner(database, planning);
  }
  planSchemas(planning);
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
  const { facts, book, present } = planning;
  const object = missingSchema(name);
  const owner = ownerOfNew(object, planning);
  const common = creation(object, owner, planning);
  if (!isWanted) {
    const reason = "the model governs it, and it is not there";
    book.block({ ...common, reason, needs: '"create: true" in the model, or whoever makes it' });
    return;
  }
  const way = wayToMake(owner, planning);
  if (!way.isOpen) {
    book.block({ ...common, needs: way.needs });
    return;
  }
  book.add({
    ...common,
    step: STEP.schemas,
    rank: 10,
    kind: "create schema",
    requires: "CREATE on the database",
    as: way.as,
    inverse: ["drop schema", ident(name)].join(" "),
  });
  present.add({ ...object, owner, acl: defaultsOfNew(owner, facts) });
}

function missingSchema(name: string): CatalogObject {
  return { kind: "schema", oid: 0, schema: undefined, name, sql: ident(name), owner: undefined, acl: undefined };
}

/** Whom the model names; the executor where it names nobody who will be there. */
function ownerOfNew(schema: CatalogObject, { facts, resolver, rights }: GrantPlanning): string {
  const wanted = resolver.owner(schema);
  return wanted !== undefined && facts.willExist(wanted) ? wanted : rights.executor;
}

/** The words stand apart because definitions of the product's own objects are kept elsewhere. */
function creation(schema: CatalogObject, owner: string, { rights }: GrantPlanning) {
  const authorization = owner === rights.executor ? [] : ["authorization", ident(owner)];
  return {
    sql: ["create schema", schema.sql, ...authorization].join(" "),
    object: objectText(schema),
    role: owner,
    reason: "the model has it and the database has not",
    touches: [{ about: "object", kind: "schema", sql: schema.sql }] satisfies Touched[],
    differences: (): readonly Difference[] => [
      {
        difference: "missing",
        what: "schema",
        object: objectText(schema),
        role: undefined,
        wanted: "present",
        found: undefined,
      },
    ],
  };
}

function wayToMake(owner: string, planning: GrantPlanning): Way {
  const { rights } = planning;
  const way = owner === rights.executor ? rights.ownDatabaseOrCreate() : rights.transfer(rights.executor, owner);
  if (!way.isOpen || letMakeSchemas(planning)) return way;
  return { isOpen: false, needs: "a role with CREATE on the database" };
}

/** The list that default privileges give to a schema of that role. */
function defaultsOfNew(owner: string, { snapshot }: PlanFacts): Acl | undefined {
  return snapshot.defaultAcls.find(
    ({ creator, on, schema }) => creator === owner && on === "schemas" && schema === undefined,
  )?.acl;
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
