/** TID-008: webhook receivers that listen to the network without TLS. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { pipelines, requireTide, whenRunning } from "./tide.ts";

const OPEN = `
        p.type = 'webhook'
     and coalesce(p.body ->> 'tls_cert', '') = ''
     and coalesce(p.body ->> 'listen_addr', '127.0.0.1:8080') !~* '^(127\\.[0-9.]+|localhost|\\[::1\\]|unix):'`;

export default defineCheck({
  id: "TID-008",
  title: "webhook receiver open to the network without TLS",
  severity: "medium",
  why: "Events arrive in clear text: everybody on the way reads them, and what a signature does not cover can be changed.",
  remedy: "Let the receiver listen on loopback behind a proxy that ends TLS, or give it tls_cert and tls_key.",
  limits:
    "A proxy in a container of its own needs an address that others could reach too: accept the finding then. Addresses of " +
    "metrics and health are flags of the relay's process, which the database does not show.",
  references: { other: ["pgkeep: webhooks", "CWE-319"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  const rows = await pipelines(facts, "reverse", { columns: "p.body ->> 'listen_addr' as address", where: OPEN });
  return rows.map((row) => ({
    object: `pipeline ${row.pipeline}`,
    detail: `listens on ${row.address}`,
    severity: whenRunning(row, "medium"),
    fix: { kind: "words", text: "Set listen_addr to 127.0.0.1:PORT behind a proxy, or give it tls_cert and tls_key." },
  }));
}
