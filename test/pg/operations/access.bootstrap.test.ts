/** The roles that bootstrap makes are as weak as they can be, tried by logging in as them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import bootstrap from "../../../src/operations/access.bootstrap.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";

const PASSWORDS = { MIGRATOR: "the migrator's own", APP: "the application's own" };

describe.each(availableMajors())("[A-12] what bootstrap made on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-bootstrap-"));
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await runOperation(
      bootstrap,
      {
        connection: cluster.url("postgres"),
        database: "shop",
        migrationPassword: "${env:MIGRATOR}",
        appPassword: "${env:APP}",
        yes: true,
      },
      { environment: PASSWORDS, workingDirectory: directory },
    );
    await as("shop_migrator", "create table app.orders (id serial primary key, note text)");
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const as = (user: "shop_migrator" | "shop_app", text: string) =>
    cluster.sql(text, { database: "shop", user, password: user === "shop_app" ? PASSWORDS.APP : PASSWORDS.MIGRATOR });

  it("has no attribute that stands above the database", async () => {
    const rows = await cluster.sql(
      `select rolname from pg_catalog.pg_roles
        where rolname like 'shop%' and (rolsuper or rolbypassrls or rolreplication or rolcreaterole or rolcreatedb)`,
    );
    expect(rows).toEqual([]);
  });

  it("lets the application read and write, and nothing else", async () => {
    await as("shop_app", "insert into app.orders (note) values ('one')");
    expect(await as("shop_app", "select note from app.orders")).toEqual([{ note: "one" }]);
  });

  it.each([
    "alter table app.orders add column more text",
    "drop table app.orders",
    "truncate app.orders",
    "create table app.mine ()",
    "create table public.mine ()",
    "create schema mine",
    "create temporary table mine ()",
    "create index on app.orders (note)",
    "set role shop_owner",
    "set role shop_migrator",
    "create role mine",
    "create database mine",
    "alter role shop_app createrole",
    "grant shop_owner to shop_app",
    "copy app.orders to program 'cat'",
  ])("refuses the application: %s", async (statement) => {
    await expect(as("shop_app", statement)).rejects.toMatchObject({ code: "42501" });
  });

  it.each([
    "create role mine",
    "create database mine",
    "alter role shop_app superuser",
    "set session authorization postgres",
  ])("refuses the migrator: %s", async (statement) => {
    await expect(as("shop_migrator", statement)).rejects.toMatchObject({ code: "42501" });
  });

  it("lets the migrator change what the owner owns, under the owner's name", async () => {
    await as("shop_migrator", "alter table app.orders add column more text; create table app.later ()");
    const [row] = await cluster.sql(
      "select pg_catalog.pg_get_userbyid(relowner) as owner from pg_catalog.pg_class where oid = 'app.later'::regclass",
      { database: "shop" },
    );
    expect(row).toEqual({ owner: "shop_owner" });
    expect(await as("shop_app", "select * from app.later")).toEqual([]);
  });
});
