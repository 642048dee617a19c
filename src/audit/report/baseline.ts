/**
 * A baseline: the findings that were there when somebody began to look, so that a pipeline fails for new ones alone.
 *
 * It holds fingerprints, which decide, and beside them the names that a reviewer reads. A whole saved audit serves as well.
 */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { AuditDocument } from "./document.ts";
import { parseSavedRun, readJsonFile } from "./saved-run.ts";

const FORMAT = 1;

const FINGERPRINT = /^[0-9a-f]{16}$/;

/** The text of a baseline file with the failed findings of `run`. Waived ones are not in it: their waiver ends some day. */
export function baselineText({ observed_at, target, findings }: AuditDocument): string {
  const failed = findings.filter(({ status }) => status === "fail");
  const baseline = {
    pgkeep_baseline: FORMAT,
    created_at: observed_at,
    target: target && `${target.host}:${target.port}/${target.database}`,
    findings: failed.map(({ fingerprint, check, severity, database, object }) => ({
      fingerprint,
      check,
      severity,
      database,
      object,
    })),
  };
  return `${JSON.stringify(baseline, null, 2)}\n`;
}

/** The fingerprints of the baseline, or of the saved audit, at `path`. Throws CONFIG_FILE_INVALID. */
export async function loadBaseline(path: string, name: string, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const value = await readJsonFile(path, name, signal);
  if (typeof value !== "object" || value === null || !("pgkeep_baseline" in value)) {
    const { findings } = await parseSavedRun(value, name);
    return new Set(findings.map(({ fingerprint }) => fingerprint));
  }
  if (value.pgkeep_baseline !== FORMAT) throw invalid(name, "was written by another version");
  const fingerprints = "findings" in value && Array.isArray(value.findings) ? value.findings.map(fingerprintIn) : [];
  if (!("findings" in value) || fingerprints.includes(undefined)) throw invalid(name, "is damaged");
  return new Set(fingerprints.flatMap((each) => each ?? []));
}

function fingerprintIn(finding: unknown): string | undefined {
  if (typeof finding !== "object" || finding === null || !("fingerprint" in finding)) return undefined;
  const { fingerprint } = finding;
  return typeof fingerprint === "string" && FINGERPRINT.test(fingerprint) ? fingerprint : undefined;
}

function invalid(name: string, reason: string): PgkeepError {
  return new PgkeepError("CONFIG_FILE_INVALID", `baseline "${tameLine(name)}" ${reason}`, {
    file: name,
    hint: "Write it again: pgkeep audit baseline FILE",
    state: "nothing was started",
  });
}
