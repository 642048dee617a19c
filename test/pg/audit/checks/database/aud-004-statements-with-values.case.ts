/** AUD-004. */
import aud004 from "../../../../../src/audit/checks/database/aud-004-statements-with-values.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud004,
  wrong: { log_statement: "mod" },
  finds: ["log_statement"],
  right: { log_statement: "ddl" },
});
