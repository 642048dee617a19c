/**
 * One audit, from flags and configuration to the report: for `audit`, `audit fix` and whatever else needs one.
 *
 * Flags win over the block `audit:` of pgkeep.yaml. The operation combines what the audit's own layer may not: the access
 * model, whose drift is a check, comes from src/access.
 */
import { resolve } from "node:path";
import { readVersionTable } from "../../audit/data/read-version-table.ts";
import { isStale } from "../../audit/data/version-table.ts";
import { VERSION_TABLE } from "../../audit/data/versions.ts";
import { readAuditConfig } from "../../audit/facts/read-declarations.ts";
import type { Severity } from "../../audit/ratings.ts";
import { assembleReport } from "../../audit/report/assemble.ts";
import type { AuditReport } from "../../audit/report/report.ts";
import { type Choice, type ChosenCheck, chooseChecks, strangeWords } from "../../audit/run/run-audit.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { loadSettings } from "../../config/settings.ts";
import { acceptedOf } from "./accepted.ts";
import { type AuditInput, judgesFiles } from "./audit-input.ts";
import { liveRun } from "./live.ts";
import { offlineRun } from "./offline.ts";

export interface Audited {
  report: AuditReport;
  /** The threshold of the configuration. */
  failOn: Severity;
  /** Whether runs leave a record. */
  recordsRuns: boolean;
}

/** Runs the audit that `input` asks for. Throws CONFIG_..., CONNECT_... before anything could be checked. */
export async function auditReport(input: AuditInput, context: OperationContext): Promise<Audited> {
  const { workingDirectory, environment, clock } = context;
  const settings = await loadSettings({
    workingDirectory,
    environment,
    config: input.config,
    env: input.env,
    instead: context.settings,
  });
  const configured = readAuditConfig(settings.audit);
  const profile = input.profile ?? configured.profile ?? "default";
  const checks = await chosenChecks({ profile, only: input.only ?? [] });
  const places = { waivers: configured.waivers, file: settings.audit.file };
  const accepted = await acceptedOf(input, places, context);
  const startedMs = clock.monotonicMs();
  const model = input.model === undefined ? configured.model : resolve(workingDirectory, input.model);
  const observedAt = clock.now();
  const { declared } = configured;
  const versions = configured.versions ? await readVersionTable(configured.versions, observedAt) : VERSION_TABLE;
  const choice = { checks, profile, declared, versions, model };
  const run = judgesFiles(input) ? await offlineRun(input, context, choice) : await liveRun(input, context, choice);
  const report = assembleReport({
    ...run,
    ...accepted,
    profile,
    observedAt,
    durationMs: clock.monotonicMs() - startedMs,
    data: { date: versions.date, isStale: isStale(versions, observedAt) },
  });
  return {
    report,
    failOn: configured.failOn ?? "high",
    recordsRuns: context.recordsRuns === true && settings.recordRuns?.value !== "false",
  };
}

/** Throws USAGE_ARGUMENTS when a word names no check: an audit of nothing would find nothing. */
async function chosenChecks(choice: Choice): Promise<readonly ChosenCheck[]> {
  const strange = strangeWords(choice.only);
  const checks = await chooseChecks(choice);
  if (strange.length === 0 && checks.length > 0) return checks;
  const asked = strange.length === 0 ? choice.only : strange;
  const what = strange.length === 0 ? `the profile ${choice.profile} leaves out` : "there is no check or pillar for";
  throw new PgkeepError("USAGE_ARGUMENTS", `${what} what --only names`, {
    detail: `Asked for: ${asked.map((word) => tameLine(word)).join(", ")}.`,
    hint: `List them: pgkeep audit list --profile ${choice.profile}; several: --only ROL-001 --only network`,
    state: "nothing was started",
  });
}
