/** `access explain` and `access matrix` as a person or a pipeline runs them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";

let cluster: TestCluster;
let connection: string[];
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  connection = ["--connection", cluster.url(await cluster.createDatabase("shop"))];
  await cluster.sql(
    `create role app login; create role "evil\u001b[31m\n::error::x";
     create schema app; grant usage on schema app to app, "evil\u001b[31m\n::error::x";
     create table app.orders (id int); grant select on app.orders to app;
     create table app.users (id int, email text); grant select (email) on app.users to "evil\u001b[31m\n::error::x"`,
    { database: "shop" },
  );
});
afterAll(() => cluster.stop());

describe("pgkeep access explain", () => {
  const explain = (...words: string[]) => pgkeep(["access", "explain", ...words, ...connection]);

  it("answers yes with the path and ends with 0", async () => {
    expect(await explain("app", "select", "app.orders")).toMatchObject({
      status: 0,
      stdout: `yes, by 1 path
  1  grant select on app.orders, given by postgres
     closed by  revoke select on table "app"."orders" from "app";
not by: superuser, ownership, PUBLIC, column grant, predefined role
`,
    });
  });

  it("answers no with what was looked at, and ends with 0 too", async () => {
    expect(await explain("app", "delete", "app.orders")).toMatchObject({
      status: 0,
      stdout: "no\nnot by: superuser, ownership, grant, PUBLIC, predefined role\n",
    });
  });

  it("gives the same as JSON", async () => {
    const { stdout } = await explain("app", "select", "app.orders", "--json");
    const { ok, data } = JSON.parse(stdout);
    expect({ ok, answer: data.answer, object: data.object, remove: data.paths[0].steps[0].remove }).toEqual({
      ok: true,
      answer: "now",
      object: { kind: "table", schema: "app", name: "orders", column: null, owner: "postgres" },
      remove: 'revoke select on table "app"."orders" from "app"',
    });
  });

  it("ends with 10 and a hint where a name means nothing", async () => {
    const { status, stderr } = await explain("ap", "select", "app.orders");
    expect(status).toBe(10);
    expect(stderr).toContain('HINT: Did you mean "app"?');
  });

  it("shows names that would steer a terminal or a pipeline, and obeys none", async () => {
    const name = "evil\u001b[31m\n::error::x";
    for (const words of [
      [name, "select", "app.users"],
      [name, "select", "app.users(email)"],
      ["nobody", "select", "app.users"],
    ]) {
      const { stdout, stderr } = await explain(...words);
      expect(stdout + stderr).not.toContain("\u001b[31m");
      expect(stdout + stderr).not.toMatch(/^::error/m);
    }
  });
});

describe("pgkeep access matrix", () => {
  it("prints a grid, and CSV and JSON of the same cells", async () => {
    const words = ["access", "matrix", "--schema", "app", "--kind", "table", "--role", "app", ...connection];
    const { stdout } = await pgkeep([...words, "--ascii"]);
    expect(stdout).toContain("            app\napp.orders  R\napp.users   -\n");
    expect((await pgkeep([...words, "--format", "csv"])).stdout).toBe(
      "kind,schema,object,owner,role,cell,now,after_set_role\r\ntable,app,orders,postgres,app,R,select,\r\n",
    );
    const { data } = JSON.parse((await pgkeep([...words, "--json"])).stdout);
    expect(data.objects[0].cells).toEqual([{ role: "app", cell: "R", now: ["select"], after_set_role: [] }]);
  });

  it("never prints a name that a terminal would obey, in any format for people", async () => {
    for (const format of ["human", "csv"]) {
      const { stdout } = await pgkeep(["access", "matrix", "--format", format, ...connection]);
      expect(stdout).toContain("evil");
      expect(stdout).not.toContain("\u001b[31m");
      expect(stdout).not.toMatch(/^::error/m);
    }
  });
});
