/** FUN-011. */
import fun011 from "../../../../../src/audit/checks/database/fun-011-c-outside-extension.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun011,
  defect: `
    create schema lab;
    create function lab.native() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler'`,
  finds: ["lab.native()"],
  cure: "drop function lab.native()",
  lookAlike: `
    create schema lab; create extension lo;
    create function lab.of_server(int, int) returns int language internal as 'int4pl';
    create function lab.of_extension() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
    alter extension lo add function lab.of_extension()`,
});
