/** PRV-004: everybody may connect to a database. */
import { DATABASES, grantsCheck } from "./grants.ts";

export default grantsCheck({
  id: "PRV-004",
  title: "everybody may connect",
  severity: "low",
  scope: "cluster",
  why:
    "Every login of the cluster can enter, read the catalogs, see names and definitions and use whatever PUBLIC was " +
    "granted. With several applications on one cluster, each can look into the others.",
  remedy: "Revoke CONNECT from PUBLIC and grant it to the roles of the application.",
  limits: "The built-in default, counted as such. Template databases and the database postgres are left out.",
  references: { manual: ["Privileges"] },
  grants: () => [
    {
      source: DATABASES,
      entry: "a.grantee = 0 and a.privilege_type = 'CONNECT'",
      where: "d.datallowconn and not d.datistemplate and d.datname <> 'postgres'",
    },
  ],
  detail: () => "PUBLIC has CONNECT",
  risk: "high",
  riskReason: "logins without a grant of their own cannot connect any more: grant CONNECT to them first",
});
