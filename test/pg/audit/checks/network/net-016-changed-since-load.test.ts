/** NET-016: a file that was changed, and not loaded. */
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import net016 from "../../../../../src/audit/checks/network/net-016-changed-since-load.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe.each(availableMajors())("NET-016 on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const changedSecondsAgo = (seconds: number): void => {
    const at = new Date(Date.now() - seconds * 1000);
    utimesSync(join(cluster.dataDir, "pg_hba.conf"), at, at);
  };

  it("fires on a file that is newer than the last load, and is silent when its own remedy was applied", async () => {
    changedSecondsAgo(-1);
    const outcome = await outcomeOn(session, net016);
    expect(outcome).toMatchObject({ status: "fail", found: [{ object: "pg_hba.conf" }] });
    changedSecondsAgo(5);
    const statements =
      outcome.status === "fail" && outcome.found[0]?.fix?.kind === "sql" ? outcome.found[0].fix.sql : [];
    expect(statements).toHaveLength(1);
    await session.script(statements.join("; "));
    expect(await outcomeOn(session, net016)).toEqual({ status: "pass" });
  });

  it("is silent on a file that was touched before the load", async () => {
    changedSecondsAgo(3600);
    expect(await outcomeOn(session, net016)).toEqual({ status: "pass" });
  });

  it("does not know without a superuser", async () => {
    changedSecondsAgo(-1);
    await session.script(`create role auditor; grant pg_monitor to auditor; grant select on pg_catalog.pg_hba_file_rules to auditor;
      grant execute on function pg_catalog.pg_hba_file_rules() to auditor; set role auditor`);
    expect(await outcomeOn(session, net016)).toMatchObject({ status: "unknown", right: "superuser" });
    await session.script("reset role");
  });
});
