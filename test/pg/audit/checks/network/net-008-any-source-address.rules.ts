/** NET-008. */
import net008 from "../../../../../src/audit/checks/network/net-008-any-source-address.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net008,
  hba: [
    "host all all 0.0.0.0/0 scram-sha-256",
    "host all all 1.2.3.4 0.0.0.0 scram-sha-256",
    "host all all ::/0 md5",
    "host app app all scram-sha-256",
    "hostssl all all all scram-sha-256",
    "hostssl all all all cert",
    "hostssl all all all md5",
  ],
  finds: [
    "host all all 0.0.0.0/0 scram-sha-256",
    "host all all 1.2.3.4/0 scram-sha-256",
    "host all all ::/0 md5",
    "host app app all scram-sha-256",
    "hostssl all all all scram-sha-256",
    "hostssl all all all cert",
    "hostssl all all all md5",
  ],
  severities: {
    "host app app all scram-sha-256": "high",
    "hostssl all all all scram-sha-256": "medium",
    "hostssl all all all cert": "medium",
    "hostssl all all all md5": "high",
  },
  cure: ["hostssl app app 10.1.2.0/24 scram-sha-256"],
  lookAlike: [
    "host all all all reject",
    "host all all 0.0.0.0/1 scram-sha-256",
    'host all all "all" scram-sha-256',
    "local all all peer",
  ],
});
