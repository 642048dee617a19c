/** PRV-029. */
import check from "../../../../../src/audit/checks/database/prv-029-extra-languages.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

/** plpgsql under other names: what counts is that the catalog calls a language trusted. */
export default defineCase({
  check,
  defect: `create trusted language "Per""l" handler pg_catalog.plpgsql_call_handler`,
  finds: [`"Per""l"`],
  lookAlike: `
    create role lab_app;
    create language lab_untrusted handler pg_catalog.plpgsql_call_handler;
    create trusted language lab_closed handler pg_catalog.plpgsql_call_handler;
    revoke usage on language lab_closed from public;
    grant usage on language lab_closed to lab_app`,
});
