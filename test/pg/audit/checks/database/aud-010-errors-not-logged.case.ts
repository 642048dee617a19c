/** AUD-010. */
import aud010 from "../../../../../src/audit/checks/database/aud-010-errors-not-logged.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud010,
  wrong: { log_min_messages: "log", log_min_error_statement: "panic" },
  finds: ["log_min_messages", "log_min_error_statement"],
  right: { log_min_messages: "error", log_min_error_statement: "debug1" },
});
