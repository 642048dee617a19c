/** NET-033. */
import net033 from "../../../../../src/audit/checks/network/net-033-authentication-timeout.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: net033,
  wrong: { authentication_timeout: "61s" },
  finds: ["authentication_timeout"],
  right: { authentication_timeout: "1min" },
});
