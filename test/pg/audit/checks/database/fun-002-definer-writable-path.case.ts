/** FUN-002. */
import fun002 from "../../../../../src/audit/checks/database/fun-002-definer-writable-path.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun002,
  defect: `
    create role lab_maker; create role lab_owner; create schema "Lab, one"; create schema lab_free;
    create schema lab_own authorization lab_maker;
    grant create on schema "Lab, one" to lab_maker; grant create on schema lab_free to public;
    create function lab_free.named() returns int language sql security definer
      set search_path = pg_catalog, "Lab, one", pg_temp as 'select 1';
    create function lab_free.open() returns int language sql security definer set search_path = lab_free as 'select 1';
    create function lab_free.users() returns int language sql security definer set search_path = "$user", pg_temp
      as 'select 1';
    create function lab_free.of_other() returns int language sql security definer set search_path = lab_own, pg_temp
      as 'select 1'`,
  finds: ["lab_free.named()", "lab_free.open()", "lab_free.users()", "lab_free.of_other()"],
  lookAlike: `
    create role lab_owner; create role lab_boss superuser; create schema lab authorization lab_owner;
    create schema lab_reading; grant usage on schema lab_reading to public; grant create on schema lab_reading to lab_boss;
    create function lab.own() returns int language sql security definer set search_path = lab, pg_temp as 'select 1';
    alter function lab.own() owner to lab_owner;
    create function lab.empty() returns int language sql security definer set search_path = '' as 'select 1';
    create function lab.missing() returns int language sql security definer set search_path = no_such_schema, pg_temp
      as 'select 1';
    create function lab.reading() returns int language sql security definer
      set search_path = pg_catalog, lab_reading, pg_temp as 'select 1'`,
});
