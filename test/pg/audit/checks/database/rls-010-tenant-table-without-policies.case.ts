/** RLS-010. */
import rls010 from "../../../../../src/audit/checks/database/rls-010-tenant-table-without-policies.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls010,
  defect: `
    create schema lab; create table lab.kept (tenant_id int, org_id int); alter table lab.kept enable row level security;
    create table lab."Forgotten" (id int, tenant_id int, org_id int)`,
  finds: [`lab."Forgotten"`],
  cure: `alter table lab."Forgotten" enable row level security`,
  lookAlike: `
    create schema lab; create schema lab2;
    create table lab.kept (tenant_id int) partition by list (tenant_id); alter table lab.kept enable row level security;
    create table lab.part partition of lab.kept for values in (1);
    create table lab2.elsewhere (tenant_id int);
    create table lab.other (account_id int, tenant_identity int);
    create view lab.shown as select tenant_id from lab.kept`,
});
