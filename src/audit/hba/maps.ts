/** What an entry of pg_ident.conf leads to, and how lines of both files are named in findings. */
import { posix } from "node:path";
import type { RoleFacts } from "../roles.ts";
import type { IdentEntry, IdentFacts } from "./ident.ts";
import { matchesPattern } from "./pattern.ts";
import { quotedIfNeeded } from "./rule-text.ts";

/** The entry in one spelling. */
export function entryText({ map, system, role }: IdentEntry): string {
  return [map, system, role].map(quotedIfNeeded).join(" ");
}

/** A line that is no rule: the text may hold a secret, so the place is its name. */
export function problemObject({ file, line }: { file: string; line: number }): string {
  return `${posix.basename(file)}:${line}`;
}

/**
 * Whether the entry leads to a role. From PostgreSQL 16 on its role may be `all`, `+group` or a pattern; what we cannot
 * match counts as matching. Roles that are made from the account's name (\1) are not followed.
 */
export function rolesOfEntry(entry: IdentEntry, ident: IdentFacts, roles: RoleFacts): (name: string) => boolean {
  const { role, isRoleQuoted } = entry;
  if (!ident.hasRolePatterns) return (name) => name === role;
  if (role.startsWith("/")) return (name) => matchesPattern(role.slice(1), name) !== false;
  if (!isRoleQuoted && role === "all") return () => true;
  if (!isRoleQuoted && role.startsWith("+")) return (name) => roles.isMember(name, role.slice(1));
  return (name) => name === role;
}
