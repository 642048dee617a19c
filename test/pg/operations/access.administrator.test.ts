/**
 * [ACC-04] An administrator who is no superuser brings a new database to the recommended model, on every major version:
 * CREATE DATABASE, roles, passwords, ownership, defaults; then the roles do what they are for.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import applyOperation from "../../../src/operations/access.apply.ts";
import bootstrapOperation from "../../../src/operations/access.bootstrap.ts";
import initOperation from "../../../src/operations/access.init.ts";
import planOperation from "../../../src/operations/access.plan.ts";
import { modelFolder } from "../../support/access.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";

const MODEL = `
version: 1
database: shop
profile: three-tier
names: { owner: shop_owner, migrator: shop_migrator, read_write: shop_rw, read_only: shop_r, application: [web], reporter: [report], schema: [app] }
external_roles: [admin]
database_acl: { connect: [shop_migrator, shop_rw, shop_r, admin] }
roles:
  web: { password: "\${env:WEB}" }
  shop_migrator: { password: "\${env:MIGRATOR}" }
`;

const environment = { WEB: "c4nary web-word", MIGRATOR: "c4nary migrator-word" };

describe.each(availableMajors())("[ACC-04] an administrator without superuser on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role admin login createrole createdb password 'admin-password'");
  });
  afterAll(() => cluster.stop());

  const connection = () => `postgresql://admin:admin-password@${cluster.host}:${cluster.port}/postgres`;
  const as = (user: string, password: string) => ({ user, password, database: "shop" });

  it("is warned when the model would keep the administrator itself out", async () => {
    using folder = modelFolder(MODEL.replace(", admin] }", "] }"));
    const { output } = await folder.run(planOperation, { connection: connection() }, { environment });
    expect(output.warnings.join()).toContain(
      'role "admin", which runs this, could not connect to database "shop" any more',
    );
    using kept = modelFolder(MODEL);
    const plan = await kept.run(planOperation, { connection: connection() }, { environment });
    expect(plan.output.warnings.join()).not.toContain("could not connect");
  });

  it("applies the three-tier model, part of which only a superuser can do on 14, and nothing is left", async () => {
    using folder = modelFolder(MODEL);
    const plan = await folder.run(planOperation, { connection: connection() }, { environment });
    const { blocked } = plan.output;
    // Up to 14 the schema public belongs to the bootstrap superuser.
    expect(blocked.map(({ sql }) => sql)).toEqual(
      major === 14 ? blocked.filter(({ sql }) => sql.includes('"public"')).map(({ sql }) => sql) : [],
    );
    if (major === 14) {
      const refused: unknown = await folder
        .run(applyOperation, { connection: connection(), yes: true }, { environment })
        .catch((error) => error);
      expect(refused).toMatchObject({ code: "ACCESS_BLOCKED", exit: 21 });
      expect(refused).toBeInstanceOf(PgkeepError);
      expect(await cluster.sql("select 1 from pg_database where datname = 'shop'")).toEqual([]);
      expect(await cluster.sql("select 1 from pg_roles where rolname like 'shop%'")).toEqual([]);
    }
    const applied = await folder.run(
      applyOperation,
      { connection: connection(), yes: true, partial: true },
      { environment },
    );
    expect(applied).toMatchObject({ exitCode: 0, output: { outcome: "applied", remaining: [], leftovers: [] } });
    expect(applied.output.passwords_set.toSorted()).toEqual(["shop_migrator", "web"]);
    const again = await folder.run(planOperation, { connection: connection() }, { environment });
    expect(again.output.statements).toEqual([]);
  });

  it("left no right of another role with the administrator that a session could use", async () => {
    const rows = await cluster.sql(
      major >= 16
        ? "select roleid::regrole::text as role from pg_auth_members where member = 'admin'::regrole and (inherit_option or set_option)"
        : "select roleid::regrole::text as role from pg_auth_members where member = 'admin'::regrole",
    );
    expect(rows).toEqual([]);
  });

  it("gave the migrator the owner's objects, the application its data, and nobody more", async () => {
    await cluster.sql(
      "create table app.orders (id serial primary key, total int)",
      as("shop_migrator", environment.MIGRATOR),
    );
    await cluster.sql("insert into app.orders (total) values (7)", as("web", environment.WEB));
    expect(await cluster.sql("select total from app.orders", as("web", environment.WEB))).toEqual([{ total: 7 }]);
    const owner = await cluster.sql("select relowner::regrole::text as owner from pg_class where relname = 'orders'", {
      database: "shop",
    });
    expect(owner).toEqual([{ owner: "shop_owner" }]);
    const forbidden = [
      "drop table app.orders",
      "alter table app.orders add x int",
      "create table app.mine ()",
      "set role shop_owner",
      "create schema mine",
    ];
    for (const sql of forbidden)
      await expect(cluster.sql(sql, as("web", environment.WEB)), sql).rejects.toMatchObject({ code: "42501" });
  });

  it("can rotate a password later, and the old one is refused", async () => {
    using folder = modelFolder(MODEL);
    const changed = { ...environment, WEB: "c4nary second-word" };
    const applied = await folder.run(
      applyOperation,
      { connection: connection(), yes: true, partial: true, rotate: true },
      { environment: changed },
    );
    expect(applied.output.passwords_set).toContain("web");
    await expect(cluster.sql("select 1", as("web", environment.WEB))).rejects.toMatchObject({ code: "28P01" });
    expect(await cluster.sql("select 1 as one", as("web", changed.WEB))).toEqual([{ one: 1 }]);
  });

  it.each(["init", "bootstrap"] as const)("can come back to a database made by the model of access %s", async (by) => {
    const url = connection().replace(/postgres$/, `made_by_${by}`);
    const input = { connection: url, profile: "three-tier" as const };
    using folder = modelFolder();
    const yes = { yes: true, partial: true };
    const made =
      by === "init"
        ? await folder.run(initOperation, input)
        : await folder.run(bootstrapOperation, { ...input, ...yes });
    const { text } = made.output;
    expect(text).toContain("external_roles: [admin]");
    folder.write(text);
    if (by === "init") await folder.run(applyOperation, { connection: url, ...yes });
    expect((await folder.run(planOperation, { connection: url })).output.statements).toEqual([]);
  });
});
