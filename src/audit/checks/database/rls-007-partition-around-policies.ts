/** RLS-007: children of protected tables that can be read directly. */

import { COLUMNS, type GrantSource, grantsCheck, RELATIONS } from "./grants.ts";
import { isUserSchema } from "./user-objects.ts";

/** Every table below one with row security, and the nearest names of those above. */
const BELOW = `(
      with recursive below as (
        select i.inhrelid as oid, i.inhparent as above
          from pg_catalog.pg_inherits as i
          join pg_catalog.pg_class as k on k.oid = i.inhparent
         where k.relrowsecurity
         union
        select i.inhrelid, b.above
          from below as b
          join pg_catalog.pg_inherits as i on i.inhparent = b.oid
      )
      select distinct b.oid from below as b)`;

const under = (source: GrantSource) => ({
  source,
  entry: "a.grantee <> c.relowner and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
  where: `c.oid in ${BELOW}
     and not c.relrowsecurity
     and e.rolsuper is not true
     and e.rolbypassrls is not true
     and ${isUserSchema()}`,
});

export default grantsCheck({
  id: "RLS-007",
  title: "partition or child table can be used around its parent's policies",
  severity: "high",
  why:
    "Policies of a table hold only for statements that name it. Whoever has rights on a partition itself reads and " +
    "writes its rows as if there were no policy.",
  remedy: "Revoke rights on the children: queries through the parent need none. Or enable row security on them too.",
  limits: "Followed down through partitions of partitions.",
  references: { manual: ["Row Security Policies", "Table Partitioning"] },
  grants: () => [under(RELATIONS), under(COLUMNS)],
  perGrantee: true,
  detail: ({ privileges }) => `${privileges.join(", ")} on a table below one with row security, which has none itself`,
  risk: "medium",
  riskReason: "statements that name the child instead of its parent fail",
});
