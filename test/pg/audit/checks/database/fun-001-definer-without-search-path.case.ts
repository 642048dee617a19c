/** FUN-001. */
import fun001 from "../../../../../src/audit/checks/database/fun-001-definer-without-search-path.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check: fun001,
    defect: `
    create schema "Lab ""1"""; create schema lab_open; grant create on schema lab_open to public;
    create function "Lab ""1"""."do it"(integer, text[], "char") returns int language sql security definer as 'select 1';
    create procedure "Lab ""1""".act(in a integer, out b text) language plpgsql security definer as 'begin b := 1; end';
    create function lab_open.f() returns int language sql security definer set work_mem = '1MB' as 'select 1';
    create function lab_open.atomic() returns int language sql security definer begin atomic select 1; end`,
    finds: [
      `"Lab ""1"""."do it"(integer,text[],"char")`,
      `"Lab ""1""".act(integer)`,
      "lab_open.f()",
      "lab_open.atomic()",
    ],
    lookAlike: `
    create schema lab;
    create function lab.invoker() returns int language sql as 'select 1';
    create function lab.empty() returns int language sql security definer set search_path = '' as 'select 1';
    create function lab.fixed() returns int language sql security definer
      set search_path = pg_catalog, app, pg_temp as 'select 1';
    create extension lo;
    create function lab.of_extension() returns int language sql security definer as 'select 1';
    alter extension lo add function lab.of_extension()`,
  }),
  // Oids are unique within one catalog only: what an extension owns under the same oid elsewhere is another object.
  defineCase({
    check: fun001,
    defect: `
      create schema lab; create extension lo;
      create function lab.mine() returns int language sql security definer as 'select 1';
      insert into pg_depend select 'pg_class'::regclass, 'lab.mine'::regproc, 0, 'pg_extension'::regclass, e.oid, 0, 'e'
        from pg_extension as e where e.extname = 'lo'`,
    finds: ["lab.mine()"],
    lookAlike: "create schema lab",
  }),
];
