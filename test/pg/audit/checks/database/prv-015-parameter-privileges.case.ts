/** PRV-015. */
import check from "../../../../../src/audit/checks/database/prv-015-parameter-privileges.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "De""ploy" login;
    create role lab_app login;
    grant set on parameter session_replication_role, log_statement to "De""ploy";
    grant alter system on parameter work_mem to lab_app;
    grant alter system, set on parameter log_min_messages to public`,
  finds: [
    `session_replication_role <- "De""ploy"`,
    `log_statement <- "De""ploy"`,
    "work_mem <- lab_app",
    "log_min_messages <- PUBLIC",
  ],
  lookAlike: `
    create role lab_app login;
    grant set on parameter log_duration, track_functions to lab_app`,
});
