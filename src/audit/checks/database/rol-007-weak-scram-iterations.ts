/** ROL-007: SCRAM verifiers that are too cheap to guess against. Only the count leaves the server. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(v.rolname) as object,
         'SCRAM verifier with ' || v.iterations || ' iterations' as detail
    from (select r.rolname,
                 pg_catalog.substring(r.rolpassword, '^SCRAM-SHA-256\\$([0-9]{1,10}):')::pg_catalog.int8 as iterations
            from pg_catalog.pg_authid as r) as v
   where v.iterations < 4096
     and ${notOfProvider("v.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-007",
  title: "stored password was hashed with too few rounds",
  severity: "low",
  why:
    "The number of rounds is what a stolen verifier costs per guess. Below 4,096, the least that the standard names, " +
    "guessing goes as many times faster.",
  remedy: "Set the password again with at least 4,096 iterations.",
  limits: "PostgreSQL itself always used 4,096 before 16; smaller counts come from verifiers made elsewhere.",
  references: { other: ["RFC 7677"], manual: ["Connections and Authentication"] },
  scope: "cluster",
  needs: ["pg_authid"],
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "set the password of this role again with scram_iterations at 4096 or more" },
  }),
});
