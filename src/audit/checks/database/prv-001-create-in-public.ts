/** PRV-001: everybody may create objects in schema public. */
import { grantsCheck, SCHEMAS } from "./grants.ts";

export default grantsCheck({
  id: "PRV-001",
  title: "everybody may create objects in schema public",
  severity: "high",
  why:
    "Any login can put a function or table into the schema that most statements search, under the name of one that others " +
    "use. The next session that calls it, a superuser's too, runs foreign code with its own rights.",
  remedy:
    "Revoke CREATE from PUBLIC as a superuser or as the owner of the schema. Up to PostgreSQL 14 that owner is not the owner " +
    "of the database, whose REVOKE only warns and changes nothing.",
  limits: "The default up to PostgreSQL 14, which upgraded databases keep. USAGE alone is no finding.",
  references: { cis: ["4.10"], manual: ["Schemas"], other: ["CVE-2018-1058"] },
  grants: () => [
    { source: SCHEMAS, entry: "a.grantee = 0 and a.privilege_type = 'CREATE'", where: "n.nspname = 'public'" },
  ],
  detail: ({ owner }) => `PUBLIC has CREATE; the schema belongs to ${owner}`,
  risk: "medium",
  riskReason: ({ owner }) =>
    `applications that create objects here stop; only ${owner}, its members and superusers can revoke it`,
});
