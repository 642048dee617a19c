/** RLS-011. */
import rls011 from "../../../../../src/audit/checks/database/rls-011-policy-trusts-setting.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls011,
  defect: `
    create schema lab; create table lab.t (tenant text); alter table lab.t enable row level security;
    create policy "by setting" on lab.t using (tenant = current_setting('app.tenant', true));
    create policy checked on lab.t for insert with check (tenant = pg_catalog.current_setting('app.' || 'x'))`,
  finds: [`lab.t / "by setting"`, "lab.t / checked"],
  cure: `drop policy "by setting" on lab.t; drop policy checked on lab.t`,
  lookAlike: `
    create schema lab; create function lab.current_setting(text) returns text language sql as 'select $1';
    create table lab.t (tenant text, current_setting text); alter table lab.t enable row level security;
    create policy by_role on lab.t using (tenant = current_user);
    create policy own_function on lab.t using (tenant = lab.current_setting('app.tenant'));
    create policy of_column on lab.t using (tenant = t.current_setting);
    create policy of_server on lab.t using (current_setting('is_superuser') = 'on')`,
});
