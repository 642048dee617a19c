/** RLS-003. */
import rls003 from "../../../../../src/audit/checks/database/rls-003-owner-not-forced.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls003,
  defect: `
    create role "Lab o" login; create role lab_app login; create role lab_alone login;
    create schema lab; create table lab.a (id int); alter table lab.a owner to "Lab o";
    grant select on lab.a to lab_app; alter table lab.a enable row level security;
    create table lab.b (id int); alter table lab.b owner to lab_alone; alter table lab.b enable row level security`,
  finds: ["lab.a", "lab.b"],
  severities: { "lab.a": "medium", "lab.b": "high" },
  lookAlike: `
    create role lab_owner nologin; create role lab_forced login; create role lab_boss login superuser;
    create schema lab; create table lab.a (id int); alter table lab.a owner to lab_owner;
    alter table lab.a enable row level security;
    create table lab.b (id int); alter table lab.b owner to lab_forced;
    alter table lab.b enable row level security; alter table lab.b force row level security;
    create table lab.c (id int); alter table lab.c owner to lab_boss; alter table lab.c enable row level security;
    create table lab.d (id int); alter table lab.d owner to lab_forced`,
});
