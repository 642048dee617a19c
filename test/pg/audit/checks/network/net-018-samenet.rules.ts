/** NET-018. */
import net018 from "../../../../../src/audit/checks/network/net-018-samenet.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net018,
  hba: ["hostssl app app samenet scram-sha-256"],
  finds: ["hostssl app app samenet scram-sha-256"],
  cure: ["hostssl app app 10.1.2.0/24 scram-sha-256"],
  lookAlike: [
    "host all all samehost scram-sha-256",
    "host samenet samenet 10.0.0.0/24 md5",
    "host all all samenet reject",
  ],
});
