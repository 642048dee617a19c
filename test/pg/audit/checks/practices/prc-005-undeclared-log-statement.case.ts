/** The right to set log_statement, beside rights on other parameters and a superuser's. */
import check from "../../../../../src/audit/checks/practices/prc-005-undeclared-log-statement.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Migrator"; grant set on parameter log_statement to "Migrator" with grant option;
    grant set on parameter log_statement to public`,
  finds: ['"Migrator"', "public"],
  lookAlike: `create role app; grant set on parameter log_duration to app; grant alter system on parameter log_statement to app;
    create role boss superuser; grant set on parameter log_statement to boss`,
});
