/** RLS-004. */
import rls004 from "../../../../../src/audit/checks/database/rls-004-write-always.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls004,
  defect: `
    create schema lab; create role lab_r; create table lab."T" (id int, tenant text);
    alter table lab."T" enable row level security;
    create policy "all p" on lab."T" using (true) with check (true);
    create policy moved on lab."T" for update using (tenant = current_user) with check (true);
    create policy same on lab."T" for delete to lab_r using (tenant = tenant);
    create policy either on lab."T" for insert with check (tenant = current_user or 1 = 1);
    create policy any_old on lab."T" using (not false) with check (tenant = current_user)`,
  finds: [`lab."T" / "all p"`, `lab."T" / moved`, `lab."T" / same`, `lab."T" / either`, `lab."T" / any_old`],
  severities: { 'lab."T" / "all p"': "high", 'lab."T" / same': "medium" },
  cure: `drop policy "all p" on lab."T"; drop policy moved on lab."T"; drop policy same on lab."T";
    drop policy either on lab."T"; drop policy any_old on lab."T"`,
  lookAlike: `
    create schema lab; create role lab_r; create table lab.t (id int, tenant text, other text, hidden bool);
    alter table lab.t enable row level security;
    create policy reads on lab.t for select using (true);
    create policy denies on lab.t for insert to lab_r;
    create policy narrow on lab.t as restrictive using (true);
    create policy own on lab.t using (tenant = current_user);
    create policy two on lab.t for delete using (tenant = other);
    create policy flag on lab.t for update using ((true or hidden) and tenant = current_user);
    create policy named on lab.t for update using (tenant = 'x OR true)');
    create table lab.narrowed (id int, tenant text); alter table lab.narrowed enable row level security;
    create policy base on lab.narrowed using (true);
    create policy own on lab.narrowed as restrictive using (tenant = current_user)`,
});
