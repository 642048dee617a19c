/** TID-007: dead letters that nobody sweeps. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { requireTide, requireTideTable } from "./tide.ts";

/** 90 days: three times the default of dlq.retention_days. */
const MAX_AGE_DAYS = 90;

/** By its index, so that a table of millions costs one row. */
const OLDEST = `
  select pg_catalog.to_char(d.last_failed_at at time zone 'UTC', 'YYYY-MM-DD') as day,
         d.last_failed_at < pg_catalog.now() - interval '${MAX_AGE_DAYS} days' as is_old
    from only tide.relay_dlq as d
   order by d.last_failed_at
   limit 1`;

export default defineCheck({
  id: "TID-007",
  title: "dead letters never swept",
  severity: "low",
  why:
    "Dead letters hold whole events, personal data among them, long after the event itself was deleted. Nobody asks for them, and " +
    "requests to delete somebody's data do not reach them.",
  remedy: "Look through them, and call tide.relay_dlq_purge regularly with the days that you promise.",
  limits: "Looks at the oldest one alone and reads nothing of it but its day.",
  references: { other: ["pgkeep: dead letters", "GDPR article 5(1)(e)"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  await requireTideTable(facts, "relay_dlq", { last_failed_at: "timestamptz" });
  const [oldest] = await facts.query(OLDEST);
  if (oldest?.is_old !== "t") return [];
  const text = "Look through the dead letters, then: select tide.relay_dlq_purge(...), from a job that runs every day.";
  return [{ object: "tide.relay_dlq", detail: `the oldest is of ${oldest.day}`, fix: { kind: "words", text } }];
}
