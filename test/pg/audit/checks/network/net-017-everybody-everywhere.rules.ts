/** NET-017. */
import net017 from "../../../../../src/audit/checks/network/net-017-everybody-everywhere.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net017,
  hba: ["hostssl all all 10.0.0.0/8 scram-sha-256", "host app,all web,all samenet md5"],
  finds: ["hostssl all all 10.0.0.0/8 scram-sha-256", "host app,all web,all samenet md5"],
  auditor: "unknown",
  cure: ["hostssl app web 10.0.0.0/8 scram-sha-256"],
  lookAlike: [
    'host "all" all 10.0.0.0/8 scram-sha-256',
    'host all "all" 10.0.0.0/8 scram-sha-256',
    "host all all 127.0.0.1/32 scram-sha-256",
    "local all all peer",
    "host all all all reject",
    "host app all 10.0.0.0/8 scram-sha-256",
  ],
});
