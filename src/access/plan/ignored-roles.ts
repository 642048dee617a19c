/**
 * Roles that belong to PostgreSQL or to a provider: shown everywhere, changed nowhere.
 *
 * Providers are told by the names of their roles, which is all that a client of theirs can see.
 */
import { BOOTSTRAP_OID, type Role, type Snapshot } from "../catalog/snapshot.ts";

const PROVIDER_ROLES =
  /^(rds.*|cloudsql.*|alloydb.*|azure.*|neon.*|supabase.*|authenticator|cnpg_.*|streaming_replica)$/;

/** Whether `role` is never altered, granted to or revoked from by itself. */
export function isIgnoredRole(role: Pick<Role, "name" | "oid">): boolean {
  return role.oid === BOOTSTRAP_OID || isIgnoredName(role.name);
}

export function isIgnoredName(name: string): boolean {
  return name.startsWith("pg_") || PROVIDER_ROLES.test(name);
}

export interface Provider {
  name: string;
  /** What to do in place of an attribute that the provider gives to nobody. */
  instead: Readonly<Record<"superuser" | "replication" | "bypassRowSecurity", string>>;
}

const PROVIDERS: readonly { sign: string; provider: Provider }[] = [
  {
    sign: "rds_superuser",
    provider: {
      name: "Amazon RDS",
      instead: {
        superuser: "grant membership in rds_superuser",
        replication: "grant membership in rds_replication",
        bypassRowSecurity: "let the role own the tables, without FORCE ROW LEVEL SECURITY",
      },
    },
  },
  {
    sign: "cloudsqlsuperuser",
    provider: {
      name: "Google Cloud SQL",
      instead: {
        superuser: "grant membership in cloudsqlsuperuser",
        replication: "run ALTER USER ... REPLICATION as the built-in user postgres",
        bypassRowSecurity: "let the role own the tables, without FORCE ROW LEVEL SECURITY",
      },
    },
  },
  {
    sign: "alloydbsuperuser",
    provider: {
      name: "Google AlloyDB",
      instead: {
        superuser: "grant membership in alloydbsuperuser",
        replication: "grant membership in alloydbreplica",
        bypassRowSecurity: "let the role own the tables, without FORCE ROW LEVEL SECURITY",
      },
    },
  },
  {
    sign: "azure_pg_admin",
    provider: {
      name: "Azure Database for PostgreSQL",
      instead: {
        superuser: "grant membership in azure_pg_admin",
        replication: "run ALTER ROLE ... REPLICATION as the server's administrator",
        bypassRowSecurity: "run ALTER ROLE ... BYPASSRLS as the server's administrator",
      },
    },
  },
];

/** The managed service that the server's roles betray; undefined for servers of one's own. */
export function providerOf({ roles }: Pick<Snapshot, "roles">): Provider | undefined {
  return PROVIDERS.find(({ sign }) => roles.has(sign))?.provider;
}
