/** A plan of access as text and as a script for psql. */
import { shellWord } from "../../base/shell.ts";
import { effectOf, planOfDocument } from "../../operations/access/plan-document.ts";
import type operation from "../../operations/access.plan.ts";
import { defineRenderer } from "../renderer.ts";
import { planFooting, planHeading, planLines, type StatementText, warningLines } from "./access-plan-text.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

export default defineRenderer<Output>({
  result: (output, view) => {
    const lines = [
      planHeading(output),
      ...planLines(output, view, effectOfText),
      ...warningLines(output.warnings),
      ...planFooting(output),
    ];
    return `${lines.join("\n")}\n`;
  },
  summary: ({ model, statements, blocked }, { place = "" }) =>
    statements.length + blocked.length > 0
      ? `next: pgkeep access apply ${shellWord(model.file)}${place}        or  -o sql=plan.sql`
      : "the database is as the model says",
  formats: {
    sql: async (output) => {
      if (!output) return "";
      const { planScript } = await import("../../access/plan/script.ts");
      return planScript(planOfDocument(output));
    },
  },
});

/** The document's kinds are the planner's, as text. */
export function effectOfText({ kind, sql }: StatementText): string {
  return effectOf({ kind, sql });
}
