/** NET-007. */
import net007 from "../../../../../src/audit/checks/network/net-007-map-to-superuser.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net007,
    hba: ["local all all peer map=admins", "hostssl all all all cert map=certs"],
    ident: [
      "admins root postgres",
      "admins backup postgres # nightly",
      "admins postgres postgres",
      "admins web web",
      "certs ops postgres",
    ],
    finds: ["admins root postgres", "admins backup postgres", "certs ops postgres"],
    lookAlike: [
      "local all web peer map=admins",
      "local all all peer",
      "local all all reject",
      "local all all peer map=x",
    ],
    lookAlikeIdent: ["admins root postgres", "x postgres postgres", "x web web", "unused root postgres"],
    offline: "unknown",
  }),
  defineRuleCase({
    check: net007,
    title: "entries for all, a group or a pattern (16)",
    majors: [16, 17, 18],
    sql: "create role bosses nologin; grant bosses to postgres",
    hba: ["local all all peer map=m"],
    ident: ["m ops all", "m web +bosses", 'm deploy "/^post"'],
    finds: ["m ops all", "m web +bosses", "m deploy /^post"],
    lookAlike: ["local all all peer map=m"],
    lookAlikeIdent: ['m ci "all"', "m web +pg_monitor", "m deploy /^app$"],
    offline: "unknown",
  }),
];
