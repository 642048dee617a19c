/** AUD-014. */
import aud014 from "../../../../../src/audit/checks/database/aud-014-log-time-zone.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud014,
  wrong: { log_timezone: "Europe/London" },
  finds: ["log_timezone"],
  right: { log_timezone: "Etc/UTC" },
});
