/** TLS-001. */
import tls001 from "../../../../../src/audit/checks/transport/tls-001-tls-off.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

/** The lab listens on loopback alone, so the finding is the milder one. */
export default defineCase({
  check: tls001,
  wrong: { ssl: "off" },
  finds: ["ssl"],
  severities: { ssl: "medium" },
  right: { ssl: "on" },
});
