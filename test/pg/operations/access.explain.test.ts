/** `access explain`: the answer, every path to it, and statements that really take a path away. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import renderer from "../../../src/cli/renderers/access.explain.ts";
import operation from "../../../src/operations/access.explain.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { viewOf } from "../../support/view.ts";

const CONTENT = `
create role owner; create role app_rw; create role django login; create role reporter login; create role third;
create role boss noinherit; create role writer;
grant app_rw to django; grant owner to boss; grant pg_write_all_data to writer;
create schema app authorization owner; create schema closed authorization owner;
set role owner;
create table app.orders (id int, owner text, total numeric);
create table app.users (id int, name text, email text);
create table closed.secrets (id int);
create function app.total(a integer) returns int language sql as 'select 1';
create function app.total(a text) returns int language sql as 'select 1';
create function app.purge() returns int language sql security definer as 'select 1';
grant usage on schema app to app_rw, reporter, third, writer;
grant select, delete on app.orders to app_rw;
grant delete on app.orders to third with grant option;
grant select (id, name) on app.users to reporter;
grant select on closed.secrets to reporter;
set role third;
grant delete on app.orders to django;
set role owner;
alter table app.orders enable row level security;
create policy own on app.orders to app_rw using (owner = current_user);
reset role;
`;

describe.each(availableMajors())("access explain on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let url: string;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    url = cluster.url(await cluster.createDatabase("shop"));
    await cluster.sql(CONTENT, { database: "shop" });
  });
  afterAll(() => cluster.stop());

  const explain = async (role: string, privilege: string, object: string, more: Record<string, string> = {}) =>
    (await runOperation(operation, { role, privilege, object, connection: url, ...more })).output;
  const shown = async (role: string, privilege: string, object: string) =>
    renderer.result?.(await explain(role, privilege, object), viewOf());

  it("lists every path with its evidence and what closes it", async () => {
    const text = await shown("django", "delete", "app.orders");
    const grantedBy = major >= 16 ? ' granted by "postgres"' : "";
    expect(text).toBe(`yes, by 2 paths
  1  grant delete on app.orders, given by third
     row level security: policy "own" to rows where (owner = CURRENT_USER)
     closed by  set role "third"; revoke delete on table "app"."orders" from "django"; reset role;
  2  django -> app_rw (inherit), grant delete on app.orders, given by owner
     row level security: policy "own" to rows where (owner = CURRENT_USER)
     closed by  revoke delete on table "app"."orders" from "app_rw";
     or         revoke "app_rw" from "django"${grantedBy};
not by: superuser, ownership, PUBLIC, predefined role
note: may execute security definer routines of roles that have it: app.purge() as owner
`);
  });

  it("gives statements that close what they say", async () => {
    const { paths } = await explain("django", "delete", "app.orders");
    const [own, group] = paths;
    await cluster.sql(own?.steps.at(-1)?.remove ?? "", { database: "shop" });
    expect((await explain("django", "delete", "app.orders")).paths).toEqual([group]);
    await cluster.sql(group?.steps[0]?.remove ?? "", { database: "shop" });
    expect((await explain("django", "delete", "app.orders")).answer).toBe("no");
    await cluster.sql("set role third; grant delete on app.orders to django; reset role; grant app_rw to django", {
      database: "shop",
    });
  });

  // Memberships have grantors, and so something to pass on and take back, from 16.
  if (major >= 16) {
    it("takes back what was passed on together with what came of it", async () => {
      await cluster.sql("create role mid; create role leaf; grant app_rw to mid with admin option", {
        database: "shop",
      });
      await cluster.sql("set role mid; grant app_rw to leaf", { database: "shop" });
      const [path] = (await explain("mid", "select", "app.orders")).paths;
      expect(path?.steps[0]?.remove).toBe('revoke "app_rw" from "mid" granted by "postgres" cascade');
      await cluster.sql(path?.steps[0]?.remove ?? "", { database: "shop" });
      expect((await explain("leaf", "select", "app.orders")).answer).toBe("no");
    });
  }

  it("says when a parent's statements reach the rows that the table itself refuses", async () => {
    await cluster.sql(
      `set role owner; create table app.parts (id int) partition by list (id); create table app.part partition of app.parts default;
       grant update on app.parts to reporter; reset role`,
      { database: "shop" },
    );
    const { answer, notes } = await explain("reporter", "update", "app.part");
    expect(answer).toBe("no");
    expect(notes).toContain("has update on app.parts, whose statements reach its rows too");
    expect((await explain("reporter", "insert", "app.part")).notes.join()).not.toContain("parts");
    await cluster.sql("drop table app.parts", { database: "shop" });
  });

  it("tells what is so now from what SET ROLE gives", async () => {
    const { answer, paths } = await explain("boss", "truncate", "app.orders");
    expect({ answer, acting: paths.map(({ acting, when }) => `${when} as ${acting}`) }).toEqual({
      answer: "after set role",
      acting: ["after set role as owner"],
    });
    expect(await shown("boss", "truncate", "app.orders")).toContain("yes, but only after SET ROLE, by 1 path");
  });

  it("answers for columns, one or some", async () => {
    expect((await explain("reporter", "select", "app.users")).answer).toBe("some columns");
    expect((await explain("reporter", "select", "app.users(name)")).answer).toBe("now");
    expect((await explain("reporter", "select", "app.users(email)")).answer).toBe("no");
  });

  it("says no where the schema cannot be reached, and why", async () => {
    const { answer, reasons, paths } = await explain("reporter", "select", "closed.secrets");
    expect({ answer, reasons, reaches: paths.map(({ reaches }) => reaches) }).toEqual({
      answer: "no",
      reasons: ["the role has no usage on schema closed"],
      reaches: [false],
    });
  });

  it("knows predefined roles, superusers, PUBLIC and built-in defaults", async () => {
    const sources = async (role: string, privilege: string, object: string, more = {}) =>
      (await explain(role, privilege, object, more)).paths.map(({ source }) => source);
    expect(await sources("writer", "insert", "app.orders")).toEqual(["predefined role"]);
    expect(await sources("postgres", "insert", "app.orders")).toEqual(["superuser"]);
    expect(await sources("public", "execute", "app.total(integer)")).toEqual(["built-in default"]);
    expect(await sources("owner", "trigger", "app.orders")).toEqual(["ownership"]);
    expect(await sources("reporter", "connect", "shop")).toEqual(["built-in default"]);
  });

  it("names views that show the table to whoever has nothing on it", async () => {
    const invoker = major >= 15 ? "with (security_invoker = true)" : "";
    await cluster.sql(
      `set role owner; create view app.names as select name from app.users; create view app.more as select * from app.names;
       create view app.own ${invoker} as select name from app.users; create materialized view app.unrelated as select 1;
       grant select on app.names, app.more, app.own, app.unrelated to third`,
      { database: "shop" },
    );
    const { answer, notes } = await explain("third", "select", "app.users");
    const own = major >= 15 ? "" : ", app.own as owner";
    expect({ answer, notes }).toEqual({
      answer: "no",
      notes: [
        "may execute security definer routines of roles that have it: app.purge() as owner",
        `has select on views over it, with their owners' rights: app.more as owner, app.names as owner${own}`,
      ],
    });
  });

  it("says what row level security leaves, and to whom", async () => {
    const rows = async (role: string) =>
      (await explain(role, "delete", "app.orders")).paths.map((path) => path.rows?.limit);
    expect(await rows("third")).toEqual(["none"]);
    expect(await rows("owner")).toEqual(["all"]);
    expect(await rows("django")).toEqual(["some", "some"]);
  });

  it("guesses no role, object or privilege", async () => {
    await expect(explain("Django", "select", "app.orders")).rejects.toMatchObject({
      code: "CONFIG_VALUE_INVALID",
      parts: { hint: 'Did you mean "django"?' },
    });
    await expect(explain("django", "select", "app.order")).rejects.toMatchObject({
      parts: { hint: 'Did you mean "app.orders"?' },
    });
    await expect(explain("django", "select", "elsewhere.something")).rejects.toMatchObject({
      parts: { hint: expect.stringMatching(/^See what there is: pgkeep access matrix -d /) },
    });
    await expect(explain("django", "execute", "app.total")).rejects.toMatchObject({
      message: "the name fits more than one object",
    });
    await expect(explain("django", "drop", "app.orders")).rejects.toMatchObject({
      message: "there is no such privilege",
      parts: { hint: expect.stringContaining("Only owners may do that") },
    });
  });
});
