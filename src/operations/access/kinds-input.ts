/** Kinds of objects and PUBLIC, as flags and arguments name them. */
import type { ObjectKind } from "../../access/catalog/snapshot.ts";

/** Every kind; the command table needs them before the catalogue is loaded. */
export const OBJECT_KINDS = [
  "database",
  "schema",
  "table",
  "sequence",
  "routine",
  "type",
  "language",
  "foreign-data-wrapper",
  "foreign-server",
  "large-object",
  "parameter",
  "tablespace",
] as const satisfies readonly ObjectKind[];

/** No role can be called so, whatever its case. */
export const PUBLIC_NAME = "public";
