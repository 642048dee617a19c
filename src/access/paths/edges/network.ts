/** Logins that need no credential: a "trust" line of pg_hba.conf that decides for a role and this database. */
import { defineEdgeRule } from "../edge-rule.ts";
import { ANYBODY, being } from "../graph.ts";
import { decidingRule } from "../hba.ts";

export default defineEdgeRule({
  name: "network",
  summary: "A trust line of pg_hba.conf lets anybody who reaches the server log in as the role.",
  *edges({ snapshot, facts, holders }) {
    for (const rule of facts.hba ?? []) {
      if (rule.method !== "trust") continue;
      const where = rule.address === undefined ? "the server's own machine" : rule.address;
      for (const { name, login } of snapshot.roles.values()) {
        const attempt = { role: name, database: snapshot.database, holders };
        if (!login || decidingRule(facts.hba ?? [], rule, attempt) !== rule) continue;
        yield {
          from: ANYBODY,
          to: being(name),
          evidence: `line ${rule.line} of pg_hba.conf lets "${name}" in from ${where} without a password (${rule.type}, trust)`,
        };
      }
    }
  },
});
