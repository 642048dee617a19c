/** VER-001: the major version gets no repairs any more, or will soon get none. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { isStale, supportDaysLeft } from "../../data/version-table.ts";
import type { Facts } from "../../facts/facts.ts";
import { staleTable, upstreamVersion } from "./versions-known.ts";

/** Half a year: what preparing, rehearsing and doing a major upgrade takes. */
const WARNED_DAYS = 180;

export default defineCheck({
  id: "VER-001",
  title: "major version out of support",
  severity: "critical",
  why:
    "The project repairs vulnerabilities of a major version for five years. Those found later are published with their " +
    "repair in newer branches, and stay open in this one for good.",
  remedy: "Move to a supported major version with pg_upgrade, logical replication or a dump and restore.",
  limits:
    "Vendors may sell repairs for longer; the check knows the project's own calendar. A table older than 200 days is not " +
    "believed.",
  references: { cis: ["1.5"], other: ["PostgreSQL versioning policy"] },
  scope: "cluster",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const { versions, now } = facts;
  const { version, major } = facts.server();
  if (isStale(versions, now)) throw new Unanswered(staleTable(versions));
  await upstreamVersion(facts);
  const left = supportDaysLeft(versions, major, now);
  if (/beta|rc|devel/.test(version))
    return [found(version, "is a version for trying out, without any support", "high")];
  if (left === undefined) {
    throw new Unanswered(`the table of ${versions.date} does not know PostgreSQL ${major}`);
  }
  const end = versions.endOfLife[String(major)];
  if (left < 0) return [found(version, `support ended on ${end}`, "critical")];
  return left < WARNED_DAYS ? [found(version, `support ends on ${end}, in ${left} days`, "medium")] : [];
}

function found(version: string, detail: string, severity: Found["severity"]): Found {
  const text = "Upgrade to a supported major version: rehearse it on a copy, then pg_upgrade or logical replication.";
  return { object: `PostgreSQL ${version.split(" ", 1)[0]}`, detail, severity, fix: { kind: "words", text } };
}
