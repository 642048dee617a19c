/** RLS-001. */
import rls001 from "../../../../../src/audit/checks/database/rls-001-no-policy.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls001,
  defect: `create schema "Lab"; create table "Lab"."a ""b""" (id int); alter table "Lab"."a ""b""" enable row level security`,
  finds: [`"Lab"."a ""b"""`],
  cure: `create policy p on "Lab"."a ""b""" using (id > 0)`,
  lookAlike: `
    create schema lab; create table lab.open (id int);
    create table lab.kept (id int); alter table lab.kept enable row level security;
    create policy p on lab.kept as restrictive using (id > 0)`,
});
