/** TLS-013. */
import tls013 from "../../../../../src/audit/checks/transport/tls-013-gss-delegation.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: tls013,
  wrong: { gss_accept_delegation: "on" },
  finds: ["gss_accept_delegation"],
  right: { gss_accept_delegation: "off" },
});
