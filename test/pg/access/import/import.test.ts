/** [ACC-02] A database written as its own model: reading that back and planning finds nothing to do. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { describeSnapshot } from "../../../../src/access/import/describe.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { makePlan } from "../../../../src/access/plan/make-plan.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { FIXTURES, type ImportFixture } from "./fixtures.ts";

/** Statements that a plan of the database's own model would run. */
async function replanned(cluster: TestCluster, database: string, mode = "adopt") {
  await using session = await connectTo(cluster, { database });
  const snapshot = await inspect(session);
  const { text, ...counts } = describeSnapshot(snapshot);
  const model = await readModel(text.replace("mode: adopt", `mode: ${mode}`), { file: "imported.yaml" });
  const plan = await makePlan(model, snapshot, {});
  return {
    text,
    counts,
    statements: plan.statements.map(({ sql }) => sql),
    blocked: plan.blocked.map(({ sql }) => sql),
  };
}

async function prepared(cluster: TestCluster, { setup }: ImportFixture): Promise<string> {
  const database = await cluster.createDatabase();
  for (const sql of setup(database)) await cluster.sql(sql, { database });
  return database;
}

describe.each(availableMajors())("[ACC-02] PostgreSQL %i: import, then plan", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  it.each(FIXTURES.filter(({ since = 0 }) => major >= since))(
    "finds nothing to do in a database with $name",
    async (fixture) => {
      const database = await prepared(cluster, fixture);
      const { statements, blocked, text } = await replanned(cluster, database);
      expect({ statements, blocked }, text).toEqual({ statements: [], blocked: [] });
    },
  );

  it("finds nothing to do in mode authoritative either", async () => {
    const database = await cluster.createDatabase();
    const { statements, blocked } = await replanned(cluster, database, "authoritative");
    expect({ statements, blocked }).toEqual({ statements: [], blocked: [] });
  });
});
