/** FUN-004. */
import fun004 from "../../../../../src/audit/checks/database/fun-004-definer-of-superuser.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun004,
  defect: `
    create role "Lab ""R"""; create schema lab;
    create function lab.everybody(integer) returns int language sql security definer as 'select 1';
    create function lab.by_name() returns int language sql security definer as 'select 1';
    revoke execute on function lab.by_name() from public;
    grant execute on function lab.by_name() to "Lab ""R"""`,
  finds: ["lab.everybody(integer) <- PUBLIC", `lab.by_name() <- "Lab ""R"""`],
  lookAlike: `
    create role lab_owner; create role lab_boss superuser; create schema lab;
    create function lab.weak() returns int language sql security definer as 'select 1';
    alter function lab.weak() owner to lab_owner;
    create function lab.invoker() returns int language sql as 'select 1';
    create function lab.closed() returns int language sql security definer as 'select 1';
    revoke execute on function lab.closed() from public;
    grant execute on function lab.closed() to lab_boss;
    create function lab.fires() returns trigger language plpgsql security definer as 'begin return new; end'`,
});
