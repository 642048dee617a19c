/**
 * PRV-013: system catalogs that hold secrets were opened.
 *
 * What a fresh server grants stands in pg_init_privs and is no finding. Nor is a named role that may read the views of
 * pg_hba.conf, pg_ident.conf and the configuration file: that is what an auditor is given.
 */
import { COLUMNS, type GrantSource, grantsCheck, RELATIONS } from "./grants.ts";

const WHERE = `n.nspname = 'pg_catalog'
     and c.relname in ('pg_authid', 'pg_shadow', 'pg_user_mapping', 'pg_subscription', 'pg_statistic',
                       'pg_statistic_ext_data', 'pg_largeobject', 'pg_replication_origin_status',
                       'pg_hba_file_rules', 'pg_file_settings', 'pg_ident_file_mappings')
     and not (a.grantee <> 0
              and c.relname in ('pg_hba_file_rules', 'pg_file_settings', 'pg_ident_file_mappings'))`;

/** All but what initdb granted on the relation, or on the column of that number. */
const entry = (column: string): string => `a.grantee <> 10
        and not exists (
          select from pg_catalog.pg_init_privs as i
           cross join lateral pg_catalog.aclexplode(i.initprivs) as b
           where i.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
             and i.objoid = c.oid
             and i.objsubid = ${column}
             and b.grantee = a.grantee
             and b.privilege_type = a.privilege_type)`;

/** Names of catalogs need no quotes. */
const named = (source: GrantSource, column: string): GrantSource => ({
  ...source,
  object: `n.nspname || '.' || c.relname${column}`,
});

export default grantsCheck({
  id: "PRV-013",
  title: "system catalog with secrets is open",
  severity: "critical",
  why:
    "These catalogs hold password hashes, passwords of foreign servers, connection strings of subscriptions and samples of " +
    "every column. The server closes them; a grant on one hands its content to the grantee in every session.",
  remedy: "Revoke it, and change the passwords that stood there.",
  limits:
    "Grants that a fresh server has, and a named auditor's on the three views of configuration files, are left out.",
  references: { manual: ["pg_authid", "System Catalogs"] },
  grants: () => [
    { source: named(RELATIONS, ""), entry: entry("0"), where: WHERE },
    { source: named(COLUMNS, " || '.' || pg_catalog.quote_ident(t.attname)"), entry: entry("t.attnum"), where: WHERE },
  ],
  perGrantee: true,
  detail: ({ privileges }) => privileges.join(", "),
  risk: "low",
  riskReason: "a monitoring or pooling login that reads the catalog fails afterwards",
});
