/** AUD-002. */
import aud002 from "../../../../../src/audit/checks/database/aud-002-log-disconnections.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud002,
  wrong: { log_disconnections: "off" },
  finds: ["log_disconnections"],
  right: { log_disconnections: "on", log_connections: "off" },
});
