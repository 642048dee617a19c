/** Names as people read them, in plans and messages. Whatever comes from a catalog is tamed here. */
import { tameLine } from "../../base/tame.ts";
import { ident, literal } from "../../pg/identifiers.ts";
import { type AclEntry, aclEntryText, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { type PrivilegeSet, privilegeNames } from "../privileges/privilege.ts";

/** `role "django"`, PUBLIC. */
export function roleText(name: string): string {
  return name === PUBLIC ? "PUBLIC" : `role "${tameLine(name)}"`;
}

/** `materialized view "app"."totals"`. The SQL name holds no character that acts on a terminal. */
export function objectText({ kind, subkind, sql }: CatalogObject): string {
  return `${subkind ?? kind.replaceAll("-", " ")} ${tameLine(sql)}`;
}

/** Who a GRANT names: PUBLIC or a quoted role. */
export function granteeSql(name: string): string {
  return name === PUBLIC ? "public" : ident(name);
}

export function privilegesText(set: PrivilegeSet): string {
  return privilegeNames(set).join(", ");
}

/** At most eight entries as psql writes them. */
export function aclText(entries: readonly AclEntry[]): string {
  const shown = entries.slice(0, 8).map((entry) => tameLine(aclEntryText(entry)));
  return [...shown, ...(entries.length > 8 ? [`and ${entries.length - 8} more`] : [])].join(", ");
}

/** A text as a literal on one line: whoever pastes it must not be able to begin a line with what it says. */
export function textSql(text: string): string {
  const sql = literal(text).trim();
  if (!/[\r\n]/.test(text)) return sql;
  const escaped = text.includes("\\") ? sql : `E${sql}`;
  return escaped.replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}
