/**
 * Whom a line of pg_hba.conf lets in. Only what paths need: does a line that admits somebody match this role and
 * database. Addresses are not weighed against each other, except that an equal one further up hides a line.
 */
import type { HbaRule } from "./facts.ts";
import type { Holders } from "./holders.ts";

export interface Login {
  role: string;
  /** A database's name, or "replication" for physical replication. */
  database: string;
  holders: Holders;
}

/** Whether the line matches and its method can succeed. */
export function admits(rule: HbaRule, login: Login): boolean {
  return rule.method !== "reject" && matches(rule, login);
}

export function matches(rule: HbaRule, { role, database, holders }: Login): boolean {
  return rule.databases.some((entry) => isDatabase(entry, { role, database, holders })) && rule.users.some(isRole);

  function isRole(entry: string): boolean {
    if (entry === "all" || entry === role) return true;
    if (entry.startsWith("+")) return holders.inherited(role).has(entry.slice(1));
    return entry.startsWith("/") && matchesPattern(entry.slice(1), role);
  }
}

/** "all" does not match replication, which has to be named. */
function isDatabase(entry: string, { role, database, holders }: Login): boolean {
  if (database === "replication" || entry === "replication") return database === entry;
  if (entry === "all" || entry === database) return true;
  if (entry === "sameuser") return role === database;
  if (entry === "samerole" || entry === "samegroup") return holders.inherited(role).has(database);
  return entry.startsWith("/") && matchesPattern(entry.slice(1), database);
}

/** Patterns of 16 and later are PostgreSQL's own; one that is none here counts as matching, never as safe. */
function matchesPattern(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

/** The line that decides for this login among those of one type and address: the first that matches. */
export function decidingRule(rules: readonly HbaRule[], candidate: HbaRule, login: Login): HbaRule | undefined {
  return rules.find(
    (rule) =>
      rule.type === candidate.type &&
      rule.address === candidate.address &&
      rule.netmask === candidate.netmask &&
      matches(rule, login),
  );
}
