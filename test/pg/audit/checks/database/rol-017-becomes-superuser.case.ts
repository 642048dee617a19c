/** ROL-017. */
import check from "../../../../../src/audit/checks/database/rol-017-becomes-superuser.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      create role "Root ""2""" superuser;
      create role lab_dba;
      create role lab_hidden login noinherit;
      create role lab_direct login;
      grant "Root ""2""" to lab_dba;
      grant lab_dba to lab_hidden;
      grant postgres to lab_direct`,
    finds: ["lab_hidden", "lab_direct"],
    lookAlike: `
      create role lab_root superuser login;
      create role lab_group;
      create role lab_app login;
      grant lab_app to lab_root;
      grant lab_group to lab_app;
      create role lab_second superuser login;
      grant lab_root to lab_second;
      grant postgres to lab_group;
      revoke postgres from lab_group`,
  }),
  // From 16 on every step has to allow SET, and ADMIN on a superuser is none.
  defineCase({
    check,
    majors: [16, 17, 18],
    defect: `
      create role lab_dba;
      create role lab_app login;
      grant postgres to lab_dba with inherit false, set true;
      grant lab_dba to lab_app with inherit false, set false, admin true`,
    finds: ["lab_app"],
    lookAlike: `
      create role lab_dba;
      create role lab_app login;
      create role lab_admin login;
      create role lab_heir login;
      grant postgres to lab_dba with inherit false, set true;
      grant lab_dba to lab_app with inherit true, set false;
      grant postgres to lab_admin with admin true, inherit false, set false;
      grant postgres to lab_heir with inherit true, set false`,
  }),
];
