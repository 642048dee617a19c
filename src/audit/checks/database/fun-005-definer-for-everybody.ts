/** FUN-005: routines that lend their owner's rights to everybody. */
import { grantsCheck, ROUTINES } from "./grants.ts";
import { IS_CALLABLE, IS_DEFINER } from "./routines.ts";

export default grantsCheck({
  id: "FUN-005",
  title: "SECURITY DEFINER routine that everybody can call",
  severity: "medium",
  why:
    "A new routine may be executed by PUBLIC until somebody says otherwise. With SECURITY DEFINER that lends the owner's " +
    "rights to every role that can enter the database.",
  remedy: "Revoke EXECUTE from PUBLIC and grant it to the roles that call the routine.",
  limits: "Routines of superusers are FUN-004's. Trigger functions are left out: they cannot be called.",
  references: { cis: ["4.5"], manual: ["Writing SECURITY DEFINER Functions Safely"], other: ["splinter 0028"] },
  grants: () => [
    {
      source: ROUTINES,
      entry: "a.grantee = 0",
      where: `${IS_DEFINER}
     and ${IS_CALLABLE}
     and not o.rolsuper`,
    },
  ],
  detail: ({ owner }) => `every role may run it as ${owner}`,
  risk: "medium",
  riskReason: "callers that have it only through PUBLIC need EXECUTE by name first",
});
