/** A fix plan and what became of it, as text, as a script for psql and as lines of postgresql.conf. */
import type { ScriptStep } from "../../audit/fix/script.ts";
import { scriptStepOf } from "../../operations/audit/fix-document.ts";
import type { FixDocument } from "../../operations/audit/fixing.ts";
import type operation from "../../operations/audit.fix.ts";
import { defineRenderer } from "../renderer.ts";
import { fixedLines, fixPlanLines, fixSummary } from "./audit-fix-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

const isFixDocument = (value: unknown): value is FixDocument =>
  typeof value === "object" && value !== null && "steps" in value && "summary" in value;

export default defineRenderer<Output>({
  result: (output, view) => {
    const isApplied = output.applied.length + output.failed.length > 0;
    const lines = isApplied ? fixedLines(output, view) : fixPlanLines(output, view);
    return `${lines.join("\n")}\n`;
  },
  progress: (event, view) => {
    if (event.type === "audit.approval_needed" && isFixDocument(event.plan)) {
      return fixPlanLines(safeOnly(event.plan), view).join("\n");
    }
    return event.type === "audit.fixes_applied" && view.verbose ? "the checks run again" : undefined;
  },
  summary: (output) => fixSummary(output),
  formats: {
    sql: async (output) => {
      if (!output) return "";
      const { fixScript } = await import("../../audit/fix/script.ts");
      return fixScript(stepsOf(output), output.database ?? undefined);
    },
    conf: async (output) => {
      if (!output) return "";
      const { confSnippet } = await import("../../audit/fix/script.ts");
      return confSnippet(stepsOf(output));
    },
  },
});

function stepsOf({ steps }: Output): ScriptStep[] {
  return steps.map(scriptStepOf);
}

/** The question is about these. */
function safeOnly(document: FixDocument): FixDocument {
  return { ...document, steps: document.steps.filter(({ is_safe }) => is_safe) };
}
