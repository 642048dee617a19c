/** TID-003: pipelines that may go without TLS, without verifying, or past the guard of addresses. */
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { pipelines, requireTide, whenRunning } from "./tide.ts";

/** Keys, ours and those of other relays, that switch protection off when true, or when false. */
const OFF_WHEN_TRUE = [
  "allow_http",
  "allow_insecure",
  "insecure",
  "insecure_skip_verify",
  "skip_tls_verify",
  "tls_insecure",
  "tls_skip_verify",
];
const OFF_WHEN_FALSE = ["ssl_verify", "ssrf_protection", "tls_verify", "verify_tls"];

const list = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(", ");

/** Names of the keys and never a value: an address may hold a password. This machine's own addresses need no TLS. */
const KEYS = `(
  select pg_catalog.string_agg(distinct e.key, ', ' order by e.key)
    from (select x.key, x.value from pg_catalog.jsonb_each(p.body) as x (key, value)
           union all
          select x.key, x.value from pg_catalog.jsonb_each(p.config) as x (key, value)) as e
   where e.key in (${list(OFF_WHEN_TRUE)}) and e.value in ('true', '"true"')
      or e.key in (${list(OFF_WHEN_FALSE)}) and e.value in ('false', '"false"')
      or e.key = 'security_protocol' and pg_catalog.lower(e.value #>> '{}') in ('plaintext', 'sasl_plaintext')
      or e.key = 'tls' and e.value = 'false'
      or e.key in ('url', 'urls', 'servers', 'brokers')
         and e.value #>> '{}' ~* '^(http|nats|mqtt|amqp|redis|ws)://'
         and e.value #>> '{}' !~* '://([^/@]*@)?(localhost|127\\.[0-9.]+|\\[::1\\])([:/]|$)')`;

export default defineCheck({
  id: "TID-003",
  title: "pipeline without verified TLS",
  severity: "high",
  why:
    "Events and the credentials of the broker travel in clear text, or to whoever answers in its place. A pipeline that asks for " +
    "an address without a guard can be pointed at the machines of our own network.",
  remedy: "Use https, tls:// or sasl_ssl with the authority's certificate, and take the keys away.",
  limits:
    "The relay's process has to permit these too (--allow-insecure, --ssrf-allow), which the database does not show.",
  references: { other: ["CWE-295", "CWE-319", "CWE-918"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  const found: Found[] = [];
  for (const direction of ["forward", "reverse"] as const) {
    const rows = await pipelinesOrNone(facts, direction);
    for (const row of rows) {
      found.push({
        object: `pipeline ${row.pipeline} (${direction})`,
        detail: `asks for it by: ${row.keys}`,
        severity: whenRunning(row, "high"),
        fix: {
          kind: "words",
          text: "Use an address with TLS and the authority's certificate, and take these keys away.",
        },
      });
    }
  }
  return found;
}

/** Schemas of older relays have one of the two tables. */
async function pipelinesOrNone(facts: Facts, direction: "forward" | "reverse") {
  try {
    return await pipelines(facts, direction, { columns: `${KEYS} as keys`, where: `${KEYS} is not null` });
  } catch (error) {
    if (error instanceof NotApplicable) return [];
    throw error;
  }
}
