/** NET-005. */
import net005 from "../../../../../src/audit/checks/network/net-005-md5-method.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

const lookAlike = ["host md5 md5 10.0.0.0/8 scram-sha-256", "local all all peer"];

export default [
  defineRuleCase({
    check: net005,
    title: "md5 with an MD5 hash stored",
    sql: "create role old login password 'md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
    hba: ["local all all md5", "hostssl all all all md5"],
    finds: ["local all all md5", "hostssl all all all md5"],
    severities: { "local all all md5": "medium" },
    lookAlike,
  }),
];
