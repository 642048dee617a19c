/** NET-025. The server that can do Kerberos here is 15. */
import net025 from "../../../../../src/audit/checks/network/net-025-realm-ignored.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net025,
  majors: [15],
  hba: ["host all app 10.0.0.0/8 gss include_realm=0", "hostgssenc all web 10.0.0.0/8 gss include_realm=0 map=m"],
  finds: ["host all app 10.0.0.0/8 gss include_realm=0", "hostgssenc all web 10.0.0.0/8 gss map=m include_realm=0"],
  lookAlike: [
    "host all app 10.0.0.0/8 gss",
    "host all app 11.0.0.0/8 gss include_realm=1 map=m",
    "host all app 12.0.0.0/8 gss include_realm=0 krb_realm=OURS.EXAMPLE",
  ],
});
