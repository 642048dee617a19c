/** RLS-013: columns that the operator declares as sensitive, besides those known by name. */
import { afterAll, beforeAll, expect, it } from "vitest";
import rls013 from "../../../../../src/audit/checks/database/rls-013-sensitive-columns.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

let session: Session;

beforeAll(async () => {
  const cluster = await sharedCluster();
  session = await connectTo(cluster, { database: await cluster.createDatabase() });
  await session.script(`create schema lab; create table lab.people (id int, nickname text, "it's" text);
    create table lab.things (id int, nickname text); grant select on lab.people, lab.things to public`);
});

afterAll(() => session?.close());

it.each([
  [["lab.people.nickname"], ["lab.people.nickname <- PUBLIC"]],
  [["*.*.nickname"], ["lab.people.nickname <- PUBLIC", "lab.things.nickname <- PUBLIC"]],
  [["lab.things.*"], ["lab.things.id <- PUBLIC", "lab.things.nickname <- PUBLIC"]],
  [["lab.people.it's"], [`lab.people."it's" <- PUBLIC`]],
  [["other.people.nickname", "lab.people.nick"], []],
])("declared %j: %j", async (sensitive, found) => {
  expect(objectsOf(await outcomeOn(session, rls013, { declared: { sensitive } }))).toEqual(found);
});
