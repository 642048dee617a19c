/** FUN-003. */
import fun003 from "../../../../../src/audit/checks/database/fun-003-definer-temp-not-last.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun003,
  defect: `
    create schema "Lab ,";
    create function "Lab ,".lacks() returns int language sql security definer set search_path = pg_catalog, "Lab ,"
      as 'select 1';
    create function "Lab ,".first() returns int language sql security definer set search_path = pg_temp, "Lab ,"
      as 'select 1'`,
  finds: [`"Lab ,".lacks()`, `"Lab ,".first()`],
  lookAlike: `
    create schema lab;
    create function lab.empty() returns int language sql security definer set search_path = '' as 'select 1';
    create function lab.last() returns int language sql security definer set search_path = lab, "pg_temp" as 'select 1';
    create function lab.invoker() returns int language sql set search_path = lab as 'select 1';
    create function lab.none() returns int language sql security definer as 'select 1'`,
});
