/** VER-002: newer releases of the same major, and what they repaired. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import { isStale, type Patches, patchesSince } from "../../data/version-table.ts";
import type { Facts } from "../../facts/facts.ts";
import { staleTable, upstreamVersion } from "./versions-known.ts";

export default defineCheck({
  id: "VER-002",
  title: "newer minor releases are not installed",
  severity: "high",
  why:
    "Every release tells the world which vulnerabilities it repairs. A server without it has them still, and attackers know " +
    "where to look.",
  remedy: "Install the newest minor release and restart; the data stay as they are, without dump and restore.",
  limits:
    "Only the version number counts, so a vendor that repairs without raising it is judged wrongly. A release whose repairs " +
    "the table does not list, or lists in part, is named.",
  references: { cis: ["1.5"], other: ["PostgreSQL security information"] },
  scope: "cluster",
  needs: [],
  profiles: { dev: "low" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const { versions, now } = facts;
  const { version, versionNumber, major } = facts.server();
  if (isStale(versions, now)) throw new Unanswered(staleTable(versions));
  await upstreamVersion(facts);
  const minor = versionNumber % 10_000;
  const patches = patchesSince(versions, major, minor);
  const { newest, missed, unchecked } = patches;
  if (newest === undefined)
    throw new Unanswered(`the table of ${versions.date} has no releases of PostgreSQL ${major}`);
  if (missed > 0) return [found(`PostgreSQL ${version.split(" ", 1)[0]}`, major, patches)];
  if (minor > newest)
    throw new Unanswered(`the table of ${versions.date} knows ${major}.${newest} and not ${major}.${minor}`);
  if (unchecked.length > 0) {
    throw new Unanswered(`the table has no number of PostgreSQL ${major} for the releases of ${unchecked.join(", ")}`);
  }
  return [];
}

function found(object: string, major: number, patches: Patches): Found {
  const { newest, missed, fixed, unlisted, partlyListed, unchecked } = patches;
  const behind = `${missed === 1 ? "1 release" : `${missed} releases`} behind ${major}.${newest}`;
  const count = fixed.length === 1 ? "1 vulnerability" : `${fixed.length} vulnerabilities`;
  const repaired = fixed.length === 0 ? "" : `, ${count} repaired since (${fixed.join(", ")})`;
  const releases = (minors: readonly number[]) => minors.map((minor) => `${major}.${minor}`).join(", ");
  const gaps = unlisted.length === 0 ? "" : `; repairs of ${releases(unlisted)} are not known`;
  const parts = partlyListed.length === 0 ? "" : `; not all repairs of ${releases(partlyListed)} are known`;
  const newer = unchecked.length === 0 ? "" : `; releases of ${unchecked.join(", ")} are not counted`;
  return {
    object,
    detail: `${behind}${repaired}${gaps}${parts}${newer}`,
    // Without one known vulnerability it is upkeep, not an open door.
    severity: fixed.length + unlisted.length + partlyListed.length === 0 ? "medium" : "high",
    fix: { kind: "words", text: `Install PostgreSQL ${major}.${newest} or newer from the same source, then restart.` },
  };
}
