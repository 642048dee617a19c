/**
 * From the findings of an audit to their cure: plan, ask, apply, audit again.
 *
 * Findings are never taken from a report that somebody kept: the audit runs here, its plan is compared with the server
 * once more when somebody has said yes, and after everything was applied the same checks run again. What was done is known
 * at every moment, and what undoes it is written before the first change.
 */
import { resolve } from "node:path";
import { applyPlan } from "../../access/apply/apply.ts";
import { inspectFor } from "../../access/plan/inspect-for.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import {
  planRevocations,
  type RevocationFate,
  type RevocationRequest,
  revocationTargets,
} from "../../access/plan/revocations.ts";
import { actedAs, actingStatements, statementsBy } from "../../audit/fix/acting.ts";
import {
  applySettings,
  changedMeanwhile,
  readFixFacts,
  type SettingChange,
  settingUndos,
} from "../../audit/fix/apply-settings.ts";
import { enterFixSession } from "../../audit/fix/fix-session.ts";
import { type CuredFinding, type FixStep, fixSteps, NO_FACTS, settingsOf } from "../../audit/fix/plan.ts";
import { type Consent, namedChecks } from "../../audit/fix/safe.ts";
import { type UndoPart, undoScript } from "../../audit/fix/script.ts";
import { settingLines } from "../../audit/fix.ts";
import type { AuditReport, ReportedFinding } from "../../audit/report/report.ts";
import { readOnlyLoss } from "../../audit/run/lost.ts";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { checkOutputFile, writeOutputFile } from "../../config/output-file.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { maintenanceFor } from "../access/target.ts";
import { type Server, serverOf } from "../server/connect.ts";
import type { AuditInput } from "./audit-input.ts";
import { auditReport } from "./auditing.ts";
import { type FixOutcome, scoreDocument, stepDocument } from "./fix-document.ts";

const REASON = "an audit finding asks for it";

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
    throw readOnlyLoss(refusalOf(error, "the fixes were planned", "nothing was changed"));
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

/** The steps, and for each database the plan that takes privileges away. */
interface FixPlan {
  database: string | undefined;
  steps: readonly FixStep[];
  revocations: readonly DatabaseRevocations[];
}

interface Request extends RevocationRequest {
  /** Number of its step. */
  n: number;
}

interface DatabaseRevocations {
  database: string;
  requests: readonly Request[];
  plan: AccessPlan;
}

async function fixPlanOf(report: AuditReport, server: Server | undefined, consent: Consent): Promise<FixPlan> {
  if (!server) return { database: undefined, steps: fixSteps(report, NO_FACTS, consent), revocations: [] };
  const database = server.connection.database;
  const facts = await withSession(server, database, (session) => readFixFacts(session, settingsOf(report)));
  const steps = [...fixSteps(report, facts, consent)];
  const revocations: DatabaseRevocations[] = [];
  for (const [name, some] of revokesByDatabase(steps, database)) {
    const { requests, plan, changes } = await withSession(server, name, (session) => planFor(session, some));
    for (const [index, step] of steps.entries()) steps[index] = { ...step, ...changes.get(step.n) };
    if (requests.length > 0) revocations.push({ database: name, requests, plan });
  }
  return { database, steps, revocations };
}

function revokesByDatabase(steps: readonly FixStep[], database: string): Map<string, Request[]> {
  const byDatabase = new Map<string, Request[]>();
  for (const { n, revoke, database: own = database, byHand } of steps) {
    if (!revoke || byHand !== undefined) continue;
    const { on: kind, object, privileges, columns, from: role, grantOptionOnly: optionOnly, sql } = revoke;
    const some = byDatabase.get(own) ?? [];
    byDatabase.set(own, some);
    some.push({ n, kind, object, privileges, columns, role, optionOnly, sql });
  }
  return byDatabase;
}

