/** RLS-009. */
import rls009 from "../../../../../src/audit/checks/database/rls-009-only-restrictive.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls009,
  defect: `
    create schema lab; create table lab."T" (id int); alter table lab."T" enable row level security;
    create policy a on lab."T" as restrictive for select using (id > 0);
    create policy b on lab."T" as restrictive for delete using (id > 0)`,
  finds: [`lab."T"`],
  cure: `create policy c on lab."T" using (id > 0)`,
  lookAlike: `
    create schema lab; create table lab.t (id int); alter table lab.t enable row level security;
    create policy a on lab.t as restrictive using (id > 0); create policy b on lab.t for select using (id > 1);
    create table lab.none (id int); alter table lab.none enable row level security;
    create table lab.off (id int); create policy a on lab.off as restrictive using (id > 0)`,
});
