/** PRV-012. */
import check from "../../../../../src/audit/checks/database/prv-012-owner-like-privileges.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "App";
    create role lab_second;
    create schema lab;
    create table lab."Or""ders" (id int);
    create table lab.parts (id int) partition by list (id);
    grant all on lab."Or""ders" to "App";
    grant trigger on lab.parts to lab_second`,
  finds: [`lab."Or""ders" <- "App"`, "lab.parts <- lab_second"],
  lookAlike: `
    create role lab_app;
    create role lab_root superuser;
    create schema lab;
    create table lab.orders (id int);
    create table lab.of_extension (id int);
    create view lab.seen as select id from lab.orders;
    grant select, insert, update, delete on lab.orders to lab_app;
    grant all on lab.orders to lab_root;
    grant truncate on lab.orders to public;
    grant all on lab.seen to lab_app;
    grant all on lab.of_extension to lab_app;
    alter extension plpgsql add table lab.of_extension`,
});
