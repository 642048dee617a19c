/** FUN-010. */
import fun010 from "../../../../../src/audit/checks/database/fun-010-trusted-by-hand.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun010,
  defect: `
    create trusted language plsh handler plpgsql_call_handler;
    update pg_language set lanpltrusted = true where lanname = 'c'`,
  finds: ["plsh", "c"],
  lookAlike: `
    create trusted language zulu handler plpgsql_call_handler;
    create language plr handler plpgsql_call_handler`,
});
