/** Schemas of extensions in which others may create, beside those where only owners and superusers may, or only use. */
import check from "../../../../../src/audit/checks/practices/ver-004-extension-in-writable-schema.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "odd role"; create role builder;
    create schema "Ext"; grant create on schema "Ext" to "odd role", builder with grant option;
    create extension pg_trgm with schema "Ext";
    create schema open; grant create on schema open to public; create extension hstore with schema open`,
  finds: ["hstore (public)", 'pg_trgm ("odd role")', "pg_trgm (builder)"],
  lookAlike: `create role builder; create role boss superuser; create role owner;
    create schema ext authorization owner; grant usage on schema ext to public; grant create on schema ext to boss;
    create extension pg_trgm with schema ext;
    create schema open; grant create on schema open to public; create table open.t (a int)`,
});
