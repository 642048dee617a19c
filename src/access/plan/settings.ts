/**
 * Stored settings of roles and of the database, and how the server writes them.
 *
 * Parameters that hold a list of names are stored item by item, each quoted when it has to be. Given as one text such
 * a list would become a single name, so it is taken apart here, and compared item by item.
 */
import { ident } from "../../pg/identifiers.ts";
import { textSql } from "./naming.ts";

/** Parameters whose value is a list of names. Source: guc_tables.c, GUC_LIST_QUOTE. */
const NAME_LISTS = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

/** `set name to value`, with the value as the parameter takes it. */
export function setSql(name: string, value: string): string {
  const target = name.split(".").map(ident).join(".");
  if (!NAME_LISTS.has(name)) return `set ${target} to ${textSql(value)}`;
  const items = listItems(value);
  if (items.length === 0) return `set ${target} to ''`;
  // Each as a text, because a list may hold "$user" and the empty name, which is no identifier.
  return `set ${target} to ${items.map((item) => textSql(item)).join(", ")}`;
}

export function resetSql(name: string): string {
  return `reset ${name.split(".").map(ident).join(".")}`;
}

export function isSameSetting(name: string, one: string, other: string): boolean {
  if (one === other) return true;
  return NAME_LISTS.has(name) && JSON.stringify(listItems(one)) === JSON.stringify(listItems(other));
}

/** Items of `a, "B c", d` as the server reads them: unquoted ones in lower case. */
export function listItems(value: string): string[] {
  const items: string[] = [];
  for (const [, quoted, plain] of value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,"\s][^,]*))\s*(?:,|$)/g)) {
    if (quoted !== undefined) items.push(quoted.replaceAll('""', '"'));
    else if (plain !== undefined) items.push(plain.trim().toLowerCase());
  }
  return items;
}
