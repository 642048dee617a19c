/** PRV-013. */
import check from "../../../../../src/audit/checks/database/prv-013-secret-catalogs.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Pool""er" login;
    grant select (rolname, rolpassword) on pg_catalog.pg_authid to "Pool""er";
    grant select on pg_catalog.pg_shadow to "Pool""er";
    grant select on pg_catalog.pg_user_mapping to public;
    grant select (subconninfo) on pg_catalog.pg_subscription to "Pool""er";
    grant select on pg_catalog.pg_hba_file_rules to public`,
  finds: [
    `pg_catalog.pg_authid.rolname <- "Pool""er"`,
    `pg_catalog.pg_authid.rolpassword <- "Pool""er"`,
    `pg_catalog.pg_shadow <- "Pool""er"`,
    "pg_catalog.pg_user_mapping <- PUBLIC",
    `pg_catalog.pg_subscription.subconninfo <- "Pool""er"`,
    "pg_catalog.pg_hba_file_rules <- PUBLIC",
  ],
  // The suite's own auditor reads the three views as well, on every server.
  lookAlike: (major) => `
    create role lab_second_auditor login;
    grant select on pg_catalog.pg_hba_file_rules, pg_catalog.pg_file_settings to lab_second_auditor;
    ${major >= 15 ? "grant select on pg_catalog.pg_ident_file_mappings to lab_second_auditor;" : ""}
    grant pg_read_all_stats to lab_second_auditor;
    create table public.pg_authid (id int);
    grant select on public.pg_authid to lab_second_auditor;
    grant select on pg_catalog.pg_roles to lab_second_auditor`,
});
