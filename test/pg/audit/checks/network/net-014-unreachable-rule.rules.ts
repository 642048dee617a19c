/** NET-014. */
import net014 from "../../../../../src/audit/checks/network/net-014-unreachable-rule.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net014,
    sql: "create role staff nologin; create role joe login in role staff; create role sub nologin in role staff",
    hba: [
      "host app joe,web 10.0.0.0/8 md5",
      "hostssl app joe 10.1.0.0/16 reject",
      "host app web 10.2.0.0 255.255.0.0 md5",
      "hostnossl app web,joe 10.3.0.0/16 scram-sha-256",
      "local one joe trust",
      "local one joe scram-sha-256",
    ],
    finds: [
      "hostssl app joe 10.1.0.0/16 reject",
      "host app web 10.2.0.0/16 md5",
      "hostnossl app web,joe 10.3.0.0/16 scram-sha-256",
      "local one joe scram-sha-256",
    ],
    severities: {
      "hostssl app joe 10.1.0.0/16 reject": "high",
      "host app web 10.2.0.0/16 md5": "low",
      "hostnossl app web,joe 10.3.0.0/16 scram-sha-256": "medium",
      "local one joe scram-sha-256": "high",
    },
    cure: ["hostssl app joe 10.1.0.0/16 reject", "host app joe,web 10.0.0.0/8 md5", "local one joe scram-sha-256"],
    lookAlike: [
      "hostssl app joe 10.0.0.0/8 md5",
      "host app joe 10.1.0.0/16 md5",
      "host all all 0.0.0.0/0 md5",
      "host all all ::/0 md5",
      "host replication all 10.0.0.0/8 md5",
      'host "all" all all md5',
      "host app joe,other all md5",
    ],
  }),
  defineRuleCase({
    check: net014,
    title: "a narrower rule behind a wider one",
    hba: ["host app web 10.0.0.0/8 md5", "host app web 10.1.0.0/16 reject", "host app web 10.1.0.0/16 reject"],
    finds: ["host app web 10.1.0.0/16 reject"],
    cure: ["host app web 10.1.0.0/16 reject", "host app web 10.0.0.0/8 md5"],
    lookAlike: ["host app web 10.1.0.0/16 reject", "host app web 10.0.0.0/8 md5"],
  }),
  defineRuleCase({
    check: net014,
    title: "groups, and keywords that may be names",
    sql: "create role staff nologin; create role joe login in role staff; create role sub nologin in role staff",
    hba: ["host all +staff all md5", "host app joe 10.0.0.0/8 scram-sha-256", "host sameuser +sub all scram-sha-256"],
    finds: ["host app joe 10.0.0.0/8 scram-sha-256", "host sameuser +sub all scram-sha-256"],
    auditor: "unknown",
    offline: "unknown",
    majors: [15, 18],
    lookAlike: ['host all "+staff" all md5', "host app joe 10.0.0.0/8 scram-sha-256", "host sameuser +sub all md5"],
  }),
];
