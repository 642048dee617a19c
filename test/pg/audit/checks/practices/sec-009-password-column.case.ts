/** SEC-009. */
import sec009 from "../../../../../src/audit/checks/practices/sec-009-password-column.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec009,
  defect: `create schema lab; create table lab."Users" (id int, "Password" text, user_pwd varchar(40), passwd char(8))`,
  finds: [`lab."Users"."Password"`, `lab."Users".user_pwd`, `lab."Users".passwd`],
  cure: `alter table lab."Users" rename "Password" to password_hash; alter table lab."Users" drop user_pwd, drop passwd`,
  lookAlike: `
    create schema lab; create extension lo; create table lab.users (password_hash text, password bytea, passwords text, pwd_changed text);
    create view lab.shown as select ''::text as password; create table lab.of_extension (password text);
    alter extension lo add table lab.of_extension`,
});
