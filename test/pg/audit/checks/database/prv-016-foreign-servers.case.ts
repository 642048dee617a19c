/** PRV-016. */
import check from "../../../../../src/audit/checks/database/prv-016-foreign-servers.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "App";
    create foreign data wrapper "Wr""ap";
    create server "Ser;ver" foreign data wrapper "Wr""ap";
    grant usage on foreign server "Ser;ver" to public;
    grant usage on foreign data wrapper "Wr""ap" to "App";
    grant usage on foreign data wrapper "Wr""ap" to public`,
  finds: [`"Ser;ver" <- PUBLIC`, `FDW "Wr""ap" <- "App"`, `FDW "Wr""ap" <- PUBLIC`],
  lookAlike: `
    create role lab_app;
    create role lab_root superuser;
    create foreign data wrapper lab_wrap;
    create server lab_server foreign data wrapper lab_wrap;
    grant usage on foreign server lab_server to lab_app;
    grant usage on foreign data wrapper lab_wrap to lab_root`,
});
