/** PRV-006: roles beside the owner may create schemas in a database. */
import { DATABASES, grantsCheck } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";

export default grantsCheck({
  id: "PRV-006",
  title: "role may create schemas in a database",
  severity: "high",
  scope: "cluster",
  why:
    'CREATE on a database makes schemas, one named like another login too, which "$user" puts first in that login\'s ' +
    "search_path. It also installs trusted extensions.",
  remedy: "Revoke it after the schemas exist, and keep it for the role that runs migrations.",
  limits:
    "Superusers and the database's owner are left out. A migration role may have it on purpose: waive it by name.",
  references: { manual: ["Schemas", "Privileges"] },
  grants: () => [
    {
      source: DATABASES,
      entry: "a.privilege_type = 'CREATE' and a.grantee <> d.datdba",
      where: `not coalesce(e.rolsuper, false)
     and ${notOfProvider("coalesce(e.rolname, '')")}`,
    },
  ],
  perGrantee: true,
  detail: () => "CREATE on the database",
  risk: "medium",
  riskReason: "the role cannot create schemas or install extensions any more, migrations included",
});
