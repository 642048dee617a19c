/** PRV-021. */
import check from "../../../../../src/audit/checks/database/prv-021-stored-search-path.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "App" login;
    create role lab_second login;
    alter role "App" set search_path = "$user", public, pg_catalog;
    alter role lab_second in database postgres set search_path = pg_temp, public;
    alter database postgres set search_path = 'pg_catalog', 'pg_temp', 'app'`,
  finds: [`"App"@*`, "lab_second@postgres", "*@postgres"],
  lookAlike: `
    create role lab_app login;
    create role lab_second login;
    create role lab_third login;
    create role lab_fourth login;
    alter role lab_app set search_path = pg_catalog, app, pg_temp;
    alter role lab_second set search_path = '';
    alter role lab_third set search_path = app, "not_pg_catalog", "my, pg_temp, path";
    alter role lab_fourth set application_name = 'search_path=app, pg_catalog'`,
});
