/** What operations that apply a plan say while they run and at the end. */
import type { ProgressEvent } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { effectOf, isPlanDocument } from "../../operations/access/plan-document.ts";
import type { View } from "../renderer.ts";
import {
  type PlanText,
  planFooting,
  planHeading,
  planLines,
  type StatementText,
  warningLines,
} from "./access-plan-text.ts";

interface AppliedText {
  database: string;
  outcome: string;
  plan: PlanText;
  applied: readonly StatementText[];
  notices: readonly { n: number; severity: string; code: string; message: string }[];
  passwords_set: readonly string[];
  remaining: readonly StatementText[];
  leftovers: readonly { role: string; object: string; privilege: string; paths: readonly string[] }[];
}

const planText = (plan: PlanText, view: View): string[] => [
  planHeading(plan),
  ...planLines(plan, view, effectOf),
  ...warningLines(plan.warnings),
  ...planFooting(plan),
];

/** The plan when nothing was run; else what the server warned of and what is left. */
export function appliedText(output: AppliedText, view: View): string {
  if (output.outcome === "not applied") return `${planText(output.plan, view).join("\n")}\n`;
  const warned = output.notices.filter(({ severity }) => severity === "WARNING");
  const lines = [
    ...planLines({ ...output.plan, statements: output.applied, blocked: output.plan.blocked }, view, effectOf),
    ...warned.map(({ n, code, message }) => `warning ${code} of statement ${n}: ${tameLine(message)}`),
    ...warningLines(output.plan.warnings),
    ...output.remaining.map(({ sql }) => `still to do: ${tameLine(sql)}`),
    ...output.leftovers.flatMap(({ role, object, privilege, paths }) => [
      `role "${tameLine(role)}" can still ${privilege} ${tameLine(object)}:`,
      ...paths.map((path) => `  by ${tameLine(path)}`),
    ]),
  ];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

export function applyProgress(event: ProgressEvent, view: View): string | undefined {
  switch (event.type) {
    case "access.approval_needed":
      return isPlanDocument(event.plan) ? planText(event.plan, view).join("\n") : undefined;
    case "access.statement_done":
      return view.verbose
        ? `  ${event.n} of ${event.of}  ${tameLine(String(event.kind))} ${tameLine(String(event.object))}`
        : undefined;
    case "access.checking":
      return view.verbose ? "looking at the database again before the commit" : undefined;
    case "access.retry":
      return `another session changed the same roles or objects; starting again (${event.attempt})`;
    case "access.replanned":
      return "the database changed meanwhile; planned again";
    default:
      return undefined;
  }
}

export function appliedSummary({ database, outcome, applied, plan }: AppliedText, view: View): string {
  const name = tameLine(database);
  const mark = view.ascii ? "ok" : "✓";
  switch (outcome) {
    case "nothing to do":
      return `${mark} ${name}: as the model says, nothing to do`;
    case "not applied":
      return `${name}: nothing was changed (${plan.statements.length > 0 || plan.blocked.length === 0 ? "--dry-run" : "all of it is blocked"})`;
    case "done by another run":
      return `${mark} ${name}: another run had done it`;
    case "applied":
      return `${mark} ${name}: ${applied.length === 1 ? "1 statement" : `${applied.length.toLocaleString("en-US")} statements`} applied, looked at again, committed${plan.blocked.length > 0 ? `; ${plan.blocked.length} blocked` : ""}`;
    default:
      return `${view.ascii ? "FAILED" : "✗"} ${name}: committed, but not as planned`;
  }
}
