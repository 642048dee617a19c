/** NET-013. */
import net013 from "../../../../../src/audit/checks/network/net-013-replication-without-tls.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net013,
  hba: [
    "hostnossl all all all reject",
    "host replication standby 10.0.0.5/32 scram-sha-256",
    "hostnossl app,replication standby fd00::5/128 scram-sha-256",
  ],
  finds: [
    "host replication standby 10.0.0.5/32 scram-sha-256",
    "hostnossl app,replication standby fd00::5/128 scram-sha-256",
  ],
  lookAlike: [
    "hostssl replication standby 10.0.0.5/32 scram-sha-256",
    "host replication standby 127.0.0.1/32 scram-sha-256",
    "hostnossl replication all all reject",
    "host replication standby 10.0.0.6/32 scram-sha-256",
    'host "replication" app 10.0.0.0/24 scram-sha-256',
    "host all all 10.0.0.0/24 scram-sha-256",
  ],
});
