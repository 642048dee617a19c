/** ROL-013. */
import check from "../../../../../src/audit/checks/database/rol-013-server-programs.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const ways = `
  create role "App ""1""" login;
  create role lab_ops;
  create role lab_writer login noinherit;
  grant lab_ops to "App ""1""";
  grant pg_execute_server_program to lab_ops;
  grant pg_write_server_files to lab_writer`;

export default [
  defineCase({
    check,
    defect: ways,
    finds: [`"App ""1"""`, "lab_writer"],
    lookAlike: `
      create role lab_group;
      grant pg_execute_server_program to lab_group;
      create role lab_root superuser login;
      grant pg_write_server_files to lab_root;
      create role lab_monitor login;
      grant pg_monitor to lab_monitor;
      create role lab_admin;
      create role lab_app login;
      grant lab_app to lab_admin`,
  }),
  // Options of 16 and later: a grant by somebody else, a way by ADMIN alone, and steps that lead nowhere together.
  defineCase({
    check,
    majors: [16, 17, 18],
    defect: `
      create role lab_grantor;
      create role "Line
Break" login;
      create role lab_next login;
      create role lab_admin login;
      grant pg_write_server_files to lab_grantor with admin true;
      set local role lab_grantor;
      grant pg_write_server_files to "Line
Break" with admin true;
      set local role "Line
Break";
      grant pg_write_server_files to lab_next;
      reset role;
      grant pg_execute_server_program to lab_admin with admin true, inherit false, set false`,
    finds: [`"Line\nBreak"`, "lab_next", "lab_admin"],
    lookAlike: `
      create role lab_ops;
      create role lab_app login;
      create role lab_shut login;
      grant pg_execute_server_program to lab_ops with inherit false, set true;
      grant lab_ops to lab_app with inherit true, set false;
      grant pg_execute_server_program to lab_shut with inherit false, set false`,
  }),
];
