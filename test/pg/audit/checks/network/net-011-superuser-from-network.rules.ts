/** NET-011. */
import net011 from "../../../../../src/audit/checks/network/net-011-superuser-from-network.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net011,
    sql: `create role "Big Boss" superuser login; create role bosses nologin; create role some_bosses nologin;
          grant bosses to some_bosses; grant some_bosses to postgres; create role sleeper superuser nologin`,
    hba: [
      "host all sleeper 10.0.0.0/8 scram-sha-256",
      "host all app,postgres 10.0.0.0/8 scram-sha-256",
      'hostssl app "Big Boss" 10.1.0.0/16 scram-sha-256',
      "host app +bosses 11.0.0.0/8 scram-sha-256",
      "host app all 12.0.0.0/8 scram-sha-256",
    ],
    finds: [
      "host all app,postgres 10.0.0.0/8 scram-sha-256",
      'hostssl app "Big Boss" 10.1.0.0/16 scram-sha-256',
      "host app +bosses 11.0.0.0/8 scram-sha-256",
      "host app all 12.0.0.0/8 scram-sha-256",
    ],
    lookAlike: [
      "host all all 127.0.0.1/32 scram-sha-256",
      "host replication all 10.0.0.0/8 scram-sha-256",
      'host all postgres,"Big Boss" all reject',
      "host all all 10.0.0.0/8 scram-sha-256",
      "host app +bosses all scram-sha-256",
      "host app sleeper all scram-sha-256",
      "local all all peer",
    ],
    offline: "unknown",
  }),
  defineRuleCase({
    check: net011,
    title: "patterns (16)",
    majors: [16, 17, 18],
    hba: ['host all "/^(app|post.*)$" 10.0.0.0/24 scram-sha-256', 'host all "/(?=p)" 10.1.0.0/24 scram-sha-256'],
    finds: ["host all /^(app|post.*)$ 10.0.0.0/24 scram-sha-256", "host all /(?=p) 10.1.0.0/24 scram-sha-256"],
    lookAlike: ['host all "/^app" 10.0.0.0/24 scram-sha-256', 'host all "/^post$" 10.0.0.0/24 scram-sha-256'],
    offline: "unknown",
  }),
  defineRuleCase({
    check: net011,
    title: "names that only look like patterns (before 16)",
    majors: [14, 15],
    hba: ['host all "/post",postgres 10.0.0.0/24 scram-sha-256'],
    finds: ["host all /post,postgres 10.0.0.0/24 scram-sha-256"],
    lookAlike: ['host all "/post" 10.0.0.0/24 scram-sha-256'],
    offline: "unknown",
  }),
];
