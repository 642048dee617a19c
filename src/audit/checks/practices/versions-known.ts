/** What the checks of versions share: whose release it is, and what an old table means. */
import { NotApplicable } from "../../answers.ts";
import type { VersionTable } from "../../data/version-table.ts";
import type { Facts } from "../../facts/facts.ts";

/** A fork numbers its releases, and repairs vulnerabilities, in its own way. */
const FORK = `
  select pg_catalog.version() as version,
         exists (select from pg_catalog.pg_proc as p where p.proname = 'aurora_version') as aurora`;

/** Throws NotApplicable for servers that are not releases of the PostgreSQL project. */
export async function upstreamVersion(facts: Facts): Promise<void> {
  const [row] = await facts.query(FORK);
  const version = row?.version ?? "";
  const isFork = !version.startsWith("PostgreSQL ") || /Yugabyte|Redshift|Greenplum|Cloudberry/i.test(version);
  if (isFork || row?.aurora === "t") throw new NotApplicable("the server is a fork with releases of its own");
}

export function staleTable({ date }: VersionTable): string {
  return `the table of versions is of ${date}, more than 200 days old: use a newer pgkeep, or a table of your own`;
}
