/** RLS-008: privileges on protected tables that policies do not filter. */

import { grantsCheck, RELATIONS } from "./grants.ts";
import { isUserSchema } from "./user-objects.ts";

export default grantsCheck({
  id: "RLS-008",
  title: "TRUNCATE, REFERENCES or TRIGGER on a table under row security",
  severity: "high",
  why:
    "TRUNCATE empties rows that the role cannot see. REFERENCES tells by success or failure whether a key exists among " +
    "them, and a trigger is called with them.",
  remedy: "Revoke the three privileges from everybody but the table's owner.",
  references: { manual: ["Row Security Policies"] },
  grants: () => [
    {
      source: RELATIONS,
      entry: "a.grantee <> c.relowner and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')",
      where: `c.relrowsecurity
     and e.rolsuper is not true
     and ${isUserSchema()}`,
    },
  ],
  perGrantee: true,
  detail: ({ privileges }) => `${privileges.join(", ")}, which no policy filters`,
  risk: "low",
  riskReason: "jobs that empty the table or add foreign keys to it need its owner then",
});
