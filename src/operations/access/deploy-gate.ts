/**
 * The access model as a gate of a deploy: what the project made must leave every role with what the model says, or
 * nothing of it is committed.
 *
 * The model is read before anything is created. Without one nothing here is loaded: a project that never heard of access
 * models deploys as ever. The database is the one deployed to, whatever name the model has, so that a disposable copy
 * passes the same gate.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AccessModel } from "../../access/model/model.ts";
import type { ProbeOutcome, VerifyCounts, VerifyReport } from "../../access/verify/probe.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import type { CommitGate } from "../../deploy/run/commit-gate.ts";
import type { Session } from "../../pg/session.ts";
import { probeSchema } from "./verify-document.ts";

/** Beside deploy.sql. */
const MODEL_BESIDE = "access.yaml";

/** 8 MiB, as much as a model may have. */
const MAX_LOOKED_AT = 8 * 1024 * 1024;

/** 8 probes or statements in the message; all of them are in the report. */
const MAX_NAMED = 8;

export interface GateRequest {
  /** The project's directory. */
  path: string;
  verifyAccess?: string | undefined;
  requireAccessClean?: boolean | undefined;
}

export interface AccessGate {
  hold: CommitGate;
  /** What the report gains. */
  result(): { access?: GateResult };
}

export interface GateResult {
  model: string;
  counts: VerifyCounts;
  /** Probes that failed or are unknown. */
  probes: ProbeOutcome[];
}

/** The part of a deploy's report that the gate adds. */
export function gateSchema(z: ZodNamespace) {
  const count = z.number().int().nonnegative();
  return {
    access: z
      .strictObject({
        model: z.string(),
        counts: z.strictObject({ pass: count, fail: count, unknown: count, computed: count }),
        probes: z.array(probeSchema(z)),
      })
      .optional()
      .meta({ description: "What the access model was held against, before the commit" }),
  };
}

/** The gate that was asked for; undefined: none. Throws ACCESS_MODEL_INVALID and what reading a file throws. */
export async function accessGateOf(request: GateRequest, context: OperationContext): Promise<AccessGate | undefined> {
  const file = await modelFileOf(request, context);
  if (file === undefined) return undefined;
  const { loadModel } = await import("./model-file.ts");
  const model = await loadModel(file, context);
  if (request.verifyAccess === undefined && !request.requireAccessClean && !model.gate) return undefined;
  let result: GateResult | undefined;
  const hold: CommitGate = async (session, signal) => {
    const verified = await heldAgainst(session, model, { request, signal, context });
    result = resultOf(verified);
    for (const note of verified.notes) context.report({ type: "warning", id: "access-gate", message: note });
    if (verified.counts.fail > 0) throw refusal(verified, result);
    const unanswered = verified.probes.filter(({ promised, result: answer }) => promised && answer === "unknown");
    if (unanswered.length > 0) throw unansweredPromises(unanswered, result);
    const { pass, computed, unknown } = verified.counts;
    context.report({ type: "deploy.access_held", pass, computed, unknown });
    if (unknown > 0) {
      const message = `${unknown} probes of the access model could not be answered; pgkeep access verify names them`;
      context.report({ type: "warning", id: "access-gate", message });
    }
  };
  return { hold, result: () => (result ? { access: result } : {}) };
}

async function modelFileOf(
  { path, verifyAccess, requireAccessClean }: GateRequest,
  context: OperationContext,
): Promise<string | undefined> {
  if (verifyAccess !== undefined) return verifyAccess;
  const beside = join(resolve(context.workingDirectory, path), MODEL_BESIDE);
  if (requireAccessClean) return beside;
  return (await mentionsGate(beside, context.signal)) ? beside : undefined;
}

/**
 * A file of that name may be anybody's: only one that speaks of a gate is read as a model. One that is there and cannot
 * be looked at may speak of a gate, so it counts as one, and reading it says why it cannot be read.
 */
