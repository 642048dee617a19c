/** PRV-019. */
import check from "../../../../../src/audit/checks/database/prv-019-schema-named-like-role.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role lab_attacker;
    create role "Vic""tim" login;
    create schema "Vic""tim" authorization lab_attacker;
    create schema postgres authorization lab_attacker`,
  finds: [`"Vic""tim"`, "postgres"],
  lookAlike: `
    create role lab_app login;
    create role lab_group;
    create role lab_owner login;
    create role lab_service login;
    create schema lab_app authorization lab_app;
    create schema lab_group authorization lab_owner;
    create schema lab_service;
    create schema lab authorization lab_owner`,
  cure: `alter schema "Vic""tim" rename to lab_renamed; drop schema postgres`,
});
