/** RLS-002. */
import rls002 from "../../../../../src/audit/checks/database/rls-002-policies-not-enabled.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls002,
  defect: `create schema lab; create table lab."Off" (id int); create policy "one p" on lab."Off" using (id > 0)`,
  finds: [`lab."Off"`],
  lookAlike: `
    create schema lab; create table lab.bare (id int);
    create table lab.kept (id int); alter table lab.kept enable row level security;
    create policy p on lab.kept using (id > 0)`,
});
