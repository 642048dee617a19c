/** PRV-014. */
import check from "../../../../../src/audit/checks/database/prv-014-server-functions.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Back'up" login;
    grant execute on function pg_catalog.pg_read_file(text, bigint, bigint) to "Back'up";
    grant execute on function pg_catalog.pg_switch_wal() to public;
    grant execute on function pg_catalog.lo_import(text) to "Back'up"`,
  finds: [`pg_read_file(text,bigint,bigint) <- "Back'up"`, "pg_switch_wal() <- PUBLIC", `lo_import(text) <- "Back'up"`],
  lookAlike: `
    create role lab_root superuser;
    create role lab_app login;
    grant execute on function pg_catalog.pg_read_file(text) to lab_root;
    grant execute on function pg_catalog.pg_read_file(text) to pg_read_server_files;
    grant execute on function pg_catalog.pg_sleep(double precision) to lab_app;
    create function public.pg_read_file(text) returns text language sql as 'select 1::text';
    grant execute on function public.pg_read_file(text) to lab_app`,
});
