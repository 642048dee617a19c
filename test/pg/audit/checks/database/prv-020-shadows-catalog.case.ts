/** PRV-020. */
import check from "../../../../../src/audit/checks/database/prv-020-shadows-catalog.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create schema "La.b";
    create function "La.b".lower(text) returns text language sql as 'select $1';
    create function "La.b".same(text, text) returns boolean language sql as 'select true';
    create operator "La.b".= (leftarg = text, rightarg = text, function = "La.b".same);
    create table "La.b".pg_settings (id int);
    create view public.pg_class as select 1 as id`,
  finds: [`"La.b".lower(text)`, `operator "La.b".= (text, text)`, `"La.b".pg_settings`, "public.pg_class"],
  lookAlike: `
    create schema lab;
    create function lab.lower(text, text) returns text language sql as 'select $1';
    create function lab.same(text, text) returns boolean language sql as 'select true';
    create operator lab.=== (leftarg = text, rightarg = text, function = lab.same);
    create table lab.settings (id int);
    create index pg_stats on lab.settings (id);
    create function lab.upper(text) returns text language sql as 'select $1';
    alter extension plpgsql add function lab.upper(text)`,
  cure: `
    drop operator "La.b".= (text, text);
    drop function "La.b".lower(text);
    drop table "La.b".pg_settings;
    drop view public.pg_class`,
});
