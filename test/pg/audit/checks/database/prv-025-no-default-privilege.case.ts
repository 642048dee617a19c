/** PRV-025. */
import check from "../../../../../src/audit/checks/database/prv-025-no-default-privilege.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Own""er";
    create role "App;";
    create role lab_half;
    create schema "La""b";
    create table "La""b".one (id int);
    create table "La""b".two (id int);
    alter table "La""b".one owner to "Own""er";
    alter table "La""b".two owner to "Own""er";
    grant select, insert on all tables in schema "La""b" to "App;";
    alter default privileges for role "Own""er" in schema "La""b" grant insert on tables to "App;";
    grant update on "La""b".one to lab_half`,
  finds: [`"La""b" / "Own""er" <- "App;"`],
  lookAlike: `
    create role lab_app;
    create role lab_global;
    create role lab_some;
    create schema lab;
    create schema lab_single;
    create table lab.one (id int) partition by list (id);
    create table lab.one_1 partition of lab.one for values in (1);
    create table lab.two (id int);
    create table lab_single.one (id int);
    grant select on lab.one, lab.two to lab_app;
    alter default privileges in schema lab grant select on tables to lab_app;
    grant select on lab.one, lab.two to lab_global;
    alter default privileges grant select on tables to lab_global;
    grant select on lab.one to lab_some;
    grant select on lab_single.one to lab_app`,
});
