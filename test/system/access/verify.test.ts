/** `pgkeep access verify` and the access gate of `pgkeep deploy` as processes: text, documents, formats, exit statuses. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/project.ts";

const MODEL = `version: 1
database: shop
gate: true
roles:
  shop_owner: { login: false }
  app: { login: true }
schemas:
  app:
    owner: shop_owner
    grants:
      - { to: app, usage: true, tables: [select, insert], sequences: [usage] }
    defaults_for: [shop_owner]
`;

const HEAD = `begin;
create schema app authorization shop_owner;
set local role shop_owner;
alter default privileges in schema app grant select, insert on tables to app;
alter default privileges in schema app grant usage on sequences to app;
grant usage on schema app to app;
create table app.orders (id serial primary key, total int);
reset role;
`;

let cluster: TestCluster;
let environment: Record<string, string>;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.sql("create role shop_owner; create role app login");
  environment = {
    PGHOST: cluster.host,
    PGPORT: String(cluster.port),
    PGUSER: "postgres",
    PGPASSWORD: cluster.password,
    PGSSLMODE: "disable",
  };
});

afterAll(() => cluster.stop());

const run = (words: string[], cwd: string) => pgkeep(words, { env: environment, cwd });

async function withProject<T>(script: string, use: (project: TemporaryDirectory) => Promise<T>): Promise<T> {
  using project = temporaryDirectory({ "deploy.sql": script, "access.yaml": MODEL });
  return await use(project);
}

describe("pgkeep deploy with an access.yaml of gate: true beside deploy.sql", () => {
  it("commits nothing when a role may do what the model does not say, and says so in every form", async () => {
    await withProject(`${HEAD}grant delete on app.orders to app;\ncommit;\n`, async ({ path }) => {
      const human = await run(["deploy", ".", "-d", "shop"], path);
      const json = await run(["deploy", ".", "-d", "shop", "--json"], path);
      const document = JSON.parse(json.stdout);

      expect(human.status).toBe(20);
      expect(human.stderr).toContain("ACCESS_VERIFY_FAILED");
      expect(human.stderr).toContain("app: delete table app.orders must be refused and is allowed");
      expect(human.stderr).toMatch(/STATE: rolled back; database "shop" was created by this run and is empty/);
      expect(json.status).toBe(20);
      expect(document).toMatchObject({ status: "failed", exitCode: 20, code: "ACCESS_VERIFY_FAILED" });
      expect(document.state).toBe('rolled back; database "shop" is as before this run');
      expect(document.access.probes).toMatchObject([
        { role: "app", action: "delete", object: "table app.orders", result: "fail" },
      ]);
      const [row] = await cluster.sql("select to_regnamespace('app') as there", { database: "shop" });
      expect(row.there).toBeNull();
    });
  });

  it("[A-06] looks again at what commits by itself after it, and says what stays", async () => {
    await withProject(`${HEAD}commit;\ngrant delete on app.orders to app;\n`, async ({ path }) => {
      const { status, stdout } = await run(["deploy", ".", "-d", "tail", "--json"], path);
      const document = JSON.parse(stdout);

      expect(status, stdout).toBe(20);
      expect(document).toMatchObject({
        code: "ACCESS_VERIFY_FAILED",
        access: { probes: [{ role: "app", action: "delete", object: "table app.orders", result: "fail" }] },
      });
      expect(document.state).toMatch(/^committed/);
      const [row] = await cluster.sql("select has_table_privilege('app', 'app.orders', 'delete') as may", {
        database: "tail",
      });
      expect(row.may).toBe(true);
    });
  });

  it("commits when the matrix holds", async () => {
    await withProject(`${HEAD}commit;\n`, async ({ path }) => {
      const { status, stdout } = await run(["deploy", ".", "-d", "shop", "--json"], path);

      expect(status, stdout).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        status: "success",
        state: "committed",
        access: { counts: { fail: 0, unknown: 0 }, probes: [] },
      });
    });
  });
});

describe("pgkeep access verify", () => {
  it("ends with 0 when the matrix holds, and says that nothing was changed", async () => {
    await withProject("", async ({ path }) => {
      const { status, stdout, stderr } = await run(["access", "verify"], path);

      expect(status, stderr).toBe(0);
      expect(stdout).toMatch(/^role +schema +pass +computed +fail +unknown/m);
      expect(stdout).toMatch(
        /shop: \d+ passed, \d+ computed from the catalog, 0 failed, 0 unknown; rolled back; nothing was changed/,
      );
    });
  });

  it("ends with 20 when a probe fails: failures first, with the role, the right and what to do next", async () => {
    await cluster.sql("grant truncate on app.orders to app", { database: "shop" });
    await withProject("", async ({ path }) => {
      const human = await run(["access", "verify"], path);
      const tap = await run(["access", "verify", "--format", "tap"], path);
      const junit = await run(["access", "verify", "--format", "junit"], path);

      expect(human.status).toBe(20);
      expect(human.stdout.split("\n")[0]).toMatch(/^. app: truncate table app\.orders +must be refused, is allowed$/);
      expect(human.stdout).toContain("next: pgkeep access plan access.yaml");
      // What is named works when it is pasted.
      const why = human.stdout.match(/^ {6}pgkeep (access explain .*?) {2}/m)?.[1] ?? "";
      expect((await run(why.split(" "), path)).stdout).toMatch(/^yes, by 1 path/);
      expect(tap.status).toBe(20);
      expect(tap.stdout).toMatch(/^not ok \d+ - \.\/app\/app\/truncate table app\.orders: refused$/m);
      expect(tap.stdout).toMatch(/^ok \d+ - \.\/app\/app\/drop table app\.orders: refused$/m);
      expect(junit.stdout).toContain('<testcase name="truncate table app.orders: refused" classname="./app/app/"');
      expect(junit.stdout).toContain('failures="1"');
    });
    await cluster.sql("revoke truncate on app.orders from app", { database: "shop" });
  });

  it("ends with 21 when --strict and something is unknown", async () => {
    await cluster.sql("create role stranger login password 'stranger'");
    await withProject("", async ({ path }) => {
      const env = { ...environment, PGUSER: "stranger", PGPASSWORD: "stranger" };
      const plain = await pgkeep(["access", "verify"], { env, cwd: path });
      const strict = await pgkeep(["access", "verify", "--strict"], { env, cwd: path });

      expect(plain.status, plain.stderr).toBe(0);
      expect(strict.status).toBe(21);
    });
  });

  it("prints the seed of a sample", async () => {
    await withProject("", async ({ path }) => {
      const { stdout } = await run(["access", "verify", "--sample", "1", "--seed", "42"], path);

      expect(stdout).toContain("sample of 1 per schema and kind, --seed 42");
    });
  });

  it("shows names of the database without their control characters", async () => {
    await cluster.sql(
      `create table app."bad\u001b[31mname" (id int); alter table app."bad\u001b[31mname" owner to shop_owner`,
      { database: "shop" },
    );
    await withProject("", async ({ path }) => {
      const { status, stdout } = await run(["access", "verify"], path);

      expect(status).toBe(20);
      expect(stdout).not.toContain("\u001b[31mname");
      expect(stdout).toContain("name");
    });
    await cluster.sql(`drop table app."bad\u001b[31mname"`, { database: "shop" });
  });
});
