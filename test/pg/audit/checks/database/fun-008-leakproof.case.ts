/** FUN-008. */
import fun008 from "../../../../../src/audit/checks/database/fun-008-leakproof.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun008,
  defect: `
    create schema lab;
    create function lab.sieve(text, variadic integer[]) returns bool language sql leakproof as 'select true'`,
  finds: ["lab.sieve(text,integer[])"],
  lookAlike: `
    create schema lab; create extension lo;
    create function lab.plain(text) returns bool language sql immutable strict as 'select true';
    create function lab.of_extension() returns int language sql leakproof as 'select 1';
    alter extension lo add function lab.of_extension()`,
});
