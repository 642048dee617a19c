/** NET-015. */
import net015 from "../../../../../src/audit/checks/network/net-015-lines-not-loaded.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net015,
  hba: [
    "local all all scram-sha-256",
    "host all all 10.0.0.0/33 scram-sha-256",
    "hots all all all scram-sha-256",
    "host all all \\",
    "  10.0.0.0/8 scramsha256",
    "host all @nothing all md5",
    "ldapbindpasswd=c4n4ry",
  ],
  finds: ["pg_hba.conf:2", "pg_hba.conf:3", "pg_hba.conf:4", "pg_hba.conf:6", "pg_hba.conf:7"],
  cure: ["local all all scram-sha-256"],
  lookAlike: [
    "",
    "# hots all all all md5",
    "hostssl all all all scram-sha-256",
    "host all all 10.0.0.0 \\",
    "255.0.0.0 scram-sha-256",
    'host "a,b" "c d" 10.0.0.0/8 "md5"',
  ],
});
