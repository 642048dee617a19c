/**
 * The words by which a model file selects objects: which kind and which forms of it each word means.
 *
 * What can be granted on a kind comes from the catalogue of kinds, so that file, schema and server agree.
 */
import type { DefaultAclKind, ObjectKind, ObjectSubkind } from "../privileges/catalog-object.ts";
import foreignDataWrapper from "../privileges/foreign-data-wrapper.ts";
import foreignServer from "../privileges/foreign-server.ts";
import language from "../privileges/language.ts";
import largeObject from "../privileges/large-object.ts";
import parameter from "../privileges/parameter.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import routine from "../privileges/routine.ts";
import sequence from "../privileges/sequence.ts";
import table from "../privileges/table.ts";
import tablespace from "../privileges/tablespace.ts";
import type from "../privileges/type.ts";

export interface Selector {
  kind: ObjectKind;
  /** undefined: all forms of the kind. */
  subkinds: readonly ObjectSubkind[] | undefined;
  privileges: readonly PrivilegeName[];
  /** PUBLIC's privileges while nobody changed them. */
  publicByDefault: readonly PrivilegeName[];
  /** What default privileges can say about it; undefined where they cannot tell its forms apart. */
  defaultsOn: DefaultAclKind | undefined;
  shown: string;
  /** The one schema that it is about; absent where the file names the schema, or none holds it. */
  schema?: string | undefined;
}

/** Objects that the server brings along are governed one by one, never with their schema. */
export const SYSTEM_SCHEMA = "pg_catalog";

function selector(kind: PrivilegeKind, shown: string, subkinds?: readonly ObjectSubkind[]): Selector {
  const { name, privileges, publicByDefault, defaults } = kind;
  return {
    kind: name,
    subkinds,
    privileges,
    publicByDefault,
    defaultsOn: subkinds === undefined ? defaults?.on : undefined,
    shown,
  };
}

/** Of what lives in schemas. */
export const SCHEMA_SELECTORS = {
  tables: selector(table, "tables, views, materialized views, foreign and partitioned tables"),
  views: selector(table, "views", ["view"]),
  materialized_views: selector(table, "materialized views", ["materialized view"]),
  foreign_tables: selector(table, "foreign tables", ["foreign table"]),
  partitioned: selector(table, "partitioned tables", ["partitioned table"]),
  sequences: selector(sequence, "sequences"),
  routines: selector(routine, "functions, procedures and aggregates"),
  functions: selector(routine, "functions, window functions and aggregates", [
    "function",
    "window function",
    "aggregate",
  ]),
  procedures: selector(routine, "procedures", ["procedure"]),
  types: selector(type, "types and domains"),
  domains: selector(type, "domains", ["domain"]),
} satisfies Record<string, Selector>;

export type SchemaSelectorName = keyof typeof SCHEMA_SELECTORS;

/** The forms that `tables_only` leaves of `tables`. */
export const TABLES_ONLY: readonly ObjectSubkind[] = ["table", "partitioned table"];

/** Of what lives in no schema, or in the server's own. */
export const OBJECT_SELECTORS = {
  large_objects: selector(largeObject, "large objects, by oid"),
  foreign_servers: selector(foreignServer, "foreign servers"),
  fdws: selector(foreignDataWrapper, "foreign-data wrappers"),
  languages: selector(language, "procedural languages"),
  parameters: selector(parameter, "configuration parameters (PostgreSQL 15 and later)"),
  tablespaces: selector(tablespace, "tablespaces"),
  system_views: { ...selector(table, "views and tables of pg_catalog"), schema: SYSTEM_SCHEMA },
  system_routines: { ...selector(routine, "functions of pg_catalog, by signature"), schema: SYSTEM_SCHEMA },
} satisfies Record<string, Selector>;

/** What default privileges exist for. */
export const DEFAULT_SELECTORS = {
  tables: { privileges: table.privileges, publicByDefault: table.publicByDefault, inSchema: true },
  sequences: { privileges: sequence.privileges, publicByDefault: sequence.publicByDefault, inSchema: true },
  routines: { privileges: routine.privileges, publicByDefault: routine.publicByDefault, inSchema: true },
  types: { privileges: type.privileges, publicByDefault: type.publicByDefault, inSchema: true },
  schemas: { privileges: ["usage", "create"], publicByDefault: [], inSchema: false },
  large_objects: { privileges: largeObject.privileges, publicByDefault: [], inSchema: false },
} satisfies Record<
  DefaultAclKind,
  { privileges: readonly PrivilegeName[]; publicByDefault: readonly PrivilegeName[]; inSchema: boolean }
>;

/** The entries of a record whose keys are known, with their types. */
export function entriesOf<Name extends string, Value>(values: Readonly<Record<Name, Value>>): [Name, Value][] {
  return namesOf(values).map((name) => [name, values[name]]);
}

function namesOf<Name extends string>(values: Readonly<Record<Name, unknown>>): Name[] {
  const isName = (name: string): name is Name => Object.hasOwn(values, name);
  return Object.keys(values).filter(isName);
}
