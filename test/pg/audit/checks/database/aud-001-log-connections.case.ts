/** AUD-001. */
import aud001 from "../../../../../src/audit/checks/database/aud-001-log-connections.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud001,
  wrong: (major) => ({ log_connections: major >= 18 ? "receipt, authentication" : "off" }),
  finds: ["log_connections"],
  right: (major) => ({ log_connections: major >= 18 ? "authorization,Authentication" : "on" }),
});
