/** SEC-015. */
import sec015 from "../../../../../src/audit/checks/practices/sec-015-mapping-without-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec015,
  defect: `
    create role "Lab r"; create foreign data wrapper lab_w; create server "Lab s" foreign data wrapper lab_w;
    create user mapping for "Lab r" server "Lab s" options (password_required 'false');
    create user mapping for public server "Lab s" options ("Password_Required" 'OFF')`,
  finds: [`"Lab r" @ "Lab s"`, `PUBLIC @ "Lab s"`],
  lookAlike: `
    create role lab_r; create foreign data wrapper lab_w; create server lab_s foreign data wrapper lab_w options (password_required 'false');
    create user mapping for lab_r server lab_s options (password_required 'true', user 'password_required=false')`,
  blind: ["auditor", "plain"],
});
