/** PRV-012: applications hold privileges that belong to owners. */
import { grantsCheck, RELATIONS } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const ENTRY = `a.privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES', 'MAINTAIN')
        and a.grantee not in (0, c.relowner)`;
const WHERE = `c.relkind in ('r', 'p')
     and not e.rolsuper
     and ${notOfProvider("e.rolname")}
     and ${isUserSchema()}
     and ${isOutsideExtensions("pg_class", "c.oid")}`;

export default grantsCheck({
  id: "PRV-012",
  title: "role has privileges that only owners need",
  severity: "medium",
  why:
    "GRANT ALL also gives TRUNCATE, which empties a table past row level security and delete triggers, TRIGGER, by which " +
    "the role's code runs with the rights of whoever writes, and REFERENCES, which tells about values.",
  remedy: "Grant an application SELECT, INSERT, UPDATE and DELETE, and no more.",
  limits: "PUBLIC is PRV-007. Members of extensions are left out.",
  references: { manual: ["Privileges"] },
  grants: () => [{ source: RELATIONS, entry: ENTRY, where: WHERE }],
  perGrantee: true,
  detail: ({ privileges }) => privileges.join(", "),
  risk: "medium",
  riskReason: "jobs that empty tables or create triggers and foreign keys as this role stop",
});
