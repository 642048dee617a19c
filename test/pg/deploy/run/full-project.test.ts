/** One project that uses everything, deployed twice on each major, with the same results everywhere. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableMajors, type Major, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { deploy, type RunOutcome } from "./harness.ts";

const PROJECT = fileURLToPath(new URL("../../../fixtures/projects/full", import.meta.url));
const MAJORS = availableMajors();

interface Seen {
  first: RunOutcome;
  second: RunOutcome;
  reports: Record<string, string>;
  visits: number[];
  plan: number;
}

const seen = new Map<Major, Seen>();
const clusters: TestCluster[] = [];

async function deployTwice(major: Major): Promise<Seen> {
  const cluster = await startCluster({ major });
  clusters.push(cluster);
  await cluster.sql("create role shopkeeper login password 'shopkeeper-password' createdb");
  const options = { user: "shopkeeper", password: "shopkeeper-password", param: ["env=test"] };
  const first = await deploy(cluster, "full shop", PROJECT, options);
  const second = await deploy(cluster, "full shop", PROJECT, options);
  if (second.error) throw second.error;
  const rows = await cluster.sql("select name, value from deploy_report", { database: "full shop" });
  const visits = await cluster.sql("select n from visits order by n", { database: "full shop" });
  const plan = await cluster.sql("select count(*)::int as n from pgmi_test_plan", { database: "full shop" });
  await cluster.stop();
  return {
    first,
    second,
    reports: Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    visits: visits.map(({ n }) => n),
    plan: plan[0].n,
  };
}

beforeAll(async () => {
  for (const major of MAJORS) seen.set(major, await deployTwice(major));
}, 180_000);

afterAll(async () => {
  for (const cluster of clusters) await cluster.stop().catch(() => {});
});

describe.each(MAJORS)("the full project on PostgreSQL %i", (major) => {
  const of = () => {
    const found = seen.get(major);
    if (!found) throw new Error("not deployed");
    return found;
  };

  it("[SA-20] deploys, and deploys again", () => {
    const { first, second } = of();
    expect(first.report.error).toBeUndefined();
    expect(second.report.error).toBeUndefined();
    expect(first.report).toMatchObject({ status: "success", testMacros: 2, filesLoaded: 15, state: "committed" });
    expect(first.report.unitsCommitted).toBe(first.report.executionUnits);
    expect(first.report.executionUnits).toBe(9);
  });

  it("runs files in the order of their keys, those with two keys twice, and others once in their life", () => {
    const { first, second, visits } = of();
    const paths = (run: RunOutcome) => run.report.files?.map(({ path }) => path);
    expect(paths(first)).toEqual([
      "./Base.DDL",
      "./finish/twice.sql",
      "./schema/010_tables.sql",
      "./schema/020_functions.pgsql",
      "./data/once.sql",
      "./finish/twice.sql",
    ]);
    expect(paths(second)).not.toContain("./data/once.sql");
    expect(second.notices).toContain("skipped ./data/once.sql");
    expect(visits).toEqual([0, 1, 2, 3]);
  });

  it("runs every test with its fixtures, twice, and keeps none of their rows", () => {
    const { first, plan } = of();
    expect(first.report.tests?.map(({ path, result }) => `${result} ${path}`)).toEqual([
      "passed ./shop/__test__/test_empty.sql",
      "passed ./shop/__test__/test_order_total.sql",
      "passed ./shop/__test__/totals/test_stacked.sql",
      "passed ./shop/__test__/totals/deep/test_deep.sql",
      "passed ./shop/__tests__/test_other_suite.sql",
      "passed ./shop/__test__/totals/test_stacked.sql",
      "passed ./shop/__test__/totals/deep/test_deep.sql",
      "passed ./shop/__test__/test_empty.sql",
    ]);
    expect(plan).toBe(11);
  });

  it("shows the project the same as every other major does", () => {
    const oldest = seen.get(MAJORS[0] ?? 14);
    expect(of().reports).toEqual(oldest?.reports);
    expect(of().first.notices).toEqual(oldest?.first.notices);
    expect(Object.keys(of().reports)).toHaveLength(13);
  });
});

describe("what the full project saw", () => {
  it("is what the contract says", () => {
    const { reports } = seen.get(MAJORS.at(-1) ?? 18) ?? { reports: {} };
    expect(reports).toMatchSnapshot();
  });
});
