/** PRV-002. */
import check from "../../../../../src/audit/checks/database/prv-002-create-in-schema.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create schema "La""b;--"; grant create on schema "La""b;--" to public`,
  finds: [`"La""b;--"`],
  lookAlike: `
    create role lab_app;
    create schema lab;
    grant usage on schema lab to public;
    grant create on schema lab to lab_app;
    create temporary table lab_passing (id int)`,
});
