/** PRV-030: tablespaces that everybody may fill. */
import { type GrantSource, grantsCheck } from "./grants.ts";

const TABLESPACES: GrantSource = {
  kind: "'tablespace'",
  from: "pg_catalog.pg_tablespace as t",
  acl: "t.spcacl",
  owner: "t.spcowner",
  object: "pg_catalog.quote_ident(t.spcname)",
  name: "t.spcname",
};

export default grantsCheck({
  id: "PRV-030",
  title: "everybody may use a tablespace",
  severity: "low",
  scope: "cluster",
  why:
    "Any login that can create a table can put it on this disk and fill it. Fast or separate disks are usually there for " +
    "one purpose.",
  remedy: "Revoke CREATE from PUBLIC and grant it to the owners of what belongs there.",
  references: { manual: ["Tablespaces"] },
  grants: () => [{ source: TABLESPACES, entry: "a.grantee = 0" }],
  perGrantee: true,
  detail: () => "CREATE on the tablespace",
  risk: "low",
  riskReason: "objects that exist stay where they are; new ones need a grant",
});
