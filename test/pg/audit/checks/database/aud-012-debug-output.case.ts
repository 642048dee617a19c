/** AUD-012. */
import aud012 from "../../../../../src/audit/checks/database/aud-012-debug-output.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud012,
  wrong: { debug_print_plan: "on", debug_print_parse: "on" },
  finds: ["debug_print_plan", "debug_print_parse"],
  right: { debug_pretty_print: "on" },
});
