/** ROL-019. */
import check from "../../../../../src/audit/checks/database/rol-019-login-as-group.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role "Shared" login;
      create role lab_anna login;
      create role lab_ben login;
      grant "Shared" to lab_anna, lab_ben`,
    finds: [`"Shared"`],
    lookAlike: `
      create role lab_group;
      create role lab_anna login;
      grant lab_group to lab_anna`,
    cure: `alter role "Shared" nologin`,
  }),
  defineCase({
    check,
    majors: [16, 17, 18],
    defect: `
      create role lab_shared login;
      create role lab_maker login createrole;
      grant lab_shared to lab_maker with admin true, inherit true`,
    finds: ["lab_shared"],
    lookAlike: `
      create role lab_maker login createrole;
      set local role lab_maker;
      create role lab_made login;
      set local createrole_self_grant = 'set, inherit';
      create role lab_taken login;
      reset role`,
    cure: "alter role lab_shared nologin",
  }),
];
