/** PRV-007. */
import check from "../../../../../src/audit/checks/database/prv-007-public-writes.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create schema lab;
    create table lab."Or""ders" (id int, "No""te" text);
    create sequence lab.numbers;
    create view lab.seen as select id from lab."Or""ders";
    create table lab.noted (id int, "No""te" text);
    grant insert, truncate on lab."Or""ders" to public;
    grant usage on sequence lab.numbers to public;
    grant update on lab.seen to public;
    grant update ("No""te") on lab.noted to public`,
  finds: [`lab."Or""ders"`, "lab.numbers", "lab.seen", `lab.noted."No""te"`],
  lookAlike: `
    create schema lab;
    create role lab_app;
    create table lab.orders (id int);
    create table lab.of_extension (id int);
    create sequence lab.numbers;
    grant select on lab.orders to public;
    grant select (id) on lab.orders to public;
    grant select on sequence lab.numbers to public;
    grant insert on lab.orders to lab_app;
    grant insert on lab.of_extension to public;
    alter extension plpgsql add table lab.of_extension`,
});
