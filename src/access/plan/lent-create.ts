/**
 * The right to create where an object gets a new owner, or where a schema is made: held already, or lent for the run.
 */
import { ident } from "../../pg/identifiers.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { GrantPlanning } from "./acting.ts";
import { NO_DIFFERENCES, STEP } from "./draft.ts";
import { objectText } from "./naming.ts";

const CREATE = privilegeSet(["create"]);

/**
 * A new owner needs CREATE where the object is, unless a superuser gives it; lent for the run when it is missing. For
 * schemas it is the executor that needs CREATE, on the database. False: nobody here can lend it.
 */
export function letCreate(object: CatalogObject, owner: string, planning: GrantPlanning): boolean {
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

/** The executor needs CREATE on the database to make a schema, or to give one away. False: nobody here can lend it. */
export function letMakeSchemas(planning: GrantPlanning): boolean {
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
