/** AUD-009. */
import aud009 from "../../../../../src/audit/checks/database/aud-009-log-file-mode.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud009,
  wrong: { log_file_mode: "0644", logging_collector: "on" },
  finds: ["log_file_mode"],
  right: { log_file_mode: "0640", logging_collector: "on" },
  restarts: true,
});
