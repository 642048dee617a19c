/** ACC-001: the database is not as its access model says. */
import { defineCheck } from "../../check.ts";

export default defineCheck({
  id: "ACC-001",
  title: "rights differ from the access model",
  severity: "medium",
  why:
    "The model is what was reviewed. A right that the database has beyond it was given by hand and is nobody's decision; one that is " +
    "missing will break something at the next deploy.",
  remedy:
    "Run pgkeep access plan to see the statements, then pgkeep access apply, or take the difference into the model.",
  limits: "Asked only with a model (audit.model in pgkeep.yaml, or --model).",
  references: { stig: ["least privilege"], other: ["pgkeep: access models"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const text = "pgkeep access plan shows the statements that bring the database to its model.";
    const details = new Map<string, string[]>();
    for (const { object, detail } of await facts.drift()) details.set(object, [...(details.get(object) ?? []), detail]);
    return [...details].map(([object, all]) => ({ object, detail: all.join("; "), fix: { kind: "words", text } }));
  },
});
