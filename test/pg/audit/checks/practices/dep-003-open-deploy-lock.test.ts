/** DEP-003: who can take the lock of deploys, by taking it. */
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/dep-003-open-deploy-lock.ts";
import { foundOf, objectsOf, outcomeAt, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const LOCK = "select pg_try_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0)) as got";

describe("DEP-003 the deploy lock", () => {
  it.each(availableMajors())(
    "[D-09] fires on PostgreSQL %i, names who can and who does, and is silent after its own remedy",
    async (major) => {
      await using cluster = await startCluster({ major, hba: ["host all all 127.0.0.1/32 trust"] });
      await cluster.sql(
        'create role migrator login; create role "App" login; create role team; create role outside login',
      );
      await cluster.sql("create database shop");
      await cluster.sql(
        'revoke connect on database shop from public; grant connect on database shop to migrator, "App"',
        { database: "shop" },
      );
      const declared = { projects: ["/srv/shop"], deployRoles: ["migrator"] };
      const run = () => outcomeAt(cluster, check, { database: "shop", declared });
      const before = await run();
      expect(before).toMatchObject({
        found: [{ object: 'deploy lock of database "shop"', detail: '"App" can take it' }],
      });
      await using squatter = await connectTo(cluster, { database: "shop", user: "App" });
      expect(await squatter.query(LOCK)).toEqual([{ got: "t" }]);
      expect(await run()).toMatchObject({ found: [{ detail: '"App" can take it; held now by "App"' }] });
      await squatter.query("select pg_advisory_unlock_all()");
      const [fix] = foundOf(before).map((each) => each.fix);
      if (fix?.kind !== "sql") throw new Error("it carries statements");
      for (const sql of fix.sql) await cluster.sql(sql, { database: "shop" });
      expect(objectsOf(await run())).toEqual([]);
      await expect(squatter.query(LOCK)).rejects.toThrow(/permission denied/);
      await using deploy = await connectTo(cluster, { database: "shop", user: "migrator" });
      expect(await deploy.query(LOCK)).toEqual([{ got: "t" }]);
      // Looks alike: the functions of two numbers take other locks.
      await cluster.sql('grant execute on function pg_advisory_lock(int, int) to "App"', { database: "shop" });
      expect(objectsOf(await run())).toEqual([]);
    },
  );

  it("tells a plain role the same", async () => {
    await using cluster = await startCluster();
    await cluster.sql("create role app login");
    await using session = await connectTo(cluster);
    await session.script("begin; create role plain; set local role plain");
    expect(await outcomeOn(session, check, { declared: { projects: ["/srv/shop"] } })).toMatchObject({
      found: [{ detail: "app can take it" }],
    });
  });

  it("does not concern a server without declared projects", async () => {
    await using cluster = await startCluster();
    expect(await outcomeAt(cluster, check)).toMatchObject({ status: "not_applicable" });
  });
});
