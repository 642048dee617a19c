/** ROL-015. */
import check from "../../../../../src/audit/checks/database/rol-015-all-data.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Reports" login;
    create role lab_etl login;
    grant pg_read_all_data to "Reports";
    grant pg_read_all_data, pg_write_all_data to lab_etl`,
  finds: [`"Reports"`, "lab_etl"],
  lookAlike: `
    create role lab_group;
    grant pg_read_all_data to lab_group;
    create role lab_monitor login;
    grant pg_read_all_settings, pg_read_all_stats to lab_monitor`,
});
