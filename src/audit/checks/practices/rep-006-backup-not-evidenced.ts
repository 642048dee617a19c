/** REP-006: nobody said how this server is backed up, or what was said is not so. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { filesBelow, statusOf } from "../../facts/files.ts";
import { lookAtEach } from "./looking.ts";

/** 35 days: the longest usual pause between full backups, and a few more. */
const MAX_AGE_DAYS = 35;
const DAY_MS = 24 * 60 * 60 * 1_000;
const LIMITS = { files: 20_000, depth: 6 };

export default defineCheck({
  id: "REP-006",
  title: "backup not evidenced",
  severity: "info",
  why:
    "A server cannot be asked whether it could be restored. What nobody wrote down is what nobody tried, and a backup that was " +
    "never restored is a hope.",
  remedy: "Back up with pgBackRest or Barman, restore it regularly, and write under audit.backup how and when.",
  limits:
    "A declaration in words is taken as such. Directories that are declared are looked at on the server's machine: what is empty " +
    "or old there is a finding, whatever was declared.",
  references: { cis: ["7.3", "8.2"], manual: ["Backup and Restore"] },
  scope: "cluster",
  needs: [],
  profiles: { dev: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const { backup, backupDirectories = [] } = facts.declared;
  const old = facts.has("host") ? await lookAtEach(backupDirectories, (path) => judge(path, facts.now)) : [];
  if (old.length > 0) return old;
  if (backup !== undefined) return [];
  if (backupDirectories.length > 0 && facts.has("host")) return [];
  if (backupDirectories.length > 0)
    throw new Unanswered("the declared directories are on the server's machine", "host");
  throw new Unanswered("nothing shows how this server is backed up: audit.backup in pgkeep.yaml says it");
}

function judge(directory: string, now: Date): Found[] {
  if (statusOf(directory) === undefined) return [wrong(directory, "is declared for dumps and is not there")];
  const times = filesBelow(directory, LIMITS).map((path) => statusOf(path)?.changed.getTime() ?? 0);
  if (times.length === 0) return [wrong(directory, "is declared for dumps and is empty")];
  const newest = new Date(times.reduce((latest, time) => Math.max(latest, time), 0));
  if (now.getTime() - newest.getTime() <= MAX_AGE_DAYS * DAY_MS) return [];
  return [wrong(directory, `is declared for dumps; the newest file is of ${newest.toISOString().slice(0, 10)}`)];
}

function wrong(directory: string, detail: string): Found {
  const text = "Find out why no backup arrives there, make one, and try to restore it.";
  return { object: directory, detail, severity: "medium", fix: { kind: "words", text } };
}
