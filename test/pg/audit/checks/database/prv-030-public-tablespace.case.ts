/** PRV-030. */
import check from "../../../../../src/audit/checks/database/prv-030-public-tablespace.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: "grant create on tablespace pg_default to public",
  finds: ["pg_default <- PUBLIC"],
  lookAlike: "create role lab_app; grant create on tablespace pg_default to lab_app",
});
