/**
 * From the findings of an audit to their cure: plan, ask, apply, audit again.
 *
 * Findings are never taken from a report that somebody kept: the audit runs here, its plan is compared with the server
 * once more when somebody has said yes, and after everything was applied the same checks run again. What was done is known
 * at every moment, and what undoes it is written before the first change.
 */
import { resolve } from "node:path";
import type { CuredFinding } from "../../audit/fix/plan.ts";
import { type Consent, namedChecks } from "../../audit/fix/safe.ts";
import { undoScript } from "../../audit/fix/script.ts";
import { settingLines } from "../../audit/fix.ts";
import type { AuditReport, ReportedFinding } from "../../audit/report/report.ts";
import { readOnlyLoss } from "../../audit/run/lost.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { checkOutputFile } from "../../config/output-file.ts";
import { serverOf } from "../server/connect.ts";
import type { AuditInput } from "./audit-input.ts";
import { auditReport } from "./auditing.ts";
import { applyAll, type Done, refusalOf, withAccount } from "./fix-applying.ts";
import { type FixOutcome, scoreDocument, stepDocument } from "./fix-document.ts";
import { type FixPlan, fixPlanOf } from "./fix-planning.ts";

export interface FixInput extends AuditInput {
  apply?: boolean | undefined;
  yes?: boolean | undefined;
  dryRun?: boolean | undefined;
  maxRisk?: Consent["maxRisk"] | undefined;
  saveUndo?: string | undefined;
}

/** Plans and, when asked to, applies. Throws AUDIT_FIX_UNAPPROVED, AUDIT_FIX_STALE, CANCELLED, and as auditReport does. */
export async function fixAudit(input: FixInput, context: OperationContext) {
  const undoFile = input.saveUndo && resolve(context.workingDirectory, input.saveUndo);
  if (undoFile) checkOutputFile(undoFile);
  const { report } = await auditReport(input, context);
  const server = report.target ? await serverOf(input, context) : undefined;
  if (input.apply && !server) throw withoutServer();
  const consent = { named: namedChecks(input.only ?? []), maxRisk: input.maxRisk ?? "low" };
  const plan = await fixPlanOf(report, server, consent).catch((error: unknown) => {
    throw readOnlyLoss(refusalOf(error, { when: "the fixes were planned", state: "nothing was changed" }));
  });
  const planned = documentOf(plan, { report, undoFile: null });
  const isEmpty = planned.summary.steps === 0;
  if (isEmpty) return planned;
  if (!input.apply) return { ...planned, outcome: "planned" as FixOutcome };
  const notApplied = { ...planned, outcome: "not applied" as FixOutcome };
  if (input.dryRun || planned.summary.safe === 0 || !server) return notApplied;
  await approve(notApplied, input, context);
  const done = await applyAll(plan, { server, context, undoFile });
  const { report: after } = await auditReport(input, context).catch((error: unknown) => {
    throw withAccount(error, { done, undoFile: input.saveUndo, database: plan.database });
  });
  const written = undoFile ? (input.saveUndo ?? null) : null;
  return afterwards(documentOf(plan, { report, undoFile: written }), { done, report, after, database: plan.database });
}

interface Looked {
  report: AuditReport;
  undoFile: string | null;
}

function documentOf({ database, steps }: FixPlan, { report, undoFile }: Looked) {
  const safe = steps.filter(({ byHand }) => byHand === undefined).length;
  return {
    database: database ?? null,
    outcome: "nothing to do" as FixOutcome,
    summary: {
      steps: steps.length,
      safe,
      by_hand: steps.length - safe,
      findings: steps.reduce((sum, { cures }) => sum + cures.length, 0),
      needs_restart: steps.some(({ effect }) => effect === "after a restart"),
    },
    steps: steps.map((step) => stepDocument(step, step.setting ? settingLines(step.setting) : [])),
    applied: [] as number[],
    failed: [] as { n: number; reason: string }[],
    before: scoreDocument(report.overall, failing(report).length),
    after: null as ReturnType<typeof scoreDocument> | null,
    cured: [] as CuredFinding[],
    not_cured: [] as CuredFinding[],
    appeared: [] as CuredFinding[],
    undo: null as string | null,
    undo_file: undoFile,
  };
}

export type FixDocument = ReturnType<typeof documentOf>;

function failing({ findings }: AuditReport): ReportedFinding[] {
  return findings.filter(({ status }) => status === "fail");
}

function withoutServer(): PgkeepError {
  return new PgkeepError("CONFIG_CONFLICT", "--apply needs a server, and only files were looked at", {
    hint: "Leave --hba, --ident and --conf out, or take the lines of the plan over by hand.",
    state: "nothing was changed",
  });
}

async function approve(document: FixDocument, { yes = false }: FixInput, { prompt, report }: OperationContext) {
  if (yes) return;
  const what = document.summary.safe === 1 ? "1 fix" : `${document.summary.safe} fixes`;
  if (!prompt) {
    throw new PgkeepError("AUDIT_FIX_UNAPPROVED", `applying ${what} was not approved`, {
      detail: "There is no terminal to ask at, and a piped answer is not read.",
      hint: "Look at them with pgkeep audit fix, then approve them with --yes.",
      state: "nothing was changed",
    });
  }
  report({ type: "audit.approval_needed", plan: document });
  if (await prompt.confirm(`Apply ${what}?`)) return;
  throw new PgkeepError("CANCELLED", "the fixes were not approved", { state: "nothing was changed" });
}

interface Afterwards {
  done: Done;
  report: AuditReport;
  after: AuditReport;
  database: string | undefined;
}

/** What the second audit says about each step that was done. */
function afterwards(document: FixDocument, { done, report, after, database }: Afterwards): FixDocument {
  const still = new Set(failing(after).map(({ fingerprint }) => fingerprint));
  const before = new Set(failing(report).map(({ fingerprint }) => fingerprint));
  // Without an answer elsewhere, in a database that is closed to the role, it can still be seen to be gone here.
  const places = new Map(report.findings.map((finding) => [finding.fingerprint, placeOf(finding)]));
  const unseen = new Set(after.unknowns.map(placeOf));
  const wanted = document.steps.filter(({ n }) => done.applied.includes(n)).flatMap(({ cures }) => cures);
  const isCured = ({ fingerprint }: CuredFinding): boolean =>
    !still.has(fingerprint) && !unseen.has(places.get(fingerprint) ?? "");
  const notCured = wanted.filter((finding) => !isCured(finding));
  const isWhole = notCured.length + done.failed.length === 0;
  return {
    ...document,
    outcome: isWhole ? "applied" : "applied, but not cured",
    applied: [...done.applied].sort((one, other) => one - other),
    failed: done.failed,
    after: scoreDocument(after.overall, still.size),
    cured: wanted.filter(isCured),
    not_cured: notCured,
    appeared: failing(after)
      .filter(({ fingerprint }) => !before.has(fingerprint))
      .map(({ check, title, severity, object, fingerprint }) => ({ check, title, severity, object, fingerprint })),
    undo: done.undo.length > 0 ? undoScript(done.undo, database) : null,
  };
}

function placeOf({ check, database }: { check: string; database: string | undefined }): string {
  return JSON.stringify([check, database]);
}
