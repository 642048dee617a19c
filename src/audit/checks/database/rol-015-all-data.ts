/** ROL-015: logins that read or write every table. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-015",
  title: "login reads or writes every table",
  severity: "high",
  why:
    "pg_read_all_data and pg_write_all_data hold in every schema of every database, tables made later included. Reading " +
    "covers system catalogs too: password hashes, options of user mappings and connection strings of subscriptions.",
  remedy: "Grant the schemas that the work needs instead.",
  limits: "A login that makes logical backups needs pg_read_all_data: waive it by name.",
  references: { manual: ["Predefined Roles"] },
  target: "t.rolname in ('pg_read_all_data', 'pg_write_all_data')",
  reach: "any",
  riskReason: "whatever read or wrote through it fails until it has grants of its own",
});
