/** AUD-011. */
import aud011 from "../../../../../src/audit/checks/database/aud-011-terse-errors.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud011,
  wrong: { log_error_verbosity: "terse" },
  finds: ["log_error_verbosity"],
  right: { log_error_verbosity: "verbose" },
});
