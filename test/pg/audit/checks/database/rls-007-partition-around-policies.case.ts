/** RLS-007. */
import rls007 from "../../../../../src/audit/checks/database/rls-007-partition-around-policies.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls007,
  defect: `
    create role "Lab r"; create schema lab; create table lab.p (id int, part int) partition by list (part);
    create table lab.c1 partition of lab.p for values in (1);
    create table lab.c2 partition of lab.p for values in (2) partition by list (id);
    create table lab.c2a partition of lab.c2 for values in (1);
    alter table lab.p enable row level security;
    grant select, insert on lab.c1 to "Lab r"; grant select (id) on lab.c2a to public`,
  finds: [`lab.c1 <- "Lab r"`, "lab.c2a.id <- PUBLIC"],
  lookAlike: `
    create role lab_r; create role lab_boss superuser; create schema lab;
    create table lab.p (id int) partition by list (id); create table lab.c partition of lab.p for values in (1);
    alter table lab.p enable row level security; grant select on lab.p to lab_r; grant select on lab.c to lab_boss;
    create table lab.kept partition of lab.p for values in (2); alter table lab.kept enable row level security;
    grant select on lab.kept to lab_r;
    create table lab.trig partition of lab.p for values in (3); grant trigger on lab.trig to lab_r;
    create table lab.open (id int) partition by list (id); create table lab.open_c partition of lab.open for values in (1);
    grant select on lab.open_c to lab_r`,
});
