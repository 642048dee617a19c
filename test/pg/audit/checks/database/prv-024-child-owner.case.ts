/** PRV-024. */
import check from "../../../../../src/audit/checks/database/prv-024-child-owner.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Own""er";
    create role lab_other;
    create schema lab;
    create table lab.orders (id int) partition by list (id);
    create table lab."Or""ders 1" partition of lab.orders for values in (1);
    create table lab.parent (id int);
    create table lab.child () inherits (lab.parent);
    alter table lab.orders owner to "Own""er";
    alter table lab.child owner to lab_other`,
  finds: [`lab."Or""ders 1"`, "lab.child"],
  lookAlike: `
    create role lab_owner;
    create schema lab;
    create table lab.orders (id int primary key) partition by list (id);
    create table lab.orders_1 partition of lab.orders for values in (1);
    alter table lab.orders owner to lab_owner;
    alter table lab.orders_1 owner to lab_owner;
    create table lab.other (id int)`,
});
