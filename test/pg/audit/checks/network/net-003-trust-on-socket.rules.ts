/** NET-003. */
import net003 from "../../../../../src/audit/checks/network/net-003-trust-on-socket.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net003,
  hba: ["local\tall  all\ttrust", "local replication all trust"],
  finds: ["local all all trust", "local replication all trust"],
  severities: { "local all all trust": "high" },
  lookAlike: [
    "local all postgres peer",
    "local all all scram-sha-256",
    "local one all trust",
    "# local all all trust",
    "host all all 127.0.0.1/32 trust",
  ],
});
