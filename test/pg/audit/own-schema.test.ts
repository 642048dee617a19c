/**
 * The relay's own schema, installed as it comes, is nothing that the audit complains of; and that it is ours is no cover for
 * what somebody puts there.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditOf } from "../../support/audit/run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.createDatabase("events");
    await using session = await connectTo(cluster, { database: "events" });
    await installTide(session, { roles: true });
  });

  afterAll(() => cluster?.stop());

  /** Findings of weight about schema tide. */
  async function complaints(): Promise<string[]> {
    const run = await auditOf(cluster, { connection: { database: "events" }, isOneDatabase: true });
    return run.results.flatMap(({ check, severity, outcome }) =>
      outcome.status === "fail" && severity !== "low" && severity !== "info"
        ? outcome.found
            .filter(({ object, detail }) => /\btide\b/.test(`${object} ${detail}`))
            .map(({ object }) => `${check.id} ${object}`)
        : [],
    );
  }

  it("is not complained of", async () => {
    expect(await complaints()).toEqual([]);
  });

  it("hides nothing that others put there", async () => {
    await cluster.sql(
      `create function tide.mine(name text) returns void language plpgsql security definer
         as $$ begin execute 'drop table ' || name; end $$;
       create view tide.around with (security_barrier = true) as select * from tide.relay_outbox_config;
       create role stranger; grant select on tide.around to stranger; grant usage on schema tide to stranger`,
      { database: "events" },
    );
    const found = await complaints();
    expect(found.filter((text) => text.startsWith("TID-006"))).toEqual([expect.stringContaining("mine")]);
    expect(found).toContain("RLS-006 tide.around");
  });
});
