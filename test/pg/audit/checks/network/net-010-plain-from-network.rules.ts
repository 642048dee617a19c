/** NET-010. */
import net010 from "../../../../../src/audit/checks/network/net-010-plain-from-network.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net010,
    hba: [
      "hostnossl bank all 10.0.0.0/8 reject",
      "host app app 10.1.0.0/16 scram-sha-256",
      "hostnossl app app 10.2.0.0/16 scram-sha-256",
      "hostnogssenc app app 10.3.0.0/16 md5",
      "host bank app 10.1.0.0/16 scram-sha-256",
      "host bank app fd00::/64 scram-sha-256",
    ],
    finds: [
      "host app app 10.1.0.0/16 scram-sha-256",
      "hostnossl app app 10.2.0.0/16 scram-sha-256",
      "hostnogssenc app app 10.3.0.0/16 md5",
      "host bank app fd00::/64 scram-sha-256",
    ],
    auditor: "unknown",
    lookAlike: [
      "hostssl all all 10.0.0.0/8 scram-sha-256",
      "hostgssenc all all 10.9.0.0/16 scram-sha-256",
      "hostnossl all,replication all 0.0.0.0/0 reject",
      "hostnossl all,replication all ::/0 reject",
      "host all all all scram-sha-256",
      "host replication standby example.com scram-sha-256",
      "local all all trust",
    ],
  }),
  defineRuleCase({
    check: net010,
    title: "a reject that may be for a database called all",
    hba: ['hostnossl "all" all all reject', "host all all 10.0.0.0/8 scram-sha-256"],
    finds: ["host all all 10.0.0.0/8 scram-sha-256"],
    auditor: "unknown",
    lookAlike: ["hostnossl all all all reject", "host all all 10.0.0.0/8 scram-sha-256"],
  }),
  defineRuleCase({
    check: net010,
    title: "a reject that takes a part only",
    hba: [
      "hostnossl all app all reject",
      "hostnossl one all all reject",
      "hostnossl all all 10.0.0.0/9 reject",
      "host one,two app,web 10.0.0.0/8 scram-sha-256",
    ],
    finds: ["host one,two app,web 10.0.0.0/8 scram-sha-256"],
    lookAlike: [
      "hostnossl all app all reject",
      "hostnossl one web all reject",
      "hostnossl two,three web 0.0.0.0/0 reject",
      "host one,two app,web 10.0.0.0/8 scram-sha-256",
    ],
  }),
];
