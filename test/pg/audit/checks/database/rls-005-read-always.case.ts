/** RLS-005. */
import rls005 from "../../../../../src/audit/checks/database/rls-005-read-always.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls005,
  defect: `
    create schema lab; create role lab_r; create table lab.t (id int); alter table lab.t enable row level security;
    create policy "shows all" on lab.t for select using (true);
    create policy odd on lab.t for select to lab_r using (1 = 1)`,
  finds: [`lab.t / "shows all"`, "lab.t / odd"],
  cure: `drop policy "shows all" on lab.t; drop policy odd on lab.t`,
  lookAlike: `
    create schema lab; create table lab.t (id int, tenant text); alter table lab.t enable row level security;
    create policy own on lab.t for select using (tenant = current_user);
    create policy narrow on lab.t as restrictive for select using (true);
    create policy writes on lab.t for insert with check (true);
    create table lab.narrowed (id int, tenant text); alter table lab.narrowed enable row level security;
    create policy base on lab.narrowed for select using (true);
    create policy own on lab.narrowed as restrictive using (tenant = current_user)`,
});
