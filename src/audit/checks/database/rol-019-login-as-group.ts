/** ROL-019: logins that have members. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isCreatorsMembership } from "./user-objects.ts";

/**
 * The creator of a role (16+) may also have granted it to itself, by createrole_self_grant: that does not make a group of
 * it either.
 */
const creators = (major: number): string =>
  major < 16
    ? "false"
    : `(m.grantor = m.member and exists (
           select from pg_catalog.pg_auth_members as c
            where c.roleid = m.roleid and c.member = m.member and ${isCreatorsMembership(major, "c")}))`;

const sql = (major: number): string => `
  select pg_catalog.quote_ident(r.rolname) as object,
         'can log in and has ' || pg_catalog.count(distinct m.member) || ' member' ||
         case when pg_catalog.count(distinct m.member) = 1 then '' else 's' end as detail
    from pg_catalog.pg_auth_members as m
    join pg_catalog.pg_roles as r on r.oid = m.roleid
   where r.rolcanlogin
     and not ${isCreatorsMembership(major)}
     and not ${creators(major)}
     and ${notOfProvider("r.rolname")}
   group by r.rolname
   order by 1`;

export default queryCheck({
  id: "ROL-019",
  title: "login is used as a group",
  severity: "low",
  why:
    "Members act as a role that also has a password: what they do and what its own login does look the same in the log, " +
    "and its password cannot be ended without ending the group.",
  remedy: "Make a group with NOLOGIN, give it the privileges, and make the login a member like the others.",
  limits: "Memberships that a server from 16 on gives to the creator of a role do not count.",
  references: { manual: ["Role Membership"] },
  scope: "cluster",
  sql,
  found: () => ({
    fix: {
      kind: "words",
      text: "create a NOLOGIN role, move privileges and members to it, and keep the login for one person or service",
    },
  }),
});
