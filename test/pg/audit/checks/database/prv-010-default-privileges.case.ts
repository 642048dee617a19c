/** PRV-010. */
import check from "../../../../../src/audit/checks/database/prv-010-default-privileges.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Own""er";
    create schema "La;b";
    alter default privileges for role "Own""er" in schema "La;b" grant select, insert on tables to public;
    alter default privileges for role "Own""er" grant usage on schemas to public;
    alter default privileges for role "Own""er" in schema "La;b" grant usage on sequences to public;
    alter default privileges for role "Own""er" in schema "La;b" grant execute on functions to public`,
  finds: [`"Own""er" in "La;b" (r)`, `"Own""er" in * (n)`, `"Own""er" in "La;b" (S)`, `"Own""er" in "La;b" (f)`],
  lookAlike: `
    create role lab_owner;
    create role lab_app;
    create schema lab;
    alter default privileges for role lab_owner in schema lab grant select on tables to lab_app;
    alter default privileges for role lab_owner grant execute on functions to lab_app;
    alter default privileges for role lab_owner grant usage on types to lab_app`,
});
