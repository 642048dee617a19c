/** AUD-015. */
import aud015 from "../../../../../src/audit/checks/database/aud-015-log-hostname.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud015,
  wrong: { log_hostname: "on" },
  finds: ["log_hostname"],
  right: { log_hostname: "off", log_connections: "on" },
});
