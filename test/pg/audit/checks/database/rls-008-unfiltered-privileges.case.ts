/** RLS-008. */
import rls008 from "../../../../../src/audit/checks/database/rls-008-unfiltered-privileges.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls008,
  defect: `
    create role "Lab r"; create schema lab; create table lab.t (id int); alter table lab.t enable row level security;
    grant select, truncate, trigger on lab.t to "Lab r"; grant references on lab.t to public`,
  finds: [`lab.t <- "Lab r"`, "lab.t <- PUBLIC"],
  lookAlike: `
    create role lab_r; create role lab_boss superuser; create schema lab;
    create table lab.t (id int); alter table lab.t enable row level security;
    grant select, insert, update, delete on lab.t to lab_r; grant truncate on lab.t to lab_boss;
    create table lab.open (id int); grant truncate on lab.open to lab_r`,
});