/** What can be done here as a whole, with its statements, and why the rest cannot. */
async function planFor(session: Session, requests: readonly Request[]) {
  const snapshot = await inspectFor(revocationTargets(requests), session);
  const { fates } = await planRevocations(requests, snapshot, REASON);
  const changes = new Map([...fates].map(([request, fate]) => [request.n, changeBy(request, fate)]));
  const open = requests.filter(({ n }) => changes.get(n)?.byHand === undefined);
  const { plan } = await planRevocations(open, snapshot, REASON);
  return { requests: open, plan, changes };
}

/** What a step becomes when the planner has looked at it. */
function changeBy({ sql }: Request, fate: RevocationFate): Pick<FixStep, "sql" | "byHand"> {
  switch (fate.fate) {
    case "planned":
      // REVOKE takes what the acting role granted, so a script has to become each of them.
      return { sql: statementsBy(fate.actors, sql), byHand: undefined };
    case "blocked":
      return { sql: actingStatements(fate.sql), byHand: `it needs ${fate.needs}: ${fate.reason}` };
    case "nothing to do":
      return { sql: actingStatements(sql), byHand: "the planner finds nothing to take away there" };
  }
}

async function revocationsOf(session: Session, requests: readonly Request[]): Promise<AccessPlan> {
  const snapshot = await inspectFor(revocationTargets(requests), session);
  return (await planRevocations(requests, snapshot, REASON)).plan;
}

