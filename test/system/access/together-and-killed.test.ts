/** `pgkeep access apply` beside itself, and ended by force, on every supported version. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelFolder, shopDatabase, shopModel } from "../../support/access.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep, pgkeepStarted } from "../../support/pgkeep.ts";

const CANARY = "c4nary pass-word";
const TABLES = 40;

describe.each(availableMajors())("on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role app_rw; create role app_r");
  });
  afterAll(() => cluster.stop());

  const environment = (database: string, folder: string) => ({
    DATABASE_URL: cluster.url(database),
    WEB_PASSWORD: CANARY,
    HOME: join(folder, "home"),
  });

  /** Every list of the tables: one distinct value each way when they are all alike. */
  const lists = (database: string) =>
    cluster.sql("select distinct relacl::text as acl from pg_class where relnamespace = 'app'::regnamespace", {
      database,
    });

  describe("[ACC-09] an apply that is killed", () => {
    it("at any moment leaves the old rights or the new ones, never a mixture", async () => {
      const seen = new Set<string>();
      // Until both have been seen, however slow the machine is.
      for (let delay = 80; delay <= 600 || (!seen.has("new") && delay < 6_000); delay += 50) {
        const database = await shopDatabase(cluster, TABLES);
        using folder = modelFolder(shopModel(database));
        const { child, finished } = pgkeepStarted(["access", "apply", "--yes"], {
          cwd: folder.path,
          env: environment(database, folder.path),
        });
        await new Promise((resolve) => setTimeout(resolve, delay));
        child.kill("SIGKILL");
        await finished;
        await expect
          .poll(() => cluster.sql("select pid from pg_stat_activity where datname = $1", { values: [database] }), {
            timeout: 10_000,
          })
          .toEqual([]);
        const found = await lists(database);
        expect(found, `killed after ${delay} ms`).toHaveLength(1);
        seen.add(found[0].acl === null ? "old" : "new");
        const roles = await cluster.sql("select 1 from pg_roles where rolname = $1", { values: [`web_${database}`] });
        expect(roles, "the role and the grants come together").toHaveLength(found[0].acl === null ? 0 : 1);
      }
      expect([...seen].sort()).toEqual(["new", "old"]);
    });
  });

  describe("[ACC-05] six applies of one model at once", () => {
    it("make one database and its roles, and all end with 0", async () => {
      const name = `made_${Math.trunc(performance.now())}`;
      using folder = modelFolder(`
version: 1
database: ${name}
profile: three-tier
names: { owner: o_${name}, migrator: m_${name}, read_write: rw_${name}, read_only: r_${name}, application: w_${name}, schema: app }
roles:
  w_${name}: { password: "\${env:WEB_PASSWORD}" }
`);
      const env = { ...environment("postgres", folder.path), DATABASE_URL: cluster.url() };
      const runs = await Promise.all(
        Array.from({ length: 6 }, () => pgkeep(["access", "apply", "--yes"], { cwd: folder.path, env })),
      );
      for (const { status, stderr } of runs) expect(status, stderr).toBe(0);
      expect(runs.map(({ stderr }) => stderr).join()).not.toContain("XX000");
      const plan = await pgkeep(["access", "plan"], { cwd: folder.path, env });
      expect(plan.status, plan.stdout).toBe(0);
      expect(await cluster.sql("select 1 as one", { database: name, user: `w_${name}`, password: CANARY })).toEqual([
        { one: 1 },
      ]);
    });
  });
});
