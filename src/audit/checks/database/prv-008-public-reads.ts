/** PRV-008: everybody may read data. */
import { COLUMNS, grantsCheck, RELATIONS } from "./grants.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const ENTRY = "a.grantee = 0 and a.privilege_type = 'SELECT'";
const WHERE = `${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}`;

export default grantsCheck({
  id: "PRV-008",
  title: "everybody may read data",
  severity: "medium",
  why:
    "PUBLIC is every login, those of later years included: a login made for one table reads this one as well. Grants to " +
    "PUBLIC on single columns are easily overlooked.",
  remedy: "Revoke it from PUBLIC and grant it to the roles that read.",
  limits: "Reference data may be meant for everybody: waive it by name. Members of extensions are left out.",
  references: { cis: ["4.6"], manual: ["Privileges"] },
  grants: () => [
    { source: RELATIONS, entry: ENTRY, where: WHERE },
    { source: COLUMNS, entry: ENTRY, where: WHERE },
  ],
  detail: () => "PUBLIC has SELECT",
  risk: "medium",
  riskReason: "roles that have no grant of their own stop reading",
});
