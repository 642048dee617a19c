/** `pgkeep relay install` as its callers see it: what it says before, what it does, and what it refuses. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import renderer from "../../../src/cli/renderers/relay.install.ts";
import operation from "../../../src/operations/relay.install.ts";
import { migrations } from "../../../src/relay/schema/migrations.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { runOperation } from "../../support/operation.ts";
import { viewOf } from "../../support/view.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.sql(
    "create role plain login password 'plain-password'; create role app_owner login password 'plain-password'",
  );
  await cluster.createDatabase("shop", "owner app_owner");
});
afterAll(() => cluster?.stop());

const as = (user: string, database = "shop") => ({
  connection: `postgres://${user}:plain-password@127.0.0.1:${cluster.port}/${database}?sslmode=disable`,
});
const hasSchema = async (database: string) =>
  (await cluster.sql("select to_regnamespace('tide') is not null as there", { database }))[0].there;

describe("relay install", () => {
  it("--dry-run says which migrations would run, and makes nothing", async () => {
    const { output } = await runOperation(operation, { ...as("app_owner"), dryRun: true });
    expect(output).toMatchObject({ outcome: "made", dry_run: true, owner: "app_owner", database: "shop" });
    expect(output.migrations).toEqual(migrations().map(({ name }) => name));
    expect(await hasSchema("shop")).toBe(false);
    expect(renderer.result?.(output, viewOf())).toContain("would run 0001_tables.sql\n");
    expect(renderer.summary?.(output, viewOf())).toMatch(
      /^✓ shop: would make schema tide: owner "app_owner", \d+ migrations\nnext: pgkeep relay install -d shop$/,
    );
  });

  it("makes the schema, says so and what comes next; a second time nothing is left to do", async () => {
    const made = await runOperation(operation, as("app_owner"));
    expect(made.output).toMatchObject({ outcome: "made", dry_run: false, roles: false });
    expect(renderer.result?.(made.output, viewOf())).toBe("");
    expect(renderer.summary?.(made.output, viewOf({ ascii: true }))).toMatch(
      /^ok shop: schema tide made: .*\nnext: pgkeep relay install -d shop --roles/,
    );
    const again = await runOperation(operation, as("app_owner"));
    expect(again.output).toMatchObject({ outcome: "current", migrations: [] });
    expect(renderer.summary?.(again.output, viewOf())).toContain("schema tide is up to date");
  });

  it("--owner and --roles make roles that cannot log in", async () => {
    const database = await cluster.createDatabase();
    const connection = `${cluster.url(database)}?sslmode=disable`;
    const { output } = await runOperation(operation, { connection, owner: "keeper", roles: true });
    expect(output).toMatchObject({ outcome: "made", owner: "keeper", roles: true });
    expect(renderer.summary?.(output, viewOf())).toContain("next: grant tide_publisher");
    const roles = await cluster.sql(
      "select rolname from pg_roles where rolname ~ '^(tide_|keeper)' and not rolcanlogin order by 1",
    );
    expect(roles.map(({ rolname }) => rolname)).toEqual([
      "keeper",
      "tide_admin",
      "tide_operator",
      "tide_publisher",
      "tide_reader",
      "tide_relay",
    ]);
  });

  it("a role without CREATE on the database gets the grant to ask for", async () => {
    await cluster.createDatabase("other");
    await expect(runOperation(operation, as("plain", "other"))).rejects.toMatchObject({
      code: "RELAY_RIGHT_MISSING",
      parts: {
        hint: expect.stringContaining('grant create on database "other" to "plain"'),
        state: "nothing was changed",
      },
    });
  });

  it("refuses a schema tide of somebody else, naming its owner", async () => {
    const database = await cluster.createDatabase();
    await cluster.sql("create role stranger; create schema tide authorization stranger; create table tide.t ()", {
      database,
    });
    await expect(
      runOperation(operation, { connection: `${cluster.url(database)}?sslmode=disable` }),
    ).rejects.toMatchObject({
      code: "RELAY_SCHEMA_FOREIGN",
      message: expect.stringContaining('"stranger"'),
    });
  });

  it("takes pg_tide's schema over only after a yes", async () => {
    const database = await cluster.createDatabase();
    const tables = `create schema tide; create table tide.tide_outbox_config (outbox_name text primary key,
        retention_hours int not null default 24, inline_threshold int not null default 10000,
        enabled boolean not null default true, created_at timestamptz not null default now());
      create table tide.tide_outbox_messages (id bigint generated always as identity primary key, outbox_name text not null,
        payload jsonb not null, headers jsonb not null default '{}', created_at timestamptz not null default now(),
        consumed_at timestamptz, consumer_group text)`;
    await cluster.sql(tables, { database });
    const connection = `${cluster.url(database)}?sslmode=disable`;
    await expect(runOperation(operation, { connection })).rejects.toMatchObject({ code: "RELAY_ADOPTION_UNAPPROVED" });
    const answer = (yes: boolean) => ({
      prompt: {
        confirm: async () => yes,
        text: async () => undefined,
        secret: async () => undefined,
        choose: async () => undefined,
      },
    });
    await expect(runOperation(operation, { connection }, answer(false))).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await cluster.sql("select to_regclass('tide.meta') as meta", { database })).toEqual([{ meta: null }]);
    const { output } = await runOperation(operation, { connection }, answer(true));
    expect(output.outcome).toBe("adopted");
    expect(renderer.summary?.(output, viewOf())).toContain("taken over from pg_tide");
  });

  it("refuses an owner that no server could keep as it is", async () => {
    await expect(runOperation(operation, { ...as("app_owner"), owner: "x".repeat(64) })).rejects.toMatchObject({
      code: "CONFIG_VALUE_INVALID",
    });
  });
});
