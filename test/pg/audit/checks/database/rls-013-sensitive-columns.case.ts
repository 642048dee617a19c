/** RLS-013. */
import rls013 from "../../../../../src/audit/checks/database/rls-013-sensitive-columns.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rls013,
  defect: `
    create role "Lab r"; create schema lab; create table lab."People" (id int, ssn text, "Date_Of_Birth" date, name text);
    grant select on lab."People" to "Lab r"; create table lab.bare (api_key text); grant select on lab.bare to public`,
  finds: [`lab."People".ssn <- "Lab r"`, `lab."People"."Date_Of_Birth" <- "Lab r"`, "lab.bare.api_key <- PUBLIC"],
  lookAlike: `
    create role lab_r; create role lab_boss superuser; create schema lab; create extension lo;
    create table lab.columns (id int, ssn text); grant select (id) on lab.columns to lab_r;
    create table lab.kept (id int, ssn text); alter table lab.kept enable row level security; grant select on lab.kept to lab_r;
    create table lab.mine (ssn text); grant select on lab.mine to lab_boss;
    create table lab.writes (ssn text); grant insert on lab.writes to lab_r;
    create table lab.similar (ssn_last_check date, passport_office text); grant select on lab.similar to lab_r;
    create table lab.of_extension (ssn text); grant select on lab.of_extension to lab_r;
    alter extension lo add table lab.of_extension`,
});