async function mentionsGate(path: string, signal: AbortSignal): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_LOOKED_AT, followLink: true }, signal);
    return /(?:^|[\s{,])["']?gate["']?\s*:/m.test(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof FileRefusal) return true;
    throw error;
  }
}

interface Held {
  request: GateRequest;
  signal: AbortSignal;
  context: OperationContext;
}

/** Looks at the transaction that is about to be committed, as the role that logged in, and leaves it as it was. */
async function heldAgainst(session: Session, written: AccessModel, held: Held): Promise<VerifyReport> {
  const { inspectFor } = await import("../../access/plan/inspect-for.ts");
  const { verifyAccess } = await import("../../access/verify/verify.ts");
  await session.script("savepoint pgkeep_gate; set local role none; set local search_path = pg_catalog");
  try {
    const snapshot = await inspectFor(written, session);
    const model = { ...written, database: snapshot.database };
    if (held.request.requireAccessClean) await requireClean(model, snapshot);
    return await verifyAccess(
      session,
      { model, snapshot },
      {
        signal: held.signal,
        report: (event) => held.context.report(event),
      },
    );
  } finally {
    if (session.transactionStatus() !== "idle") {
      await session.script("rollback to savepoint pgkeep_gate; release savepoint pgkeep_gate");
    }
  }
}

async function requireClean(
  model: AccessModel,
  snapshot: Parameters<typeof import("../../access/plan/make-plan.ts")["makePlan"]>[1],
): Promise<void> {
  const { makePlan } = await import("../../access/plan/make-plan.ts");
  const plan = await makePlan(model, snapshot, { setPasswords: new Set() });
  const open = [...plan.statements, ...plan.blocked].map(({ sql }) => sql);
  if (open.length === 0) return;
  throw new PgkeepError("ACCESS_VERIFY_FAILED", "access is not as the model says", {
    detail: `${open.length} statements would make it so: ${named(open)}`,
    hint: "Let the project do it, or run: pgkeep access apply",
  });
}

function resultOf({ model, counts, probes }: VerifyReport): GateResult {
  const shown = probes.filter(({ result }) => result === "fail" || result === "unknown");
  return { model, counts, probes: shown };
}

function refusal({ counts, probes, model }: VerifyReport, access: GateResult): PgkeepError {
  const failed = probes.filter(({ result }) => result === "fail");
  const noun = counts.fail === 1 ? "probe" : "probes";
  return new PgkeepError(
    "ACCESS_VERIFY_FAILED",
    `${counts.fail} ${noun} of the access model failed before the commit`,
    {
      detail: named(failed.map(probeLine)),
      hint: `Grant in deploy.sql what is missing and revoke what is too much; pgkeep access plan ${tameLine(model)} shows the statements.`,
      data: { access },
    },
  );
}

/** What the file asks for by name has to be known; the rest may stay open where the role cannot look. */
function unansweredPromises(probes: readonly ProbeOutcome[], access: GateResult): PgkeepError {
  const noun = probes.length === 1 ? "probe" : "probes";
  return new PgkeepError(
    "ACCESS_VERIFY_UNKNOWN",
    `${probes.length} ${noun} that the access model asks for could not be answered`,
    {
      detail: named(
        probes.map(
          ({ role, action, object, reason }) => `${nameOf(role)}: ${action} ${object}, ${reason ?? "no answer"}`,
        ),
      ),
      hint: "Correct the names under verify in the model, or deploy as a role that may become the roles of the model.",
      data: { access },
    },
  );
}

const nameOf = (role: string): string => (role === "" ? "PUBLIC" : role);

function probeLine({ role, action, object, expected, actual }: ProbeOutcome): string {
  return `${nameOf(role)}: ${action} ${object} must be ${expected} and is ${actual ?? "unknown"}`;
}

function named(lines: readonly string[]): string {
  const rest = lines.length - MAX_NAMED;
  return `${lines.slice(0, MAX_NAMED).map(tameLine).join("; ")}${rest > 0 ? `; and ${rest} more` : ""}.`;
}
