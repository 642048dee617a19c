/** PRV-027: grants to roles that nobody can use. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isCreatorsMembership, isUserSchema } from "./user-objects.ts";

/** A role is of use to a login that is in it, directly or through others. Having created it does not count. */
const sql = (major: number): string => `
  with recursive usable as (
    select r.oid from pg_catalog.pg_roles as r where r.rolcanlogin
     union
    select m.roleid
      from usable
      join pg_catalog.pg_auth_members as m on m.member = usable.oid
     where not ${isCreatorsMembership(major)}
  ), lists as (
    select c.relacl, c.relowner, pg_catalog.count(*) as relations
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
     where c.relacl is not null
       and ${isUserSchema()}
     group by c.relacl, c.relowner
  )
  select pg_catalog.quote_ident(r.rolname) as object,
         'privileges on ' || pg_catalog.sum(l.relations) || ' tables or views; the role cannot log in and no login ' ||
         'is a member' as detail
    from lists as l
   cross join lateral (select distinct x.grantee from pg_catalog.aclexplode(l.relacl) as x) as a
    join pg_catalog.pg_roles as r on r.oid = a.grantee
   where a.grantee <> l.relowner
     and r.rolname !~ '^pg_'
     and ${notOfProvider("r.rolname")}
     and not exists (select from usable as u where u.oid = r.oid)
   group by r.rolname
   order by 1`;

export default queryCheck({
  id: "PRV-027",
  title: "privileges are granted to a role that nobody can use",
  severity: "low",
  why:
    "Such grants do nothing today and everything on the day somebody is added to the role or gives it a login: an old " +
    "team's rights come back without a GRANT.",
  remedy: "Drop the role with its privileges, or say what it is for.",
  limits: "The membership that a server from 16 on gives to the creator of a role does not count as use.",
  references: { manual: ["Role Membership", "Dropping Roles"] },
  sql,
  found: () => ({
    fix: {
      kind: "words",
      text: "when nobody waits for the role: DROP OWNED BY in each database, which revokes its privileges, then DROP ROLE",
    },
  }),
});
