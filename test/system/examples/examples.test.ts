/**
 * The examples run as they are shown: with the built package, against a real server.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sharedCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { temporaryProject } from "../../support/project.ts";

const run = promisify(execFile);

async function example(path: string, words: string | readonly string[], environment: Record<string, string>) {
  const env = { PATH: process.env.PATH, ...environment };
  return await run(process.execPath, [path, ...[words].flat()], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

it("examples/library/deploy.mjs deploys a project and counts its tests", async () => {
  const cluster = await sharedCluster();
  using project = temporaryProject({
    "deploy.sql": "begin;\ncreate table public.one (id int);\ncall pgmi_test();\ncommit;\n",
    "__test__/test_one.sql": "do $$ begin perform from public.one; end $$;",
  });
  const database = await cluster.createDatabase();
  const url = { DATABASE_URL: cluster.url(database) };
  const done = await example("examples/library/deploy.mjs", project.path, url);
  expect(done).toMatchObject({ code: 0, stdout: `${database}: 1 files, 1 tests passed\n` });
  const again = await example("examples/library/deploy.mjs", project.path, url);
  expect(again.code).toBe(13);
  expect(again.stderr).toContain("DEPLOY_SQL_FAILED");
  expect(again.stderr).toContain("rolled back");
});

it("examples/library/deploy.mjs without a connection goes nowhere, whatever else is in the environment", async () => {
  using project = temporaryProject({ "deploy.sql": "select 1;" });
  const lost = await example("examples/library/deploy.mjs", project.path, { PGHOST: "127.0.0.1", PGDATABASE: "shop" });
  expect(lost.code).toBe(10);
  expect(lost.stderr).toContain("CONFIG_TARGET_MISSING");
});

it("examples/relay: an order is published, carried and packed once, and one that fails is not published", async () => {
  const cluster = await sharedCluster();
  const database = await cluster.createDatabase();
  const DATABASE_URL = cluster.url(database);
  const credentials = { PGUSER: cluster.superuser, PGPASSWORD: cluster.password };
  const env = { PGHOST: cluster.host, PGPORT: String(cluster.port), PGDATABASE: database, ...credentials };
  const relay = (words: string[], user = {}) => pgkeep(["relay", ...words], { env: { ...env, ...user } });
  expect(await relay(["install", "--roles"])).toMatchObject({ status: 0 });
  const made = await cluster.psql(["-q", "-v", "ON_ERROR_STOP=1", "-f", "examples/relay/pipeline.sql"], { database });
  expect(made).toMatchObject({ status: 0, stderr: "" });

  const carrier = { PGUSER: "example_relay", PGPASSWORD: "carries-only" };
  await cluster.sql("create role example_relay login password 'carries-only' in role tide_relay");

  const orders = [
    ["book", "12.50"],
    ["sample", "0"],
    ["lamp", "99.00"],
  ];
  for (const [index, order] of orders.entries()) {
    const done = await example("examples/relay/publish.mjs", order, { DATABASE_URL });
    expect(done).toMatchObject({ code: 0, stdout: `order ${index + 1} is event ${index + 1}\n` });
  }
  expect((await example("examples/relay/publish.mjs", ["book", "dear"], { DATABASE_URL })).code).toBe(1);

  // Twice: the second has nothing left to carry.
  for (let count = 0; count < 2; count++) {
    expect(await relay(["run", "--until-idle"], carrier)).toMatchObject({ status: 0 });
  }
  const packed = await example("examples/relay/consume.mjs", [], { DATABASE_URL });
  expect(packed).toMatchObject({
    code: 0,
    stderr: "",
    stdout: "shop.order.taken: parcel for order 1\nshop.order.taken: parcel for order 3\n2 handled, 0 failed\n",
  });
  await using session = await connectTo(cluster, { database });
  expect(await session.rows("select order_id, article from public.parcel order by 1")).toEqual([
    ["1", "book"],
    ["3", "lamp"],
  ]);
  expect(await session.rows("select pg_catalog.count(*) from tide.tide_outbox_messages")).toEqual([["3"]]);
});
