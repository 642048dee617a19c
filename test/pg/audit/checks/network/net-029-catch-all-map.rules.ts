/** NET-029. */
import net029 from "../../../../../src/audit/checks/network/net-029-catch-all-map.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net029,
  hba: ["local all all peer map=m"],
  ident: [
    "m /.* app",
    "m /^.+@corp[.]example$ app",
    "m / app",
    'm "/[a-zA-Z]" app',
    "unused /^.*$ app",
    "m /^(.*)@corp$ \\1",
    "m joe app",
  ],
  finds: ["m /.* app", "m /^.+@corp[.]example$ app", "m / app", "m /[a-zA-Z] app", "unused /^.*$ app"],
  severities: { "m /.* app": "critical", "unused /^.*$ app": "low" },
  lookAlike: ["local all all peer map=m"],
  lookAlikeIdent: ["m /^(.*)@corp$ \\1", "m .* app", "m /^joe[0-9]$ app", "m /^a\\.\\*b$ app", "m joe all"],
});
