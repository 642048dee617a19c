/** TID-001: webhook receivers that take events from anybody. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { pipelines, requireTide, whenRunning } from "./tide.ts";

const UNSIGNED = `
        p.type = 'webhook'
     and coalesce(p.body ->> 'signature_scheme', '') = ''
     and coalesce(case pg_catalog.jsonb_typeof(p.body -> 'signature') when 'object' then p.body -> 'signature' ->> 'scheme' end, '') = ''`;

export default defineCheck({
  id: "TID-001",
  title: "webhook source without a signature",
  severity: "high",
  why:
    "Whoever can connect to the receiver puts events into the inbox, and the application believes them: paid orders, new users, " +
    "deleted accounts.",
  remedy: "Set signature.scheme and signature.secret to what the sender signs with; the secret as a reference.",
  limits: "Addresses that only a proxy reaches, and client certificates, are not taken for a signature.",
  references: { other: ["pgkeep: webhooks", "CWE-345"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  const columns = "p.body -> 'allow_unsigned' = 'true' as allowed";
  const rows = await pipelines(facts, "reverse", { columns, where: UNSIGNED });
  return rows.map((row) => ({
    object: `pipeline ${row.pipeline}`,
    detail:
      row.allowed === "t" ? "takes unsigned events (allow_unsigned)" : "has no signature scheme, so it does not start",
    severity: whenRunning(row, row.allowed === "t" ? "high" : "low"),
    fix: {
      kind: "words",
      text: "Give the pipeline signature.scheme and signature.secret, and take allow_unsigned away.",
    },
  }));
}
