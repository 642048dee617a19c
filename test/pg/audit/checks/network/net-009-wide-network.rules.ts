/** NET-009. */
import net009 from "../../../../../src/audit/checks/network/net-009-wide-network.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net009,
  hba: [
    "host all all 10.0.0.0/8 scram-sha-256",
    "host all all 172.16.0.0 255.240.0.0 scram-sha-256",
    "host all all 10.0.0.0 255.0.1.0 scram-sha-256",
    "host all all 2001:db8::/47 scram-sha-256",
  ],
  finds: [
    "host all all 10.0.0.0/8 scram-sha-256",
    "host all all 172.16.0.0/12 scram-sha-256",
    "host all all 10.0.0.0 255.0.1.0 scram-sha-256",
    "host all all 2001:db8::/47 scram-sha-256",
  ],
  cure: ["host all all 10.1.0.0/16 scram-sha-256"],
  lookAlike: [
    "host all all 10.1.0.0/16 scram-sha-256",
    "host all all 2001:db8:1::/48 scram-sha-256",
    "host all all 127.0.0.0/8 scram-sha-256",
    "host all all 0.0.0.0/0 scram-sha-256",
    "host all all 11.0.0.0/8 reject",
    "host all all all scram-sha-256",
  ],
});
