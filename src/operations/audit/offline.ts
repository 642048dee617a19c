/**
 * An audit of configuration files without a server, as they would be on one: in a repository, before they are shipped.
 *
 * Checks that need a server take no part. They are not unknown, because nobody asked for a server; the report says that files
 * alone were judged.
 */
import { resolve } from "node:path";
import type { Profile } from "../../audit/check.ts";
import type { VersionTable } from "../../audit/data/version-table.ts";
import type { Declarations } from "../../audit/facts/declarations.ts";
import { NO_SERVER, offlineFacts } from "../../audit/facts/offline-facts.ts";
import type { CheckOutcome, CheckResult } from "../../audit/run/result.ts";
import type { ChosenCheck } from "../../audit/run/run-audit.ts";
import { runCheck } from "../../audit/run/run-check.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { AuditInput } from "./auditing.ts";
import type { AuditedRun } from "./live.ts";

interface OfflineChoice {
  checks: readonly ChosenCheck[];
  profile: Profile;
  declared: Declarations;
  versions: VersionTable;
}

/** Judges the files of `input`. A file that cannot be read makes the checks about it unknown, with the reason. */
export async function offlineRun(
  input: AuditInput,
  { workingDirectory, clock, signal }: OperationContext,
  { checks, ...choice }: OfflineChoice,
): Promise<AuditedRun> {
  const path = (name: string | undefined) => (name === undefined ? undefined : resolve(workingDirectory, name));
  const facts = offlineFacts({
    ...choice,
    hba: path(input.hba),
    ident: path(input.ident),
    conf: path(input.conf),
    version: input.serverVersion,
    now: clock.now(),
  });
  const results: CheckResult[] = [];
  for (const chosen of checks) {
    signal.throwIfAborted();
    if (chosen.check.scope !== "cluster") continue;
    results.push({ ...chosen, database: undefined, outcome: withoutServer(await runCheck(chosen.check, facts)) });
  }
  return { results, target: undefined, isSuperuser: false, databases: [], unreachable: [], notes: [ONLY_FILES] };
}

const ONLY_FILES = "files alone were judged; what only a server can tell was not asked";

function withoutServer(outcome: CheckOutcome): CheckOutcome {
  if (outcome.status !== "unknown" || !outcome.reason.startsWith(NO_SERVER)) return outcome;
  return { status: "not_applicable", reason: outcome.reason };
}
