/** HST-009: dumps and base backups that everybody can read. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { dumpKindOf } from "../../facts/dumps.ts";
import type { Facts } from "../../facts/facts.ts";
import { filesBelow, isReachableByOthers } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { chmod, lookAtEach, modeText, READABLE_BY_EVERYBODY } from "./looking.ts";

/** 20,000 files, 6 levels: years of daily dumps. */
const LIMITS = { files: 20_000, depth: 6 };

export default defineCheck({
  id: "HST-009",
  title: "dump readable by everyone",
  severity: "high",
  why:
    "A dump is the whole database without its rights: who reads the file reads every row, and pg_dumpall adds the password " +
    "verifiers of all roles.",
  remedy: "Write dumps with umask 077 into a directory with mode 0700, and encrypt what leaves the machine.",
  limits:
    "Looks below audit.backup_directories of pgkeep.yaml, at what a file begins with; plain, custom, directory and tar format, " +
    "gzip too. What is compressed otherwise or encrypted is not recognized.",
  references: { cis: ["7.3"], manual: ["pg_dump"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const directories = facts.declared.backupDirectories ?? [];
  if (directories.length === 0) {
    throw new Unanswered("no directory with dumps is declared: audit.backup_directories in pgkeep.yaml");
  }
  return await lookAtEach(directories, async (directory) => {
    if ((await host.status(directory)) === undefined) throw new Unanswered(`${directory} is not there`);
    return await lookAtEach(filesBelow(directory, LIMITS), (path) => judge(path, host));
  });
}

async function judge(path: string, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  if (status === undefined || (status.mode & READABLE_BY_EVERYBODY) === 0) return [];
  const kind = dumpKindOf(path);
  if (kind === undefined || !isReachableByOthers(path)) return [];
  return [{ object: path, detail: `${kind}, ${modeText(status)}`, fix: chmod("0600", path) }];
}
