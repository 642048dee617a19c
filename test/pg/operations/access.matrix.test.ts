/** `access matrix`: letters and marks as people read them, and the formats. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import renderer from "../../../src/cli/renderers/access.matrix.ts";
import operation from "../../../src/operations/access.matrix.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { viewOf } from "../../support/view.ts";

const CONTENT = `
create role owner; create role rw; create role django login in role rw; create role reader; create role boss;
create role caller; create role "=cmd|' /C calc'!A0"; create role root superuser;
grant owner to boss with inherit false;
create schema app authorization owner; create schema closed authorization owner;
set role owner;
create table app.orders (id int, note text);
create table app.users (id int, email text);
create table app.open_to_all (id int);
create table closed.secrets (id int);
create function app.run() returns int language sql security definer as 'select 1';
revoke execute on function app.run from public;
grant execute on function app.run to caller;
grant usage on schema app to public;
grant select, insert on app.orders to rw;
grant select on app.orders to reader with grant option;
grant select (id) on app.users to reader;
grant select on app.users to rw;
grant select on closed.secrets to reader;
grant select on app.open_to_all to public;
grant insert on app.open_to_all to "=cmd|' /C calc'!A0";
alter table app.users enable row level security;
`;

let cluster: TestCluster;
let url: string;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  url = cluster.url(await cluster.createDatabase("shop"));
  await cluster.sql(CONTENT, { database: "shop" });
});
afterAll(() => cluster.stop());

type Input = Parameters<typeof operation.run>[0];
const matrix = async (input: Partial<Input> = {}) =>
  (await runOperation(operation, { connection: url, ...input })).output;

async function cellsOf(name: string, input: Partial<Input> = {}): Promise<Record<string, string>> {
  const found = (await matrix(input)).objects.find((object) => object.name === name);
  return Object.fromEntries((found?.cells ?? []).map(({ role, cell }) => [role ?? "PUBLIC", cell]));
}

describe("access matrix", () => {
  it("says read, write, define and own, inherited rights included", async () => {
    expect(await cellsOf("orders")).toEqual({
      boss: "RsWsDsOs",
      caller: "⚑",
      django: "RW",
      owner: "R*W*D*O",
      reader: "R*",
      rw: "RW",
    });
  });

  it("marks what columns and row level security limit", async () => {
    expect(await cellsOf("users")).toMatchObject({ reader: "R◐", rw: "R◐", owner: "R*W*D*O" });
  });

  it("shows nothing of a schema that cannot be reached", async () => {
    expect(await cellsOf("secrets")).not.toHaveProperty("reader");
  });

  it("has PUBLIC once, and in a role's cell only beside what it has itself", async () => {
    expect(await cellsOf("open_to_all")).toMatchObject({ PUBLIC: "R", "=cmd|' /C calc'!A0": "RpW" });
    expect(await cellsOf("open_to_all")).not.toHaveProperty("reader");
  });

  it("lists superusers instead of repeating them", async () => {
    const { superusers, roles } = await matrix();
    expect(superusers).toEqual(["postgres", "root"]);
    expect(roles).not.toContain("root");
  });

  it("narrows to roles, schemas, names and kinds", async () => {
    const { objects, roles } = await matrix({ role: ["d*"], schema: ["app"], kind: ["table"], object: ["o*"] });
    expect(objects.map(({ name }) => name)).toEqual(["open_to_all", "orders"]);
    expect(roles).toEqual(["django"]);
    expect((await matrix({ kind: ["database"] })).objects.map(({ name }) => name)).toContain("shop");
  });

  it("is a grid while it fits, and a list when not", async () => {
    const output = await matrix({ schema: ["app"], kind: ["table"], role: ["rw", "reader", "owner"] });
    const text = renderer.result?.(output, viewOf());
    expect(text?.split("\n").slice(0, 4)).toEqual([
      "                 owner    reader  rw",
      "app.open_to_all  R*W*D*O  -       -",
      "app.orders       R*W*D*O  R*      RW",
      "app.users        R*W*D*O  R◐      R◐",
    ]);
    const narrow = renderer.result?.(output, viewOf({ width: 20, ascii: true }));
    expect(narrow?.split("\n")[2]).toBe("app.users  owner R*W*D*O, reader R~, rw R~");
  });

  it("is CSV that no spreadsheet executes", async () => {
    const csv = await renderer.formats?.csv?.(await matrix({ kind: ["table"], object: ["open_to_all"] }));
    expect(csv?.split("\r\n")[0]).toBe("kind,schema,object,owner,role,cell,now,after_set_role");
    expect(csv).toContain(`table,app,open_to_all,owner,PUBLIC,R,select,\r\n`);
    expect(csv).toContain(`,'=cmd|' /C calc'!A0,RpW,insert select,\r\n`);
  });
});
