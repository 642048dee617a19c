/** NET-002. */
import net002 from "../../../../../src/audit/checks/network/net-002-trust-on-loopback.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net002,
  hba: [
    "host all app 127.0.0.1/32 trust",
    "host all app ::1/128 trust",
    "host all app samehost trust",
    "host all app localhost trust",
    "host all other 127.1.2.3/8 trust",
  ],
  finds: [
    "host all app 127.0.0.1/32 trust",
    "host all app ::1/128 trust",
    "host all app samehost trust",
    "host all app localhost trust",
    "host all other 127.1.2.3/8 trust",
  ],
  lookAlike: [
    "host all all 127.0.0.1/32 scram-sha-256",
    "host all all 127.0.0.1/32 trust",
    "local all all trust",
    "host all all 10.0.0.0/8 trust",
    "hostssl all all ::1/128 trust clientcert=verify-full",
  ],
});
