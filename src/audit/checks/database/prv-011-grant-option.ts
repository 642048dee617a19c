/** PRV-011: roles beside the owner may grant privileges on. */
import { type GrantSource, grantsCheck, RELATIONS, ROUTINES, SCHEMAS } from "./grants.ts";
import { notOfProvider } from "./provider-roles.ts";
import { isOutsideExtensions, isUserSchema } from "./user-objects.ts";

const onTo = (owner: string): string => `a.is_grantable and a.grantee not in (0, ${owner})`;
const HOLDER = `not e.rolsuper
     and ${notOfProvider("e.rolname")}
     and ${isUserSchema()}`;

const SCHEMA: GrantSource = { ...SCHEMAS, object: "'schema ' || pg_catalog.quote_ident(n.nspname)" };

export default grantsCheck({
  id: "PRV-011",
  title: "role may grant privileges on",
  severity: "medium",
  why:
    "WITH GRANT OPTION lets the role hand its privileges to anybody, PUBLIC included, and what it handed out stays unseen " +
    "by whoever reads the owner's grants only.",
  remedy: "Revoke the grant option; let the owner grant to every role that needs it.",
  limits: "Superusers and owners are left out, and so are members of extensions.",
  references: { manual: ["Privileges", "REVOKE"] },
  grants: () => [
    {
      source: RELATIONS,
      entry: onTo("c.relowner"),
      where: `${HOLDER} and ${isOutsideExtensions("pg_class", "c.oid")}`,
    },
    { source: SCHEMA, entry: onTo("n.nspowner"), where: HOLDER },
    { source: ROUTINES, entry: onTo("p.proowner"), where: `${HOLDER} and ${isOutsideExtensions("pg_proc", "p.oid")}` },
  ],
  perGrantee: true,
  grantOptionOnly: true,
  detail: ({ privileges }) => `may grant ${privileges.join(", ")}`,
  risk: "medium",
  riskReason: "what the role granted on goes with it",
});
