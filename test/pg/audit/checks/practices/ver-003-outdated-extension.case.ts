/** An extension made from an older script, beside one that is up to date. */
import check from "../../../../../src/audit/checks/practices/ver-003-outdated-extension.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: "create schema ext; create extension pg_trgm with schema ext version '1.3'",
  finds: ["pg_trgm"],
  lookAlike: "create schema ext; create extension hstore with schema ext; create extension dblink with schema ext",
});