async function withSession<Result>(
  server: Server,
  database: string,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  await using session = await enterFixSession(server.open, database);
  return await work(session);
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

interface Applying {
  server: Server;
  context: OperationContext;
  undoFile: string | undefined;
}

interface Done {
  applied: number[];
  failed: { n: number; reason: string }[];
  undo: UndoPart[];
}

async function applyAll(plan: FixPlan, applying: Applying): Promise<Done> {
  const { server, context, undoFile } = applying;
  const changes = plan.steps.flatMap(({ n, setting, byHand }) =>
    setting && byHand === undefined ? [{ n, fix: setting, now: setting.now }] : [],
  );
  const main = server.connection.database;
  const undos = await withSession(server, main, async (session) => {
    requireUnchanged(await changedMeanwhile(session, changes));
    return changes.length > 0 ? await settingUndos(session, changes) : new Map<string, string>();
  });
  // Written first: who needs it after a crash needs it most.
  if (undoFile) writeOutputFile(undoFile, undoScript(plannedUndo(plan, undos), plan.database));
  const done: Done = { applied: [], failed: [], undo: [] };
  try {
    if (changes.length > 0) await applySettingSteps(changes, { undos, done, applying });
    for (const each of plan.revocations) await applyRevocations(each, { done, applying });
  } catch (error) {
    throw withAccount(error, { done, undoFile, database: plan.database });
  } finally {
    if (undoFile) writeOutputFile(undoFile, undoScript(done.undo, plan.database));
  }
  context.report({ type: "audit.fixes_applied", applied: done.applied.length, failed: done.failed.length });
  return done;
}

function plannedUndo(plan: FixPlan, undos: ReadonlyMap<string, string>): UndoPart[] {
  return [
    { database: undefined, sql: [...undos.values()], isSetting: true },
    ...plan.revocations.map(({ database, plan: { statements } }) => ({
      database,
      sql: inversesOf(statements),
      isSetting: false,
    })),
  ];
}

function requireUnchanged(names: readonly string[]): void {
  if (names.length === 0) return;
  throw new PgkeepError("AUDIT_FIX_STALE", "settings are not any more as the audit saw them", {
    detail: `Changed meanwhile: ${names.join(", ")}.`,
    hint: "Run pgkeep audit fix again and look at the new plan.",
    state: "nothing was changed",
  });
}

interface Step {
  done: Done;
  applying: Applying;
}

async function applySettingSteps(
  changes: readonly (SettingChange & { n: number })[],
  { undos, done, applying: { server, context } }: Step & { undos: ReadonlyMap<string, string> },
): Promise<void> {
  const { clock, signal } = context;
  const results = await withSession(server, server.connection.database, (session) =>
    applySettings(session, changes, { undos, clock, signal }),
  );
  for (const [index, { failure, undo }] of results.entries()) {
    const n = changes[index]?.n ?? 0;
    if (failure !== undefined) done.failed.push({ n, reason: failure });
    else done.applied.push(n);
    if (undo !== undefined) done.undo.push({ database: undefined, sql: [undo], isSetting: true });
  }
}

/** One transaction of one database, proved before its commit. Another database's failure is its own. */
async function applyRevocations(
  { database, requests, plan }: DatabaseRevocations,
  { done, applying: { server, context } }: Step,
): Promise<void> {
  const { signal, report } = context;
  try {
    const applied = await applyPlan({
      plan,
      approval: "plan",
      open: (name = database) => enterFixSession(server.open, name),
      maintenanceDatabase: maintenanceFor(server, database),
      replan: (session) => revocationsOf(session, requests),
      passwords: new Map(),
      signal,
      report,
    });
    done.applied.push(...requests.map(({ n }) => n));
    done.undo.push({ database, sql: inversesOf(applied.statements), isSetting: false });
  } catch (error) {
    if (!(error instanceof PgkeepError) || signal.aborted) throw error;
    done.failed.push(...requests.map(({ n }) => ({ n, reason: error.message })));
  }
}

/** In the order of the plan; as the role that granted it, where the plan ran as that role. */
function inversesOf(statements: AccessPlan["statements"]): string[] {
  const isBorrowed = statements.some(({ kind, sql }) => kind === "temporary" && sql.startsWith("grant "));
  let role: string | undefined;
  return statements.flatMap(({ kind, sql, inverse, role: actor }) => {
    if (kind === "temporary") {
      if (sql.startsWith("set role ")) role = actor;
      else if (sql === "reset role") role = undefined;
      return [];
    }
    if (inverse === undefined) return [];
    // Read from the end, as undo scripts are.
    return role === undefined || isBorrowed ? [inverse] : actedAs(role, inverse).reverse();
  });
}

interface Account {
  done: Done;
  undoFile: string | undefined;
  database: string | undefined;
}

/** What the server said against a statement of ours, where nothing else gives it a meaning. */
function refusalOf(error: unknown, when: string, state: string): unknown {
  if (!(error instanceof ServerError)) return error;
  return new PgkeepError("CONNECT_SERVER_REFUSED", `the server refused while ${when}`, {
    detail: `${tameLine(error.message)} (SQLSTATE ${error.sqlstate})`,
    hint: "Look into the server's log, then run pgkeep audit fix again.",
    state,
    cause: error,
  });
}

/** An interrupt or a lost connection after part of it was done: what that was, and what takes it back. */
function withAccount(cause: unknown, { done: { applied, undo }, undoFile, database }: Account): unknown {
  const error = refusalOf(cause, "fixes were applied", "settings may have been written and not loaded");
  if (applied.length === 0) return error;
  const parts = error instanceof PgkeepError ? error.parts : {};
  const code = error instanceof PgkeepError ? error.code : "COMMAND_INTERRUPTED";
  const script = undoScript(undo, database);
  const detail = undoFile === undefined ? [parts.detail, `What undoes it:\n${script}`] : [parts.detail];
  const where = undoFile === undefined ? "the detail" : tameLine(undoFile);
  return new PgkeepError(code, messageOf(error), {
    ...parts,
    hint: code === "CONNECT_LOST" ? "Run pgkeep audit fix again: it shows what is left to do." : parts.hint,
    detail: detail.filter((part) => part !== undefined).join("\n") || undefined,
    state: `steps ${applied.join(", ")} of the plan are applied and were not audited again; ${where} has what undoes them`,
    data: { applied, undo: script },
  });
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
