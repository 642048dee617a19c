/** TLS-014. */
import tls014 from "../../../../../src/audit/checks/transport/tls-014-caseless-kerberos.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: tls014,
  wrong: { krb_caseins_users: "on" },
  finds: ["krb_caseins_users"],
  right: { krb_caseins_users: "off" },
});
