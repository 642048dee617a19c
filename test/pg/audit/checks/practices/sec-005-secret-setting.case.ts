/** SEC-005. */
import sec005 from "../../../../../src/audit/checks/practices/sec-005-secret-setting.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec005,
  defect: `
    create role "Lab r"; alter role "Lab r" set app.jwt_secret = 'canary-value';
    alter role "Lab r" in database postgres set "App.Api_Key" = 'canary-value';
    alter database postgres set app.db_password = 'canary-value'; alter role all set app.token = 'canary-value'`,
  finds: [`"Lab r"@*`, `"Lab r"@postgres`, "*@postgres", "*@*"],
  lookAlike: `
    create role lab_r; alter role lab_r set password_encryption = 'scram-sha-256';
    alter role lab_r set app.token_ttl = 'one hour'; alter role lab_r set app.secret_rotation = 'on';
    alter role lab_r set app.password_policy = 'strict'; alter role lab_r set app.api_key_count = 'many';
    alter role lab_r set app.access_token = '3600'; alter role lab_r set app.tenant = 'canary'`,
});
