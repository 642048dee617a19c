/** Logins that need no credential: a "trust" line of pg_hba.conf that decides for a role and this database. */
import { defineEdgeRule } from "../edge-rule.ts";
import { ANYBODY, being, gate } from "../graph.ts";
import { decidingRule } from "../hba.ts";

export default defineEdgeRule({
  name: "network",
  summary: "A trust line of pg_hba.conf lets anybody who reaches the server log in as the role.",
  *edges({ snapshot, facts, holders }) {
    for (const rule of facts.hba ?? []) {
      if (rule.method !== "trust") continue;
      const line = gate(`line ${rule.line} of pg_hba.conf`);
      const where = rule.address === undefined ? "from the server's own machine" : `from ${rule.address}`;
      yield {
        from: ANYBODY,
        to: line,
        evidence: `line ${rule.line} of pg_hba.conf asks for no password ${where} (${rule.type}, trust)`,
        remove: `select pg_catalog.pg_reload_conf() -- once line ${rule.line} of pg_hba.conf says scram-sha-256 in place of trust`,
      };
      for (const { name, login } of snapshot.roles.values()) {
        const attempt = { role: name, database: snapshot.database, holders };
        if (!login || decidingRule(facts.hba ?? [], rule, attempt) !== rule) continue;
        yield { from: line, to: being(name), evidence: `that line lets "${name}" in` };
      }
    }
  },
});
