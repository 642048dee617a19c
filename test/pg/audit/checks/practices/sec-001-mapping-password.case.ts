/** SEC-001. */
import sec001 from "../../../../../src/audit/checks/practices/sec-001-mapping-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec001,
  defect: `
    create role "Lab r"; create foreign data wrapper lab_w; create server "Lab s" foreign data wrapper lab_w;
    create user mapping for "Lab r" server "Lab s" options (user 'x', "password" 'canary', "sslPassword" 'canary');
    create user mapping for public server "Lab s" options (secret_access_key 'canary')`,
  finds: [`"Lab r" @ "Lab s"`, `PUBLIC @ "Lab s"`],
  lookAlike: `
    create role lab_r; create foreign data wrapper lab_w; create server lab_s foreign data wrapper lab_w;
    create user mapping for lab_r server lab_s options (user 'password', password_required 'true', passfile '/x', password '')`,
  blind: ["auditor", "plain"],
});
