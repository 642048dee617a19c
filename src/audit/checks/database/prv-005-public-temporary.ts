/** PRV-005: everybody may create temporary objects in a database. */
import { DATABASES, grantsCheck } from "./grants.ts";

export default grantsCheck({
  id: "PRV-005",
  title: "everybody may create temporary objects",
  severity: "low",
  scope: "cluster",
  why:
    "Temporary tables fill disk and the catalogs, and a temporary object is found before one of the same name by functions " +
    "whose search_path does not put pg_temp last.",
  remedy: "Revoke TEMPORARY from PUBLIC and grant it to the applications that use it.",
  limits: "The built-in default, counted as such. Template databases and the database postgres are left out.",
  references: { manual: ["Privileges"] },
  grants: () => [
    {
      source: DATABASES,
      entry: "a.grantee = 0 and a.privilege_type = 'TEMPORARY'",
      where: "d.datallowconn and not d.datistemplate and d.datname <> 'postgres'",
    },
  ],
  detail: () => "PUBLIC has TEMPORARY",
  risk: "medium",
  riskReason: "applications that use temporary tables need a grant of their own first",
});
