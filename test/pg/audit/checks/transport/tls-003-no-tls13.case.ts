/** TLS-003. */
import tls003 from "../../../../../src/audit/checks/transport/tls-003-no-tls13.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: tls003,
  wrong: { ssl_max_protocol_version: "TLSv1.2" },
  finds: ["ssl_max_protocol_version"],
  right: { ssl_max_protocol_version: "TLSv1.3" },
  blind: ["plain"],
});
