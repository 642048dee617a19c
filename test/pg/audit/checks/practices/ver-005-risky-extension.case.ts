/** Extensions that reach beyond the database, beside harmless ones and a table of the same name. */
import check from "../../../../../src/audit/checks/practices/ver-005-risky-extension.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create schema ext; create extension dblink with schema ext; create extension pageinspect with schema ext;
    create extension file_fdw with schema ext`,
  finds: ["dblink", "file_fdw", "pageinspect"],
  lookAlike:
    "create schema ext; create extension hstore with schema ext; create extension pg_trgm with schema ext; create schema dblink; create table dblink.dblink (a int)",
});
