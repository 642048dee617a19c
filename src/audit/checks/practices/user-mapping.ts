/** User mappings: how queries name them, and how statements do. Only superusers may read the catalog behind them. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";

/** Columns and joins with the aliases `u` (mapping), `s` (server), `r` (role, null for PUBLIC). */
export const MAPPING_COLUMNS = `
         coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC') || ' @ ' || pg_catalog.quote_ident(s.srvname) as object,
         coalesce(r.rolname, '') as role,
         s.srvname as server`;

export const FROM_MAPPINGS = `
    from pg_catalog.pg_user_mapping as u
    join pg_catalog.pg_foreign_server as s on s.oid = u.umserver
    left join pg_catalog.pg_roles as r on r.oid = u.umuser`;

/** `user mapping for "app" server "elsewhere"`. */
export function mappingOf({ role, server }: TextRow): string {
  return `user mapping for ${role ? ident(role) : "public"} server ${ident(server ?? "")}`;
}
