/** How a question becomes SQL: statements that are planned and not run, and the catalog's own functions. */
import { ident, literal } from "../../pg/identifiers.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { Attempt, ObjectQuestion } from "./probe.ts";

/**
 * Plans a statement without running it: the server checks tables and columns as for a run, fires nothing and draws no
 * number from a sequence. `where false` keeps the plan short; it is not what makes it harmless.
 */
export function explained(statement: string): Attempt {
  return { kind: "run", sql: `explain (costs off) ${statement}` };
}

export type Manipulation = "select" | "insert" | "update" | "delete";

/** The statement on all of `columns`, so that a right on some of them is not enough. */
export function onAllColumns(action: Manipulation, { sql }: CatalogObject, columns: readonly string[]): string {
  if (action === "delete") return `delete from ${sql} where false`;
  if (columns.length === 0)
    return action === "select" ? `select from ${sql} where false` : `insert into ${sql} default values`;
  const names = columns.map(ident);
  if (action === "select") return `select ${names.join(", ")} from ${sql} where false`;
  if (action === "update")
    return `update ${sql} set ${names.map((name) => `${name} = default`).join(", ")} where false`;
  return `insert into ${sql} (${names.join(", ")}) values (${names.map(() => "default").join(", ")})`;
}

/** The statement that a right on any column at all would allow. UPDATE names its columns, so it has no such form. */
export function onAnyColumn(action: Manipulation, object: CatalogObject): string | undefined {
  if (action === "select") return `select from ${object.sql} where false`;
  if (action === "insert") return `insert into ${object.sql} default values`;
  if (action === "delete") return onAllColumns("delete", object, []);
  return undefined;
}

/** What the catalog says of a role and a table: the schema's USAGE is part of the answer, as it is for a statement. */
export function tablePrivilege(role: string, { oid, schema }: CatalogObject, privilege: PrivilegeName): ObjectQuestion {
  return { form: "table", role, oid, schema: schema ?? "", privileges: privilege };
}

export function anyColumnPrivilege(
  role: string,
  { oid, schema }: CatalogObject,
  privilege: PrivilegeName,
): ObjectQuestion {
  return { form: "columns", role, oid, schema: schema ?? "", privileges: privilege };
}

export function columnPrivilege(
  role: string,
  object: CatalogObject,
  { column, privilege }: { column: string; privilege: PrivilegeName },
): string {
  const of = `${literal(role)}, ${object.oid}::pg_catalog.oid, ${literal(column)}, ${literal(privilege)}`;
  return usable(role, object, `pg_catalog.has_column_privilege(${of})`);
}

/** `privileges`: any of them is enough. */
export function sequencePrivilege(
  role: string,
  { oid, schema }: CatalogObject,
  privileges: readonly PrivilegeName[],
): ObjectQuestion {
  return { form: "sequence", role, oid, schema: schema ?? "", privileges: privileges.join(", ") };
}

export function routinePrivilege(role: string, { oid, schema }: CatalogObject): ObjectQuestion {
  return { form: "routine", role, oid, schema: schema ?? "", privileges: "execute" };
}

export function schemaPrivilege(role: string, schema: string, privilege: PrivilegeName): string {
  return `select pg_catalog.has_schema_privilege(${literal(role)}, ${literal(schema)}, ${literal(privilege)})`;
}

export function databasePrivilege(role: string, oid: number, privilege: PrivilegeName): string {
  return `select pg_catalog.has_database_privilege(${literal(role)}, ${oid}::pg_catalog.oid, ${literal(privilege)})`;
}

/** Whether `role` has the rights of `other` ("usage"), or may become it ("set" from 16 on, "member" before). */
export function roleMembership(role: string, other: string, how: "usage" | "member" | "set"): string {
  return `select pg_catalog.pg_has_role(${literal(role)}, ${literal(other)}, ${literal(how)})`;
}

/** Whether `role` has the rights of one of `owners`, as the catalog says. */
export function ownership(role: string, owners: readonly (string | undefined)[]): string {
  const known = owners.filter((owner) => owner !== undefined);
  if (known.length === 0) return "select false";
  return `select ${known.map((owner) => `pg_catalog.pg_has_role(${literal(role)}, ${literal(owner)}, 'usage')`).join(" or ")}`;
}

/** Whether the role has an attribute, or every one. */
export function roleAttribute(role: string, attribute: "rolcreaterole"): string {
  return `select r.${attribute} or r.rolsuper from pg_catalog.pg_roles as r where r.rolname = ${literal(role)}`;
}

/** A relation of pg_catalog, by its name, which is ours and not the catalog's. */
export function serverRelationPrivilege(role: string, relation: string): string {
  return `select pg_catalog.has_table_privilege(${literal(role)}, ${literal(`pg_catalog.${relation}`)}, 'select')`;
}

export function serverRoutinePrivilege(role: string, signature: string): string {
  return `select pg_catalog.has_function_privilege(${literal(role)}, ${literal(signature)}, 'execute')`;
}

function usable(role: string, { schema }: CatalogObject, condition: string): string {
  if (schema === undefined) return `select ${condition}`;
  return `select pg_catalog.has_schema_privilege(${literal(role)}, ${literal(schema)}, 'usage') and ${condition}`;
}
