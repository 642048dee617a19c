/** AUD-005. */
import aud005 from "../../../../../src/audit/checks/database/aud-005-slow-statements-with-values.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud005,
  wrong: { log_min_duration_statement: "250", log_min_duration_sample: "0" },
  finds: ["log_min_duration_statement", "log_min_duration_sample"],
  right: { log_min_duration_sample: "0", log_statement_sample_rate: "0", log_min_duration_statement: "-1" },
});
