/** PRC-005: roles that may switch the logging of statements off, and nobody said that they should. */
import { ident } from "../../../pg/identifiers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

const SQL = `
  select case a.grantee when 0 then 'public' else pg_catalog.quote_ident(r.rolname) end as object,
         coalesce(r.rolname, '') as name
    from pg_catalog.pg_parameter_acl as p
   cross join lateral pg_catalog.aclexplode(p.paracl) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
   where p.parname = 'log_statement'
     and a.privilege_type = 'SET'
     and not coalesce(r.rolsuper, false)
   group by a.grantee, r.rolname
   order by 1`;

export default defineCheck({
  id: "PRC-005",
  title: "role can change log_statement but nothing declares it",
  severity: "medium",
  why:
    "A deploy may need the right, to keep role passwords out of the log for a moment. In any other hands it lets somebody hide " +
    "what he does next.",
  remedy: "Name the deploy's role under audit.deploy_roles in pgkeep.yaml, and take the right from every other.",
  limits: "PRV-015 lists declared roles too. Before 15 the right could not be granted.",
  references: { manual: ["GRANT: on parameters"], stig: ["protection of audit settings"] },
  since: 15,
  scope: "cluster",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const declared = new Set(facts.declared.deployRoles);
  const rows = await facts.query(SQL);
  return rows
    .filter(({ name }) => name === "" || !declared.has(name ?? ""))
    .map(({ object, name }) => ({
      object: object ?? "",
      detail: "may set log_statement and is no declared deploy role",
      fix: {
        kind: "revoke",
        on: "parameter",
        object: "log_statement",
        privileges: ["SET"],
        from: name ?? "",
        sql: `revoke set on parameter log_statement from ${name ? ident(name) : "public"}`,
        risk: "medium",
        riskReason: "a deploy that sets it fails",
      },
    }));
}
