/** NET-026. */
import net026 from "../../../../../src/audit/checks/network/net-026-unknown-name.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net026,
    sql: `create role here login; create role "Odd, one" nologin`,
    hba: [
      "host postgres gone 10.0.0.0/8 scram-sha-256",
      "host nowhere here 10.0.0.0/8 scram-sha-256",
      "host postgres here,+nobodies 10.0.0.0/8 scram-sha-256",
      "host postgres HERE 10.0.0.0/8 reject",
    ],
    finds: [
      "host postgres gone 10.0.0.0/8 scram-sha-256",
      "host nowhere here 10.0.0.0/8 scram-sha-256",
      "host postgres here,+nobodies 10.0.0.0/8 scram-sha-256",
      "host postgres HERE 10.0.0.0/8 reject",
    ],
    offline: "unknown",
    cure: ["host postgres here 10.0.0.0/8 scram-sha-256"],
    lookAlike: [
      'host postgres,template1 here,"Odd, one",+pg_monitor 10.0.0.0/8 scram-sha-256',
      "host all,sameuser,samerole,replication all 10.0.0.0/8 scram-sha-256",
    ],
  }),
  defineRuleCase({
    check: net026,
    title: "a quoted keyword is a name",
    hba: ['host "all" "all" 10.0.0.0/8 scram-sha-256'],
    finds: ['host "all" "all" 10.0.0.0/8 scram-sha-256'],
    auditor: "unknown",
    offline: "unknown",
    cure: ["host all all 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host all all 10.0.0.0/8 scram-sha-256"],
  }),
  defineRuleCase({
    check: net026,
    title: "a slash begins a name (before 16)",
    majors: [14, 15],
    hba: ["host postgres /^post 10.0.0.0/8 scram-sha-256"],
    finds: ["host postgres /^post 10.0.0.0/8 scram-sha-256"],
    offline: "unknown",
    cure: ["host postgres postgres 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host postgres postgres 10.0.0.0/8 scram-sha-256"],
  }),
  defineRuleCase({
    check: net026,
    title: "a slash begins a pattern (16)",
    majors: [16, 17, 18],
    hba: ["host postgres gone,/^post 10.0.0.0/8 scram-sha-256"],
    finds: ["host postgres gone,/^post 10.0.0.0/8 scram-sha-256"],
    offline: "unknown",
    cure: ["host postgres /^post 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host postgres /^nobody$ 10.0.0.0/8 scram-sha-256"],
  }),
];
