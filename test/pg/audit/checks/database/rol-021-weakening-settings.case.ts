/** ROL-021. */
import check from "../../../../../src/audit/checks/database/rol-021-weakening-settings.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "App" login;
    create role lab_other login;
    alter role "App" set log_statement = 'NONE';
    alter role "App" set row_security = 'no';
    alter role lab_other in database postgres set session_replication_role = replica;
    alter database postgres set log_min_messages = panic;
    alter role all set check_function_bodies = false;
    alter role lab_other set password_encryption = md5`,
  finds: [
    `"App"@* log_statement`,
    `"App"@* row_security`,
    "lab_other@postgres session_replication_role",
    "*@postgres log_min_messages",
    "*@* check_function_bodies",
    "lab_other@* password_encryption",
  ],
  lookAlike: `
    create role lab_app login;
    alter role lab_app set log_statement = 'ddl';
    alter role lab_app set row_security = 'on';
    alter role lab_app set search_path = 'log_statement=none';
    alter role lab_app set application_name = 'row_security=off';
    alter database postgres set log_min_messages = warning;
    alter database postgres set session_replication_role = origin`,
});
