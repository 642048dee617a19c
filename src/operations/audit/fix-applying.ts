/**
 * Applies the plan of `audit fix`: settings first, then one transaction for each database.
 *
 * What undoes a change is written before the first one, and again when the last is done. Whatever ends it in between, the
 * error tells what is applied by then and what takes it back.
 */
import { applyPlan } from "../../access/apply/apply.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import { actedAs } from "../../audit/fix/acting.ts";
import { applySettings, changedMeanwhile, type SettingChange, settingUndos } from "../../audit/fix/apply-settings.ts";
import { enterFixSession } from "../../audit/fix/fix-session.ts";
import { type UndoPart, undoScript } from "../../audit/fix/script.ts";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { writeOutputFile } from "../../config/output-file.ts";
import { ServerError } from "../../pg/session.ts";
import { maintenanceFor } from "../access/target.ts";
import type { Server } from "../server/connect.ts";
import { type DatabaseRevocations, type FixPlan, revocationsOf, withSession } from "./fix-planning.ts";

interface Applying {
  server: Server;
  context: OperationContext;
  undoFile: string | undefined;
}

export interface Done {
  applied: number[];
  failed: { n: number; reason: string }[];
  undo: UndoPart[];
}

/** Throws AUDIT_FIX_STALE, and what interrupted it with an account of what was done. */
export async function applyAll(plan: FixPlan, applying: Applying): Promise<Done> {
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

/** An interrupt or a lost connection after part of it was done: what that was, and what takes it back. */
export function withAccount(cause: unknown, { done: { applied, undo }, undoFile, database }: Account): unknown {
  const error = refusalOf(cause, {
    when: "fixes were applied",
    state: "settings may have been written and not loaded",
  });
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

/** What the server said against a statement of ours, where nothing else gives it a meaning. */
export function refusalOf(error: unknown, { when, state }: { when: string; state: string }): unknown {
  if (!(error instanceof ServerError)) return error;
  return new PgkeepError("CONNECT_SERVER_REFUSED", `the server refused while ${when}`, {
    detail: `${tameLine(error.message)} (SQLSTATE ${error.sqlstate})`,
    hint: "Look into the server's log, then run pgkeep audit fix again.",
    state,
    cause: error,
  });
}
