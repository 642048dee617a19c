/**
 * A thing that carries privileges, as the catalogs describe it, and the kinds of such things.
 *
 * Every kind reads its rows into this one shape, so that nobody above has to know how the kinds differ.
 */
import { recordOf } from "../../base/catalogue.ts";
import type { Acl } from "./acl.ts";
import { names } from "./names.ts";

/** Kinds of things that carry privileges: the names of the files of this folder that define one. */
export type ObjectKind = (typeof names)[number];

/** Those that people look for first; the others follow by name. */
const FIRST: readonly ObjectKind[] = ["database", "schema", "table", "sequence", "routine", "type"];

/** Every kind, in the order of listings. */
export const OBJECT_KINDS: readonly ObjectKind[] = [...FIRST, ...names.filter((kind) => !FIRST.includes(kind))];

/** Something for each kind. */
export function forEachKind<Value>(make: (kind: ObjectKind) => Value): Record<ObjectKind, Value> {
  return recordOf(OBJECT_KINDS, make);
}

/** Finer than the kind, where the same GRANT covers several things. */
export type ObjectSubkind =
  | "table"
  | "partitioned table"
  | "view"
  | "materialized view"
  | "foreign table"
  | "function"
  | "procedure"
  | "aggregate"
  | "window function"
  | "type"
  | "domain";

export interface CatalogObject {
  kind: ObjectKind;
  /** Absent where the kind has only one form. */
  subkind?: ObjectSubkind | undefined;
  oid: number;
  /** undefined for what lives in no schema. */
  schema: string | undefined;
  /** The bare name; routines have their identity arguments added: "total(integer, text)". Large objects: the oid. */
  name: string;
  /** How GRANT names it, quoted: `"app"."orders"`, `"app"."total"(integer, text)`. Never ends a comment or a line. */
  sql: string;
  /** undefined for parameters, which nobody owns. */
  owner: string | undefined;
  /** undefined: NULL in the catalog, the built-in defaults of the kind hold. */
  acl: Acl | undefined;
  /** Lists of columns that have one, by column name. Tables only. */
  columns?: ReadonlyMap<string, Acl> | undefined;
  /** All columns in order. Tables only. */
  columnNames?: readonly string[] | undefined;
  /** Row level security. Tables only. */
  rowSecurity?: { enabled: boolean; forced: boolean } | undefined;
  /** A routine that runs with its owner's rights. */
  securityDefiner?: boolean | undefined;
  /** A view that reads with the caller's rights (15+). */
  securityInvoker?: boolean | undefined;
  /** Routine settings ("search_path=app, pg_temp"). */
  settings?: readonly string[] | undefined;
  /** Belongs to an extension; its owner and lists are the extension's business. */
  extension?: string | undefined;
  /** The table whose partition, inheritance child, serial or identity column this is; "owned" ones follow its owner. */
  parent?: { oid: number; relation: "partition" | "inheritance" | "owned" } | undefined;
  /** Language of a routine; whether a language is trusted. */
  language?: string | undefined;
  trusted?: boolean | undefined;
}

/** What ALTER DEFAULT PRIVILEGES can be about. */
export type DefaultAclKind = "tables" | "sequences" | "routines" | "types" | "schemas" | "large_objects";
