/** PRV-007: everybody may change data. */
import { COLUMNS, grantsCheck, RELATIONS } from "./grants.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const ENTRY = "a.grantee = 0 and a.privilege_type <> 'SELECT'";
const WHERE = `${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}`;

export default grantsCheck({
  id: "PRV-007",
  title: "everybody may change data",
  severity: "high",
  why:
    "PUBLIC is every login, those of later years included. Any of them can insert, update, delete or empty here, or hang a " +
    "trigger on the table that runs with the writer's rights.",
  remedy: "Revoke it from PUBLIC and grant it to the roles that write.",
  limits: "Tables, views, sequences and single columns; members of extensions are left out.",
  references: { cis: ["4.6"], manual: ["Privileges"] },
  grants: () => [
    { source: RELATIONS, entry: ENTRY, where: WHERE },
    { source: COLUMNS, entry: ENTRY, where: WHERE },
  ],
  detail: ({ privileges }) => `PUBLIC has ${privileges.join(", ")}`,
  risk: "medium",
  riskReason: "roles that have no grant of their own stop writing",
});
