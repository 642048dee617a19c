/** PRV-011. */
import check from "../../../../../src/audit/checks/database/prv-011-grant-option.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "App";
    create role lab_next;
    create schema lab;
    create table lab."Or""ders" (id int);
    create sequence lab.numbers;
    create function lab.one() returns int language sql as 'select 1';
    grant usage on schema lab to "App" with grant option;
    grant select, insert on lab."Or""ders" to "App" with grant option;
    grant usage on sequence lab.numbers to "App" with grant option;
    grant execute on function lab.one() to "App" with grant option;
    set local role "App";
    grant select on lab."Or""ders" to lab_next with grant option;
    reset role`,
  finds: [
    `schema lab <- "App"`,
    `lab."Or""ders" <- "App"`,
    `lab."Or""ders" <- lab_next`,
    `lab.numbers <- "App"`,
    `lab.one() <- "App"`,
  ],
  lookAlike: `
    create role lab_app;
    create role lab_root superuser;
    create schema lab;
    create table lab.orders (id int);
    create table lab.of_extension (id int);
    grant select on lab.orders to lab_app;
    grant all on lab.orders to lab_root with grant option;
    grant select on lab.of_extension to lab_app with grant option;
    alter extension plpgsql add table lab.of_extension`,
});
