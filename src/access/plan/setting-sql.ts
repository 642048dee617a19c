/**
 * Stored settings of roles and of the database, and how the server writes them; lists of names item by item.
 */
import { ident } from "../../pg/identifiers.ts";
import { NAME_LISTS, nameListItems } from "../../pg/name-lists.ts";
import { textSql } from "./naming.ts";

/** `set name to value`, with the value as the parameter takes it. */
export function setSql(name: string, value: string): string {
  const target = name.split(".").map(ident).join(".");
  if (!NAME_LISTS.has(name)) return `set ${target} to ${textSql(value)}`;
  const items = nameListItems(value);
  if (items.length === 0) return `set ${target} to ''`;
  // Each as a text, because a list may hold "$user" and the empty name, which is no identifier.
  return `set ${target} to ${items.map((item) => textSql(item)).join(", ")}`;
}

export function resetSql(name: string): string {
  return `reset ${name.split(".").map(ident).join(".")}`;
}

export function isSameSetting(name: string, one: string, other: string): boolean {
  if (one === other) return true;
  return NAME_LISTS.has(name) && JSON.stringify(nameListItems(one)) === JSON.stringify(nameListItems(other));
}
