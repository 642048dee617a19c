/** PRV-027. */
import check from "../../../../../src/audit/checks/database/prv-027-unusable-grantee.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role "Old""Team";
      create role lab_inner;
      grant "Old""Team" to lab_inner;
      create schema lab;
      create table lab.orders (id int);
      create view lab.seen as select id from lab.orders;
      grant select on lab.orders, lab.seen to "Old""Team"`,
    finds: [`"Old""Team"`],
    lookAlike: `
      create role lab_login login;
      create role lab_group;
      create role lab_inner;
      create role lab_owner;
      grant lab_group to lab_inner;
      grant lab_inner to lab_login;
      create schema lab;
      create table lab.orders (id int);
      alter table lab.orders owner to lab_owner;
      grant select on lab.orders to lab_group, lab_login, pg_monitor, public`,
    cure: `revoke all on lab.orders, lab.seen from "Old""Team"`,
  }),
  defineCase({
    check,
    majors: [16, 17, 18],
    defect: `
      create role lab_maker login createrole;
      set local role lab_maker;
      create role lab_made;
      reset role;
      create table public.lab_orders (id int);
      grant select on public.lab_orders to lab_made`,
    finds: ["lab_made"],
    lookAlike: `
      create role lab_maker login createrole;
      set local createrole_self_grant = 'inherit';
      set local role lab_maker;
      create role lab_made;
      reset role;
      create table public.lab_orders (id int);
      grant select on public.lab_orders to lab_made`,
    cure: "revoke select on public.lab_orders from lab_made",
  }),
];
