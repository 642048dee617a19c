/** ROL-025. */
import check from "../../../../../src/audit/checks/database/rol-025-self-grant.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role "Maker" createrole;
      alter role "Maker" set createrole_self_grant = 'set';
      alter database postgres set createrole_self_grant = 'set, inherit'`,
    finds: [`"Maker"@* createrole_self_grant`, "*@postgres createrole_self_grant"],
    lookAlike: `
      create role lab_maker createrole;
      alter role lab_maker set createrole_self_grant = '';
      alter role lab_maker set application_name = 'createrole_self_grant=set'`,
  }),
  defineCase({
    check,
    wrong: { createrole_self_grant: "set, inherit" },
    finds: ["createrole_self_grant"],
    right: { createrole_self_grant: "" },
  }),
];
