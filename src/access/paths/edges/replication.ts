/** REPLICATION copies the whole cluster, every database and pg_authid with it, where pg_hba.conf lets it in. */
import { ident } from "../../../pg/identifiers.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, goal } from "../graph.ts";
import { admits } from "../hba.ts";

export default defineEdgeRule({
  name: "replication",
  summary: "A role with REPLICATION can copy the whole cluster.",
  *edges({ snapshot, facts, holders }) {
    for (const { name, replication, superuser } of snapshot.roles.values()) {
      if (!replication || superuser) continue;
      const rule = facts.hba?.find((line) => admits(line, { role: name, database: "replication", holders }));
      // Every line was read and none lets it in.
      if (facts.hba && !rule) continue;
      yield {
        from: being(name),
        to: goal("replication"),
        evidence: rule
          ? `"${name}" has REPLICATION, and line ${rule.line} of pg_hba.conf lets it replicate`
          : `"${name}" has REPLICATION`,
        ...(rule
          ? {}
          : { strength: "conditional" as const, condition: "pg_hba.conf lets it in, which could not be read" }),
        remove: `alter role ${ident(name)} noreplication`,
      };
    }
    yield { from: goal("replication"), to: goal("secrets"), evidence: "a copy of the cluster holds pg_authid" };
  },
});
