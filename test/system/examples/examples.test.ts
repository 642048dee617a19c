/**
 * The examples run as they are shown: with the built package, against a real server.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sharedCluster } from "../../support/cluster.ts";
import { temporaryProject } from "../../support/project.ts";

const run = promisify(execFile);

async function example(path: string, argument: string, environment: Record<string, string>) {
  const env = { PATH: process.env.PATH, ...environment };
  return await run(process.execPath, [path, argument], { env }).then(
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
