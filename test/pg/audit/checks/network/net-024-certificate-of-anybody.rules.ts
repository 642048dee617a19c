/** NET-024. */
import net024 from "../../../../../src/audit/checks/network/net-024-certificate-of-anybody.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net024,
  hba: ["hostssl all app 10.0.0.0/8 trust clientcert=verify-ca", "hostssl all all ::1/128 trust clientcert=verify-ca"],
  finds: [
    "hostssl all app 10.0.0.0/8 trust clientcert=verify-ca",
    "hostssl all all ::1/128 trust clientcert=verify-ca",
  ],
  lookAlike: [
    "hostssl all app 10.0.0.0/8 trust clientcert=verify-full",
    "hostssl all app 11.0.0.0/8 cert",
    "hostssl all app 12.0.0.0/8 scram-sha-256 clientcert=verify-ca",
    "host all app 13.0.0.0/8 trust",
  ],
});
