/** AUD-007. */
import aud007 from "../../../../../src/audit/checks/database/aud-007-line-prefix.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud007,
  wrong: { log_line_prefix: "%m [%p] %%u@%d %a " },
  finds: ["log_line_prefix"],
  right: { log_line_prefix: "%n %c %q%-10u@%d %a %r " },
});
