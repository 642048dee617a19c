/** SEC-002. */
import sec002 from "../../../../../src/audit/checks/practices/sec-002-option-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec002,
  defect: `
    create schema lab; create foreign data wrapper "Lab w" options (token 'canary');
    create server "Lab s" foreign data wrapper "Lab w" options (host 'x', password 'canary');
    create foreign table lab."Far" (id int) server "Lab s" options (aws_secret_access_key 'canary', "Passwd" 'canary')`,
  finds: [`foreign data wrapper "Lab w"`, `server "Lab s"`, `lab."Far"`],
  lookAlike: `
    create schema lab; create foreign data wrapper lab_w options (password_required 'false');
    create server lab_s foreign data wrapper lab_w options (host 'password=x', sslkey '/x', token_ttl '5');
    create foreign table lab.far (id int) server lab_s options (table_name 'password')`,
});
