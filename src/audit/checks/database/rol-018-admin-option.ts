/** ROL-018: logins that may grant a role on. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { notOfProvider } from "./provider-roles.ts";
import { rowsCheck, valuesOf } from "./rows-check.ts";
import { isCreatorsMembership } from "./user-objects.ts";

/** Before 16 a role that makes roles may grant all of them anyway, which is ROL-003. */
const sql = (major: number): string => `
  with passed_on as (
    select distinct m.roleid, m.grantor from pg_catalog.pg_auth_members as m
  )
  select pg_catalog.quote_ident(g.rolname) || ' <- ' || pg_catalog.quote_ident(r.rolname) as object,
         g.rolname as role,
         r.rolname as member,
         b.rolname as grantor,
         pg_catalog.quote_ident(b.rolname) as shown_grantor,
         ${major >= 16} as by_grantor,
         p.roleid is not null as is_passed_on
    from pg_catalog.pg_auth_members as m
    join pg_catalog.pg_roles as r on r.oid = m.member
    join pg_catalog.pg_roles as g on g.oid = m.roleid
    left join pg_catalog.pg_roles as b on b.oid = m.grantor
    left join passed_on as p on p.roleid = m.roleid and p.grantor = m.member
   where m.admin_option
     and r.rolcanlogin
     and not r.rolsuper
     and not (${major < 16} and r.rolcreaterole)
     and not ${isCreatorsMembership(major)}
     and ${notOfProvider("r.rolname")}
   order by 1, 4`;

export default rowsCheck({
  id: "ROL-018",
  title: "login has ADMIN OPTION on a role",
  severity: "medium",
  why:
    "Whoever may grant a role decides who else has its privileges, and from 16 on gives it to itself with any option. " +
    "Access then spreads without anybody in charge of it.",
  remedy: "Revoke the ADMIN OPTION, and let one role that is used for nothing else administer memberships.",
  limits:
    "The membership that a server from 16 on gives to the creator of a role is left out; before 16, so are roles with " +
    "CREATEROLE, which is ROL-003.",
  references: { manual: ["Role Membership"] },
  scope: "cluster",
  sql,
  found: (rows) => ({
    detail: `ADMIN OPTION, granted by ${valuesOf(rows, "shown_grantor").join(", ")}`,
    fix: {
      kind: "sql",
      sql: rows.map(revokeAdminOption),
      risk: "medium",
      riskReason: "memberships that the login granted to others go as well from 16 on",
    },
  }),
});

function revokeAdminOption({
  role,
  member,
  grantor,
  by_grantor: byGrantor,
  is_passed_on: isPassedOn,
}: TextRow): string {
  const statement = `revoke admin option for ${ident(role ?? "")} from ${ident(member ?? "")}`;
  if (byGrantor !== "t") return statement;
  return `${statement} granted by ${ident(grantor ?? "")}${isPassedOn === "t" ? " cascade" : ""}`;
}
