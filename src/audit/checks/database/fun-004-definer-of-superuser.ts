/** FUN-004: routines that lend a superuser's rights. */
import { grantsCheck, ROUTINES } from "./grants.ts";
import { IS_CALLABLE, IS_DEFINER } from "./routines.ts";

export default grantsCheck({
  id: "FUN-004",
  title: "SECURITY DEFINER routine of a superuser that others can call",
  severity: "high",
  why:
    "Every mistake in the routine's body is made with all rights: a name that can be hidden, text that becomes SQL, an " +
    "argument too many. Whoever may call it is that mistake away from the whole server.",
  remedy:
    "Give the routine to a role with only the rights that it needs, and grant EXECUTE by name. Until then, take EXECUTE " +
    "from whoever does not need it.",
  limits: "A wrapper that was reviewed is still reported: waive it by its signature. Trigger functions are left out.",
  references: { cis: ["4.5"], manual: ["CREATE FUNCTION"] },
  grants: () => [
    {
      source: ROUTINES,
      entry: "a.grantee <> p.proowner",
      where: `${IS_DEFINER}
     and ${IS_CALLABLE}
     and o.rolsuper
     and e.rolsuper is not true`,
    },
  ],
  perGrantee: true,
  detail: ({ grantee, owner }) => `${grantee} may run it as superuser ${owner}`,
  risk: "medium",
  riskReason: "callers that need it fail until they are granted EXECUTE by name",
});
