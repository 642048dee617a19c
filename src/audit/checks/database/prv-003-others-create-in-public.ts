/** PRV-003: roles beside the owners may create objects in schema public. */
import { grantsCheck, SCHEMAS } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";

const WHERE = `n.nspname = 'public'
     and not e.rolsuper
     and ${notOfProvider("e.rolname")}
     and a.grantee <> (select d.datdba from pg_catalog.pg_database as d
                        where d.datname = pg_catalog.current_database())`;

export default grantsCheck({
  id: "PRV-003",
  title: "role may create objects in schema public",
  severity: "medium",
  why:
    "Schema public is on everybody's search_path, so what this role creates there can take the place of an object that " +
    "others mean. An application does not need it.",
  remedy: "Let migrations create objects in a schema of the application, and revoke CREATE here.",
  limits: "A migration role may have it on purpose: put it into the access model and waive it by name.",
  references: { manual: ["Schemas"] },
  grants: () => [{ source: SCHEMAS, entry: "a.privilege_type = 'CREATE' and a.grantee <> n.nspowner", where: WHERE }],
  perGrantee: true,
  detail: () => "CREATE on a schema that everybody searches",
  risk: "medium",
  riskReason: "the role cannot create objects in schema public any more, migrations included",
});
