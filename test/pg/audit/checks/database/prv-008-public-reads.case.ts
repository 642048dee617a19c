/** PRV-008. */
import check from "../../../../../src/audit/checks/database/prv-008-public-reads.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create schema "La.b";
    create table "La.b".orders (id int, "Na""me" text);
    create table "La.b".people (id int, "Na""me" text);
    create view "La.b".seen as select id from "La.b".orders;
    grant select on "La.b".orders, "La.b".seen to public;
    grant select ("Na""me") on "La.b".people to public`,
  finds: [`"La.b".orders`, `"La.b".seen`, `"La.b".people."Na""me"`],
  lookAlike: `
    create schema lab;
    create role lab_app;
    create table lab.orders (id int);
    create table lab.of_extension (id int);
    grant insert on lab.orders to public;
    grant update (id) on lab.orders to public;
    grant select on lab.orders to lab_app;
    grant select on lab.of_extension to public;
    grant select (id) on lab.of_extension to public;
    alter extension plpgsql add table lab.of_extension`,
});
