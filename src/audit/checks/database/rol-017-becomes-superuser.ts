/** ROL-017: logins that can become superuser with SET ROLE. */
import { membershipCheck } from "./membership.ts";

export default membershipCheck({
  id: "ROL-017",
  title: "login can become superuser",
  severity: "critical",
  why:
    "Membership in a superuser role is superuser one SET ROLE away. The list of superusers does not show it, and before " +
    "PostgreSQL 16 NOINHERIT does not prevent it.",
  remedy:
    "Revoke the membership. From 16 on, a membership WITH SET FALSE leaves inherited privileges without the way up.",
  limits:
    "Every step of the way has to allow SET. ADMIN on a superuser role is no way: only superusers may grant such roles.",
  references: { manual: ["Role Membership"], other: ["release notes of PostgreSQL 16"] },
  target: "t.rolsuper",
  reach: "become",
  riskReason: "whoever works as superuser through the membership needs another way",
});
