/** ROL-014. */
import check from "../../../../../src/audit/checks/database/rol-014-server-files.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Loader" login;
    create role lab_middle;
    create role lab_inner;
    grant lab_middle to "Loader";
    grant lab_inner to lab_middle;
    grant pg_read_server_files to lab_inner`,
  finds: [`"Loader"`],
  lookAlike: `
    create role lab_group;
    grant pg_read_server_files to lab_group;
    create role lab_writer login;
    grant pg_write_server_files to lab_writer;
    create role lab_root superuser login;
    grant lab_group to lab_root`,
});
