/** FUN-007. */
import fun007 from "../../../../../src/audit/checks/database/fun-007-untrusted-language.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun007,
  defect: `
    create schema lab; create language "Lab l" handler plpgsql_call_handler;
    create function lab.wild(integer) returns int language "Lab l" as 'begin return 1; end'`,
  finds: ["lab.wild(integer)"],
  lookAlike: `
    create schema lab; create trusted language lab_tame handler plpgsql_call_handler; create extension lo;
    create language lab_wild handler plpgsql_call_handler;
    create function lab.tame() returns int language lab_tame as 'begin return 1; end';
    create function lab.of_server(int, int) returns int language internal as 'int4pl';
    create function lab.native() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
    create function lab.of_extension() returns int language lab_wild as 'begin return 1; end';
    alter extension lo add function lab.of_extension()`,
});
