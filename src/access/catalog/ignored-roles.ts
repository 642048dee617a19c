/**
 * Roles that nobody here manages: PostgreSQL's own, the bootstrap superuser, and those that a provider or operator
 * brings along and keeps as it wants them. They are shown in reports and paths, and never altered.
 */
import type { Role } from "./snapshot.ts";

/** The role that initdb made: every cluster has it, whatever its name. */
export const BOOTSTRAP_OID = 10;

/** Names, and beginnings of names, that providers use. */
const PROVIDER_ROLES: readonly { provider: string; names: readonly string[] }[] = [
  { provider: "Amazon RDS and Aurora", names: ["rds*", "rdsadmin"] },
  { provider: "Google Cloud SQL and AlloyDB", names: ["cloudsql*", "alloydb*"] },
  { provider: "Azure Database", names: ["azure*", "azuresu"] },
  { provider: "Neon", names: ["neon*"] },
  { provider: "Supabase", names: ["supabase*", "authenticator"] },
  { provider: "CloudNativePG", names: ["cnpg_*", "streaming_replica"] },
];

/** Whether `role` is one that is never altered. */
export function isIgnoredRole({ name, oid }: Pick<Role, "name" | "oid">): boolean {
  return oid === BOOTSTRAP_OID || name.startsWith("pg_") || providerOfRole(name) !== undefined;
}

/** Whose role it is, for people; undefined when no provider is known to make one of that name. */
export function providerOfRole(name: string): string | undefined {
  return PROVIDER_ROLES.find(({ names }) =>
    names.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern)),
  )?.provider;
}
