/** ROL-028: logins that have the privileges of a superuser role without asking. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-028",
  title: "login inherits from a superuser role",
  severity: "high",
  why:
    "Inheriting from a superuser gives every privilege and the ownership of every object of that role, at once and without " +
    "SET ROLE: its tables can be altered and its functions replaced, which the superuser then runs. Only the attribute " +
    "itself is not inherited.",
  remedy: "Revoke the membership, or from 16 on grant it WITH INHERIT FALSE, SET FALSE.",
  references: { manual: ["Role Membership"] },
  target: "t.rolsuper",
  reach: "inherit",
  riskReason: "the login loses the privileges and ownership of the superuser role",
});
