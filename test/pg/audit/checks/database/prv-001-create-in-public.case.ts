/** PRV-001. */
import check from "../../../../../src/audit/checks/database/prv-001-create-in-public.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const finds = ["public"];

export default [
  defineCase({
    check,
    majors: [15, 16, 17, 18],
    defect: "grant create on schema public to public",
    finds,
    lookAlike: `
      create role lab_app;
      grant create on schema public to lab_app;
      grant usage on schema public to public;
      create schema lab;
      grant create on schema lab to public`,
  }),
  // 14 comes with it, so what looks alike is a server where a superuser took it away.
  defineCase({
    check,
    majors: [14],
    defect: "select 1",
    finds,
    lookAlike: `
      revoke create on schema public from public;
      create role lab_app;
      grant create on schema public to lab_app;
      grant usage on schema public to public`,
  }),
];
