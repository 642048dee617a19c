/** AUD-003. */
import aud003 from "../../../../../src/audit/checks/database/aud-003-changes-leave-no-trace.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud003,
  wrong: { log_statement: "none" },
  finds: ["log_statement"],
  right: { log_statement: "ddl" },
  blind: ["plain"],
});
