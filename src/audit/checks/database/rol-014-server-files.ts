/** ROL-014: logins that reach the predefined role which reads files of the server. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-014",
  title: "login can read files of the server",
  severity: "high",
  why:
    "pg_read_server_files loads any file that the account of the server may read into a table: private keys, the " +
    "configuration, and the data files themselves, past every privilege on the tables in them.",
  remedy: "Revoke the membership; load files with COPY ... FROM STDIN on the client.",
  references: { manual: ["Predefined Roles"] },
  target: "t.rolname = 'pg_read_server_files'",
  reach: "any",
  riskReason: "imports from files of the server stop for everybody in the group",
});
