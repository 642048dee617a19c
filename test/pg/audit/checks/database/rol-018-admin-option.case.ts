/** ROL-018. */
import check from "../../../../../src/audit/checks/database/rol-018-admin-option.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role lab_finance;
      create role "Lead" login;
      grant lab_finance to "Lead" with admin option`,
    finds: [`lab_finance <- "Lead"`],
    lookAlike: `
      create role lab_finance;
      create role lab_member login;
      create role lab_group;
      create role lab_root superuser login;
      create role lab_maker login createrole;
      grant lab_finance to lab_member;
      grant lab_finance to lab_group with admin option;
      grant lab_finance to lab_root with admin option;
      set local role lab_maker;
      create role lab_made;
      reset role`,
  }),
  // From 16 on a grant belongs to its grantor, and falls with what was granted on.
  defineCase({
    check,
    majors: [16, 17, 18],
    defect: `
      create role lab_finance;
      create role lab_lead login;
      create role lab_second login;
      create role lab_maker login createrole;
      grant lab_finance to lab_lead with admin option;
      set local role lab_lead;
      grant lab_finance to lab_second with admin option;
      reset role;
      grant lab_finance to lab_maker with admin option`,
    finds: ["lab_finance <- lab_lead", "lab_finance <- lab_second", "lab_finance <- lab_maker"],
    lookAlike: `
      create role lab_maker login createrole;
      set local createrole_self_grant = 'set, inherit';
      set local role lab_maker;
      create role lab_made;
      reset role;
      alter role lab_maker nocreaterole`,
  }),
];
