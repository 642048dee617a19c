/** ROL-023. */
import check from "../../../../../src/audit/checks/database/rol-023-superuser-owns-tables.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const NAME = `"Or""der
--s"`;

export default [
  defineCase({
    check,
    defect: `
      create role "App Owner";
      create schema lab authorization "App Owner";
      create table lab.${NAME} (id int);
      create view lab.recent as select id from lab.${NAME};
      create materialized view lab.stored as select id from lab.${NAME};
      create table lab.parts (id int) partition by list (id)`,
    finds: [`lab.${NAME}`, "lab.recent", "lab.stored", "lab.parts"],
    lookAlike: `
      create role lab_owner;
      create schema lab authorization lab_owner;
      set local role lab_owner;
      create table lab.orders (id int);
      reset role;
      create table lab.of_extension (id int);
      alter extension plpgsql add table lab.of_extension;
      create sequence lab.numbers;
      create temporary table lab_passing (id int)`,
  }),
  // The dependency of another catalog's object with the same number does not make a table a member of an extension.
  defineCase({
    check,
    defect: `
      create table public.lab_orders (id int);
      set local allow_system_table_mods = on;
      insert into pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
      select 'pg_proc'::regclass, 'public.lab_orders'::regclass, 0, 'pg_extension'::regclass, e.oid, 0, 'e'
        from pg_extension as e where e.extname = 'plpgsql'`,
    finds: ["public.lab_orders"],
    lookAlike:
      "create role lab_owner; create table public.lab_orders (id int); alter table public.lab_orders owner to lab_owner",
    cure: "create role lab_owner; alter table public.lab_orders owner to lab_owner",
  }),
];
