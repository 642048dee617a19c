/** What the queries of several kinds share, and how their rows are read. */
import { ident } from "../../pg/identifiers.ts";
import type { TextRow } from "../../pg/session.ts";
import type { AclReader } from "./acl.ts";
import type { CatalogObject } from "./catalog-object.ts";

/**
 * A condition on pg_namespace `n`: schemas that people make. The prefix pg_ is the server's own, which covers TOAST and
 * temporary schemas too.
 */
export function schemasWanted(includeSystem: boolean): string {
  return includeSystem ? "true" : "n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'";
}

/** The text of `column`, which the query never leaves null. */
export function text(row: TextRow, column: string): string {
  return row[column] ?? "";
}

/** The parts that every kind has: oid, owner, acl. */
export function common(row: TextRow, acl: AclReader): Pick<CatalogObject, "oid" | "owner" | "acl"> {
  return { oid: Number(row.oid), owner: row.owner ?? undefined, acl: acl.read(row.acl ?? null) };
}

/** SQL that the server wrote, with its quoted names as `ident` writes them: none of them can end a line. */
export function withOwnQuoting(serverText: string): string {
  return serverText.replace(/"((?:[^"]|"")*)"/g, (_, name: string) => ident(name.replaceAll('""', '"')));
}
