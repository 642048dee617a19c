/** NET-022. */
import net022 from "../../../../../src/audit/checks/network/net-022-radius.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net022,
  hba: ["host all all 10.0.0.0/8 radius radiusservers=127.0.0.1 radiussecrets=c4n4ry"],
  finds: ["host all all 10.0.0.0/8 radius radiusservers=127.0.0.1"],
  cure: ["host all all 10.0.0.0/8 scram-sha-256"],
  lookAlike: ["host radius radius 10.0.0.0/8 scram-sha-256"],
});
