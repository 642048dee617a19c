/** NET-006. */
import net006 from "../../../../../src/audit/checks/network/net-006-ident-over-tcp.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net006,
  hba: ["host all all 10.0.0.0/24 ident", "hostssl all all samehost ident map=m"],
  finds: ["host all all 10.0.0.0/24 ident", "hostssl all all samehost ident map=m"],
  lookAlike: ["local all all ident", "host ident ident 10.0.0.0/24 scram-sha-256"],
});
