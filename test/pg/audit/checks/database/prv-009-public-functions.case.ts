/** PRV-009. */
import check from "../../../../../src/audit/checks/database/prv-009-public-functions.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const body = "language sql as 'select 1'";

export default [
  defineCase({
    check,
    defect: `
      create role "Own""er";
      create schema "La""b" authorization "Own""er";
      grant usage on schema "La""b" to public;
      set local role "Own""er";
      create function "La""b".one() returns int ${body};
      create function "La""b"."t;wo"(text) returns int ${body};
      create procedure "La""b".three() language sql as 'select 1';
      reset role;
      create schema lab_shut;
      create function lab_shut.one() returns int ${body}`,
    finds: [`"La""b"`, "lab_shut"],
    severities: { '"La""b"': "low", lab_shut: "info" },
    lookAlike: `
      create role lab_app;
      create schema lab;
      grant usage on schema lab to public;
      create function lab.closed() returns int ${body};
      revoke execute on function lab.closed() from public;
      grant execute on function lab.closed() to lab_app;
      create function lab.fired() returns trigger language plpgsql as 'begin return null; end';
      create function lab.of_extension() returns int ${body};
      alter extension plpgsql add function lab.of_extension()`,
  }),
  // An extension's functions in the same schema stay open: its statement names each function.
  defineCase({
    check,
    defect: `
      create schema lab;
      create function lab.of_extension() returns int ${body};
      alter extension plpgsql add function lab.of_extension();
      create function lab."Ours"(int, text[]) returns int ${body}`,
    finds: ["lab"],
    lookAlike: `
      create schema lab;
      create function lab.of_extension() returns int ${body};
      alter extension plpgsql add function lab.of_extension()`,
  }),
];
