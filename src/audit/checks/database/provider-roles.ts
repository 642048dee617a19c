/**
 * Roles that a managed service makes for itself: nobody but the provider can change them, so no check reports them.
 *
 * A role's name proves nothing: whoever may create roles could take one of these and vanish from every report. The names
 * count only where the superuser that initdb made (oid 10) carries one as well, and only superusers can bring that about.
 */
const PROVIDER_ROLES = [
  // Amazon RDS and Aurora.
  "rdsadmin",
  "rds_superuser",
  "rds_replication",
  "rds_iam",
  "rds_password",
  "rds_ad",
  "rds_reserved",
  "rdsrepladmin",
  "rdstopmgr",
  "rdswriteforwarduser",
  "rdsproxyadmin",
  // Google Cloud SQL.
  "cloudsqladmin",
  "cloudsqlagent",
  "cloudsqlconnpooladmin",
  "cloudsqliamgroup",
  "cloudsqliamgroupserviceaccount",
  "cloudsqliamgroupuser",
  "cloudsqliamserviceaccount",
  "cloudsqliamuser",
  "cloudsqlimportexport",
  "cloudsqlinactiveuser",
  "cloudsqlobservability",
  "cloudsqlreplica",
  "cloudsqlsuperuser",
  // Azure Database for PostgreSQL.
  "azuresu",
  "azure_pg_admin",
  "azure_superuser",
];

const NAMES = `'{${PROVIDER_ROLES.join(",")}}'::pg_catalog.name[]`;

/** SQL condition: the role named by the expression `name` is no provider's own. */
export function notOfProvider(name: string): string {
  return `not (${name} = any (${NAMES})
        and (select boot.rolname = any (${NAMES}) from pg_catalog.pg_roles as boot where boot.oid = 10))`;
}
