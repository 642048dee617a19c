/** NET-004. */
import net004 from "../../../../../src/audit/checks/network/net-004-clear-text-password.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net004,
  hba: [
    "local all all password",
    "host all all 127.0.0.1/32 password",
    "hostssl all all 10.0.0.0/8 password",
    "host all all 10.0.0.0/8 password",
  ],
  finds: [
    "local all all password",
    "host all all 127.0.0.1/32 password",
    "hostssl all all 10.0.0.0/8 password",
    "host all all 10.0.0.0/8 password",
  ],
  severities: {
    "local all all password": "medium",
    "host all all 127.0.0.1/32 password": "medium",
    "hostssl all all 10.0.0.0/8 password": "medium",
    "host all all 10.0.0.0/8 password": "critical",
  },
  lookAlike: ["host password password 10.0.0.0/8 scram-sha-256", "host all all 10.0.0.0/8 md5"],
});
