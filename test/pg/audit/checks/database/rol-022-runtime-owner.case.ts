/** ROL-022. */
import check from "../../../../../src/audit/checks/database/rol-022-runtime-owner.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Shop" login;
    create schema lab authorization "Shop";
    set local role "Shop";
    create table lab.orders (id int);
    create view lab.recent as select id from lab.orders;
    grant select on lab.orders to public, postgres;
    reset role`,
  finds: [`"Shop"`],
  lookAlike: `
    create role lab_owner login;
    create role lab_runtime login;
    create role lab_group;
    create schema lab authorization lab_owner;
    create schema lab_second authorization lab_group;
    set local role lab_owner;
    create table lab.orders (id int);
    grant insert on lab.orders to lab_runtime;
    reset role;
    set local role lab_group;
    create table lab_second.kept (id int);
    reset role;
    create table lab.of_superuser (id int)`,
  cure: `create role lab_runtime login; grant select on lab.orders to lab_runtime`,
});
