/** ROL-013: logins that reach the predefined roles which run programs or write files on the server. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-013",
  title: "login can run programs or write files on the server",
  severity: "critical",
  why:
    "pg_execute_server_program runs any command as the account of the server through COPY ... PROGRAM, and " +
    "pg_write_server_files overwrites any file that account may write, its configuration included. Both make a login as " +
    "good as a superuser with a shell.",
  remedy: "Revoke the membership; move files with COPY ... FROM STDIN on the client.",
  limits:
    "Ways through other roles are followed: by SET ROLE, by inheriting, and by ADMIN, with which a role adds itself.",
  references: { cis: ["4.9"], manual: ["Predefined Roles"], stig: ["external executables"] },
  target: "t.rolname in ('pg_execute_server_program', 'pg_write_server_files')",
  reach: "any",
  riskReason: "imports and exports through files or programs of the server stop for everybody in the group",
});
