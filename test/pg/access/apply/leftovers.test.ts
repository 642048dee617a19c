/** A privilege that was taken away and is still there in another way is found, with the way. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftoversOf } from "../../../../src/access/apply/leftovers.ts";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import type { AccessModel, RoleModel } from "../../../../src/access/model/model.ts";
import { startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  await cluster.sql("create role app; create role grp; create role outsider; create role app_owner");
});
afterAll(() => cluster.stop());

function roleModel(name: string): RoleModel {
  return {
    name,
    line: 1,
    state: "present",
    login: false,
    inherit: true,
    superuser: false,
    createRole: false,
    createDatabase: false,
    replication: false,
    bypassRowSecurity: false,
    connectionLimit: -1,
    validUntil: undefined,
    comment: undefined,
    password: undefined,
    runAs: undefined,
    settings: new Map(),
    databaseSettings: new Map(),
    retirement: undefined,
  };
}

const model = (roles: readonly string[], changes: Partial<AccessModel> = {}): AccessModel => ({
  file: "access.yaml",
  hash: "",
  database: "shop",
  mode: "adopt",
  profile: undefined,
  gate: false,
  roles: new Map(roles.map((name) => [name, roleModel(name)])),
  memberships: [],
  owners: [],
  rules: [],
  defaults: [],
  rowSecurity: [],
  databaseSettings: new Map(),
  schemas: new Map(),
  governsDatabase: false,
  governed: [],
  verify: { logins: new Map(), expectations: [], callable: [] },
  ...changes,
});

/** What is left to role app of `revoke` on public.t, prepared by `setup`. */
async function leftAfter(
  setup: string,
  { managed = ["app"], cleanUp = "select 1", revoke = "revoke select on public.t from app" } = {},
) {
  const database = await cluster.createDatabase();
  await cluster.sql(`create table public.t (id int); grant select on public.t to app; ${setup}`, { database });
  await using session = await connectTo(cluster, { database });
  const before = await inspect(session);
  await cluster.sql(revoke, { database });
  const after = await inspect(session);
  await cluster.sql(cleanUp, { database });
  return await leftoversOf({ before, after, model: model(managed) });
}

describe("[A-06] what a revoke leaves", () => {
  it("is nothing when it was the only way", async () => {
    expect(await leftAfter("select 1")).toEqual([]);
  });

  it("is nothing that an administrator has anyway who gave away what it owned", async () => {
    expect(
      await leftAfter("revoke truncate on public.t from app", {
        managed: ["app", "app_owner"],
        revoke: "alter table public.t owner to app_owner",
      }),
    ).toEqual([]);
  });

  it.each<[string, string, string, RegExp]>([
    ["PUBLIC", "grant select on public.t to public", "select 1", /PUBLIC|=r/],
    [
      "a membership that the model does not manage",
      "grant select on public.t to outsider; grant outsider to app",
      "revoke outsider from app",
      /outsider/,
    ],
    [
      "a membership without inheritance, by SET ROLE",
      "grant select on public.t to outsider; grant outsider to app with inherit false",
      "revoke outsider from app",
      /outsider/,
    ],
    [
      "ownership through a role",
      "alter table public.t owner to outsider; grant outsider to app",
      "revoke outsider from app",
      /outsider/,
    ],
    ["a predefined role", "grant pg_read_all_data to app", "revoke pg_read_all_data from app", /pg_read_all_data/],
    ["the attribute SUPERUSER", "alter role app superuser", "alter role app nosuperuser", /superuser/],
    [
      "a chain of two roles",
      "grant select on public.t to outsider; grant outsider to grp; grant grp to app",
      "revoke grp from app; revoke outsider from grp",
      /grp/,
    ],
  ])("is found when it comes from %s", async (_, setup, cleanUp, path) => {
    const [left, ...others] = await leftAfter(setup, { cleanUp });
    expect(others).toEqual([]);
    expect(left).toMatchObject({ role: "app", privilege: "select" });
    expect(left?.object).toContain('"t"');
    expect(left?.paths.join()).toMatch(path);
  });

  it("is meant when a role of the model gives it: a direct grant that became a membership is no leftover", async () => {
    const setup = "grant select on public.t to grp; grant grp to app";
    expect(await leftAfter(setup, { managed: ["app", "grp"], cleanUp: "revoke grp from app" })).toEqual([]);
  });

  it("is not what was never taken", async () => {
    expect(await leftAfter("grant insert on public.t to public", {})).toEqual([]);
  });
});
