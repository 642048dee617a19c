/** NET-027. No server here has a validator, so servers refuse such a rule: that is found as well. */
import net027 from "../../../../../src/audit/checks/network/net-027-oauth-issuer.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default [
  defineRuleCase({
    check: net027,
    majors: [],
    hba: ["host all all 10.0.0.0/8 oauth issuer=http://id.example scope=pg"],
    finds: ["host all all 10.0.0.0/8 oauth issuer=http://id.example"],
    cure: ["host all all 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host oauth oauth 10.0.0.0/8 scram-sha-256"],
  }),
  defineRuleCase({
    check: net027,
    title: "a rule that the server refuses for want of a validator",
    majors: [18],
    offline: "unknown",
    hba: ["host all all 10.0.0.0/8 oauth issuer=https://id.example scope=pg"],
    finds: ["pg_hba.conf:1"],
    cure: ["host all all 10.0.0.0/8 scram-sha-256"],
    lookAlike: ["host all all 10.0.0.0/8 nonsense", "host oauth oauth 10.0.0.0/8 scram-sha-256"],
  }),
];
