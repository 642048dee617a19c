/** Rights on every single column: what is tried looks like the right on the whole table, and verification knows it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { verifyOn } from "./fixture.ts";

const BY_COLUMN = `
version: 1
database: shop
mode: adopt
roles:
  shop_owner: { login: false }
  reader: { login: true }
schemas:
  app:
    owner: shop_owner
    grants:
      - { to: reader, usage: true }
      - { to: reader, columns: { notes: { select: [note], insert: [note], update: [note] } } }
`;

describe.each(availableMajors())("a table whose columns are all granted one by one, on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.createDatabase("shop");
    session = await connectTo(cluster, { database: "shop" });
    await session.script(`create role shop_owner; create role reader login; create schema app authorization shop_owner;
      set role shop_owner; create table app.notes (note text); grant usage on schema app to reader;
      grant select (note), insert (note), update (note) on app.notes to reader; reset role`);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const failures = async (): Promise<string[]> => {
    const report = await verifyOn(session, { model: BY_COLUMN });
    return report.probes
      .filter(({ result, object }) => result !== "pass" && result !== "computed" && object === "table app.notes")
      .map(({ action, actual }) => `${action}: ${actual}`);
  };

  it("is as such a model says", async () => {
    expect(await failures()).toEqual([]);
  });

  it("is not when the whole table is granted", async () => {
    await session.script("grant select on app.notes to reader");
    expect(await failures()).toEqual(["select: allowed"]);
    await session.script("revoke select on app.notes from reader; grant select (note) on app.notes to reader");
    expect(await failures()).toEqual([]);
  });

  it("is not when one of the columns is taken back", async () => {
    await session.script("revoke update (note) on app.notes from reader");
    expect(await failures()).toEqual(["update column note: refused"]);
  });
});
