/** TID-002: webhooks that we send without a signature. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { pipelines, requireTide, whenRunning } from "./tide.ts";

const UNSIGNED = `
        p.type = 'webhook'
     and coalesce(p.body ->> 'signing_secret', '') = ''
     and pg_catalog.jsonb_typeof(p.body -> 'signature') is distinct from 'object'`;

export default defineCheck({
  id: "TID-002",
  title: "webhook sink without a signature",
  severity: "medium",
  why:
    "The receiver cannot tell our requests from those of anybody who learned its address. It has to believe all of them or to " +
    "trust the network.",
  remedy: "Set signature.scheme and signature.secret, and let the receiver verify.",
  limits: "A receiver may know us by a header or a client certificate; then accept the finding.",
  references: { other: ["pgkeep: webhooks", "CWE-345"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  const rows = await pipelines(facts, "forward", { columns: "true as unsigned", where: UNSIGNED });
  return rows.map((row) => ({
    object: `pipeline ${row.pipeline}`,
    detail: "its requests are not signed",
    severity: whenRunning(row, "medium"),
    fix: {
      kind: "words",
      text: "Give the pipeline signature.scheme and signature.secret, then let the receiver verify.",
    },
  }));
}
