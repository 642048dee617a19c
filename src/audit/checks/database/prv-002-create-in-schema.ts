/** PRV-002: everybody may create objects in a schema other than public. */
import { grantsCheck, SCHEMAS } from "./grants.ts";
import { isUserSchema } from "./user-objects.ts";

export default grantsCheck({
  id: "PRV-002",
  title: "everybody may create objects in a schema",
  severity: "high",
  why:
    "Any login can add functions, operators and tables that statements find by name when they search this schema, and fill " +
    "it with objects whose owner nobody expects.",
  remedy: "Revoke CREATE from PUBLIC and grant it to the role that runs migrations.",
  limits: "Schema public is PRV-001.",
  references: { manual: ["Schemas"] },
  grants: () => [
    {
      source: SCHEMAS,
      entry: "a.grantee = 0 and a.privilege_type = 'CREATE'",
      where: `${isUserSchema()} and n.nspname <> 'public'`,
    },
  ],
  detail: () => "PUBLIC has CREATE",
  risk: "medium",
  riskReason: "applications that create objects here stop",
});
