/** ROL-028. */
import check from "../../../../../src/audit/checks/database/rol-028-inherits-from-superuser.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role "Root" superuser;
      create role lab_dba;
      create role lab_heir login;
      grant "Root" to lab_dba;
      grant lab_dba to lab_heir`,
    finds: ["lab_heir"],
    lookAlike: (major) => `
      create role lab_root superuser login;
      create role lab_second superuser login;
      grant lab_root to lab_second;
      create role lab_apart login noinherit;
      ${major < 16 ? "grant postgres to lab_apart" : "grant postgres to lab_apart with inherit false"};
      create role lab_app login;
      grant lab_app to lab_root`,
  }),
];
