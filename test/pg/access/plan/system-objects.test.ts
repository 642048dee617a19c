/** Models about what the server brings along: exactly what they name, and never the rest of pg_catalog. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import accessApply from "../../../../src/operations/access.apply.ts";
import accessImport from "../../../../src/operations/access.import.ts";
import accessPlan from "../../../../src/operations/access.plan.ts";
import accessVerify from "../../../../src/operations/access.verify.ts";
import { modelFolder } from "../../../support/access.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";

const model = (mode: string, more = ""): string => `
version: 1
database: postgres
mode: ${mode}
roles:
  looker: { login: true }
objects:
  system_views:
    - on: [pg_hba_file_rules, pg_stat_activity, pg_authid]
      ${more}
      grants: [{ to: looker, privileges: select }]
  system_routines:
    - on: ["pg_hba_file_rules()", "pg_ls_dir(text)"]
      grants: [{ to: looker, privileges: execute }]
`;

const LISTS = `
  select (select count(*) from pg_class where relnamespace = 'pg_catalog'::regnamespace and relacl::text like '%looker=%')::int as views,
         (select count(*) from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proacl::text like '%looker=%')::int as routines,
         has_table_privilege('public', 'pg_catalog.pg_stat_activity', 'select') as everybody,
         has_table_privilege('other', 'pg_catalog.pg_authid', 'select') as other`;

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role other; grant select on pg_authid to other");
  });
  afterAll(() => cluster?.stop());

  it.each(["adopt", "authoritative"])(
    "are granted one by one in mode %s, and others keep what they have",
    async (mode) => {
      using folder = modelFolder(model(mode));
      const connection = { connection: cluster.url("postgres"), database: "postgres" };
      const applied = await folder.run(accessApply, { ...connection, yes: true });
      expect(["applied", "nothing to do"]).toContain(applied.output.outcome);
      expect(await cluster.sql(LISTS)).toEqual([{ views: 3, routines: 2, everybody: true, other: true }]);
      const again = await folder.run(accessPlan, connection);
      expect([again.output.statements, again.exitCode]).toEqual([[], 0]);
      const { output } = await folder.run(accessVerify, connection);
      const probes = output.probes.filter(({ object, schema }) => object === "server" || schema === "pg_catalog");
      expect(probes.filter(({ result }) => result === "fail" || result === "unknown")).toEqual([]);
      expect(
        probes.filter(({ expected, result }) => expected === "allowed" && result !== "fail").length,
      ).toBeGreaterThan(4);
    },
  );

  it("are not what an import describes", async () => {
    using folder = modelFolder();
    const { output } = await folder.run(accessImport, { connection: cluster.url("postgres") });
    expect(output.text).not.toMatch(/system_|pg_authid/);
  });

  it("have no other owner", async () => {
    using folder = modelFolder(model("adopt", "owner: looker"));
    const planned = folder.run(accessPlan, { connection: cluster.url("postgres"), database: "postgres" });
    await expect(planned).rejects.toThrow(/belongs to its first superuser/);
  });
});
