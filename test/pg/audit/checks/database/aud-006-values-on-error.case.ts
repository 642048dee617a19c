/** AUD-006. */
import aud006 from "../../../../../src/audit/checks/database/aud-006-values-on-error.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud006,
  wrong: { log_parameter_max_length_on_error: "-1" },
  finds: ["log_parameter_max_length_on_error"],
  right: { log_parameter_max_length_on_error: "0", log_parameter_max_length: "-1" },
});
