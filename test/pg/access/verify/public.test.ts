/** What everybody can do: entries of PUBLIC are found by plan, verify and, where the model is silent, a warning. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { verifyAccess } from "../../../../src/access/verify/verify.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { planOf, runPlan, sqlOf } from "../../../support/access-plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

const THREE_TIER = "{version: 1, database: shop, profile: three-tier}";
const SILENT =
  "{version: 1, database: shop, roles: {app: {}}, schemas: {app: {grants: [{to: app, tables: [select]}]}}}";

describe.each(availableMajors())("on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.createDatabase("shop");
    session = await connectTo(cluster, { database: "shop" });
    await runPlan(session, await planOf(session, THREE_TIER));
    await session.script(`set role shop_owner; create table app.orders (id serial, note text); create view app.seen as select 1 as one;
      create function app.total() returns int language sql as 'select 1'; reset role`);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const failures = async (text: string): Promise<string[]> => {
    const model = await readModel(text, { file: "access.yaml" });
    const report = await verifyAccess(
      session,
      { model, snapshot: await inspect(session) },
      { signal: new AbortController().signal },
    );
    return report.probes
      .filter(({ result, role }) => result === "fail" && role === "")
      .map(({ action, object, actual }) => `${action} ${object}: ${actual}`);
  };

  it.each([
    ["a table", "grant select on app.orders to public", ["select table app.orders: allowed"]],
    ["a column", "grant select (note) on app.orders to public", ["select column note table app.orders: allowed"]],
    ["a view", "grant select on app.seen to public", ["select view app.seen: allowed"]],
    ["a sequence", "grant usage on app.orders_id_seq to public", ["usage sequence app.orders_id_seq: allowed"]],
    ["a function", "grant execute on function app.total() to public", ["execute function app.total(): allowed"]],
  ])(
    "[ACC-03] three-tier takes a grant of %s to PUBLIC back, and verification finds it until then",
    async (_, grant, found) => {
      expect(await failures(THREE_TIER)).toEqual([]);
      await session.script(grant);
      expect(await failures(THREE_TIER)).toEqual(found);
      const plan = await planOf(session, THREE_TIER);
      expect(sqlOf(plan)).toHaveLength(1);
      await runPlan(session, plan);
      expect(await failures(THREE_TIER)).toEqual([]);
      expect(sqlOf(await planOf(session, THREE_TIER))).toEqual([]);
    },
  );

  it("a model that does not speak of PUBLIC leaves such a grant alone and says so", async () => {
    await session.script("create role app; grant select on app.orders, app.seen to public");
    const { warnings } = await planOf(session, SILENT);
    expect(warnings.join("\n")).toContain(
      'PUBLIC, which is every role, has grants on "app"."orders" and 1 more of its schema',
    );
    expect(await failures(SILENT)).toEqual([]);
    await session.script("revoke select on app.orders, app.seen from public");
    expect((await planOf(session, SILENT)).warnings.join("\n")).not.toContain("PUBLIC");
  });
});
