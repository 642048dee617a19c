/** FUN-005. */
import fun005 from "../../../../../src/audit/checks/database/fun-005-definer-for-everybody.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun005,
  defect: `
    create role lab_owner; create schema lab authorization lab_owner;
    create function lab.default_grant("char", anyarray) returns int language sql security definer as 'select 1';
    create procedure lab.granted(in a int, out b int) language plpgsql security definer as 'begin b := 1; end';
    alter function lab.default_grant("char", anyarray) owner to lab_owner;
    alter procedure lab.granted(int) owner to lab_owner`,
  finds: [`lab.default_grant("char",anyarray)`, "lab.granted(integer)"],
  lookAlike: `
    create role lab_owner; create role lab_caller; create schema lab authorization lab_owner;
    create function lab.closed() returns int language sql security definer as 'select 1';
    alter function lab.closed() owner to lab_owner;
    revoke execute on function lab.closed() from public;
    grant execute on function lab.closed() to lab_caller;
    create function lab.invoker() returns int language sql as 'select 1';
    alter function lab.invoker() owner to lab_owner;
    create function lab.fires() returns trigger language plpgsql security definer as 'begin return new; end';
    alter function lab.fires() owner to lab_owner`,
});
