/** FUN-009. */
import fun009 from "../../../../../src/audit/checks/database/fun-009-unfixed-path-in-definition.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: fun009,
  defect: `
    create schema lab;
    create function lab.indexed(integer) returns int language sql immutable as 'select $1';
    create function lab.checked(integer) returns bool language sql immutable as 'select true';
    create function lab.defaulted() returns int language sql as 'select 1';
    create function lab.allows(integer) returns bool language plpgsql stable as 'begin return true; end';
    create table lab.things (id int check (lab.checked(id)), n int default lab.defaulted());
    create index on lab.things (lab.indexed(id));
    alter table lab.things enable row level security;
    create policy p on lab.things using (lab.allows(id))`,
  finds: ["lab.indexed(integer)", "lab.checked(integer)", "lab.defaulted()", "lab.allows(integer)"],
  lookAlike: `
    create schema lab; create extension lo;
    create function lab.fixed(integer) returns int language sql immutable set search_path = '' as 'select $1';
    create function lab.atomic(integer) returns int language sql immutable begin atomic select $1; end;
    create function lab.in_view(integer) returns int language sql as 'select $1';
    create function lab.of_extension(integer) returns int language sql immutable as 'select $1';
    alter extension lo add function lab.of_extension(integer);
    create table lab.things (id int);
    create index on lab.things (lab.fixed(id)); create index on lab.things (lab.atomic(id));
    create index on lab.things (lab.of_extension(id));
    create view lab.shown as select lab.in_view(id) from lab.things`,
});
