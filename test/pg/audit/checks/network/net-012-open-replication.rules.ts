/** NET-012. */
import net012 from "../../../../../src/audit/checks/network/net-012-open-replication.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net012,
  hba: [
    "hostssl replication all 10.0.0.0/24 scram-sha-256",
    "hostssl all,replication standby all scram-sha-256",
    "local replication standby trust",
  ],
  finds: [
    "hostssl replication all 10.0.0.0/24 scram-sha-256",
    "hostssl all,replication standby all scram-sha-256",
    "local replication standby trust",
  ],
  auditor: "unknown",
  cure: ["hostssl replication standby 10.0.0.5/32 scram-sha-256"],
  lookAlike: [
    "local replication all peer",
    "host replication all 127.0.0.1/32 scram-sha-256",
    "hostssl replication standby 10.0.0.0/24 scram-sha-256",
    'hostssl "replication" all 10.0.0.0/24 scram-sha-256',
    "hostssl all all 10.0.0.0/24 scram-sha-256",
    "host replication all all reject",
  ],
});
