/**
 * An audit of configuration files without a server, as they would be on one: in a repository, before they are shipped.
 *
 * Checks that need a server take no part. They are not unknown, because nobody asked for a server; the report says that files
 * alone were judged.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { VersionTable } from "../../audit/data/version-table.ts";
import type { Declarations } from "../../audit/facts/declarations.ts";
import { isKnownVersion, NO_SERVER, offlineFacts } from "../../audit/facts/offline-facts.ts";
import type { Profile } from "../../audit/ratings.ts";
import type { CheckOutcome, CheckResult } from "../../audit/run/result.ts";
import type { ChosenCheck } from "../../audit/run/run-audit.ts";
import { runCheck } from "../../audit/run/run-check.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import type { AuditInput } from "./audit-input.ts";
import type { AuditedRun } from "./live.ts";

interface OfflineChoice {
  checks: readonly ChosenCheck[];
  profile: Profile;
  declared: Declarations;
  versions: VersionTable;
}

/**
 * Judges the files of `input`. A file that cannot be read makes the checks about it unknown, with the reason.
 * Throws USAGE_ARGUMENTS for what would be passed over in silence.
 */
export async function offlineRun(
  input: AuditInput,
  { workingDirectory, clock, signal }: OperationContext,
  { checks, ...choice }: OfflineChoice,
): Promise<AuditedRun> {
  requireSense(input, workingDirectory);
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

/** A directory is read as the server reads one, as nothing, and nothing has no faults. */
function requireSense(input: AuditInput, workingDirectory: string): void {
  const flags = { hba: input.hba, ident: input.ident, conf: input.conf };
  for (const [flag, name] of Object.entries(flags)) {
    if (name !== undefined && isDirectory(resolve(workingDirectory, name))) {
      throw refused(`--${flag} names a directory`, `Name the file in it: --${flag} DIRECTORY/FILE`);
    }
  }
  if (input.serverVersion !== undefined && !isKnownVersion(input.serverVersion)) {
    throw refused(
      "--server-version is no version that pgkeep knows",
      "Write a major or minor version of 14 to 18: 16 or 16.4",
    );
  }
  const needless = Object.entries(SERVER_FLAGS).flatMap(([name, flag]) => (isGiven(input, name) ? [flag] : []));
  if (needless.length === 0) return;
  const [one, hint] = needless.length === 1 ? ["needs", "Leave it away"] : ["need", "Leave them away"];
  throw refused(`${needless.join(", ")} ${one} a server`, `${hint}, or leave away --hba, --ident and --conf.`);
}

/** What says something about a server or how to get to it, by its flag. Nobody types it for nothing. */
const SERVER_FLAGS: Readonly<Record<keyof ConnectionRequest | "probe" | "onHost" | "thisDatabase" | "model", string>> =
  {
    probe: "--probe",
    onHost: "--on-host",
    thisDatabase: "--this-database",
    model: "--model",
    connection: "--connection",
    host: "--host",
    port: "--port",
    username: "--username",
    database: "--database",
    sslmode: "--sslmode",
    sslcert: "--sslcert",
    sslkey: "--sslkey",
    sslrootcert: "--sslrootcert",
    azure: "--azure",
    azureTenantId: "--azure-tenant-id",
    azureClientId: "--azure-client-id",
    aws: "--aws",
    awsRegion: "--aws-region",
    google: "--google",
    googleInstance: "--google-instance",
    requireAuth: "--require-auth",
    channelBinding: "--channel-binding",
    embedded: "--embedded",
  };

function isGiven(input: AuditInput, name: string): boolean {
  const value: unknown = Reflect.get(input, name);
  return value !== undefined && value !== false;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function refused(message: string, hint: string): PgkeepError {
  return new PgkeepError("USAGE_ARGUMENTS", message, { hint, state: "nothing was started" });
}

const ONLY_FILES = "files alone were judged; what only a server can tell was not asked";

/** What some right would answer, or nobody without a server, was not asked here: files need no rights. */
function withoutServer(outcome: CheckOutcome): CheckOutcome {
  if (outcome.status !== "unknown") return outcome;
  if (outcome.right === undefined && !outcome.reason.startsWith(NO_SERVER)) return outcome;
  return { status: "not_applicable", reason: outcome.reason };
}
