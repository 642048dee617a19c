/** Inboxes against those who would use the rights that their functions lend: other schemas' owners, deliverers, shadows of names. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("rights around inboxes on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let tide: Tide;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    tide = await openTide({ cluster });
    await tide.run(`create role dev; create role other; create role deliverer; create role app;
      create schema dev authorization dev;
      grant usage on schema tide to dev, other, deliverer, app;
      grant execute on all functions in schema tide to dev, other;
      grant execute on function tide.inbox_mark_processed, tide.inbox_claim, tide.inbox_status to app`);
  });
  afterAll(async () => {
    await tide[Symbol.asyncDispose]();
    await cluster.stop();
  });

  const as = async <T>(role: string, work: () => Promise<T>): Promise<T> => {
    await tide.run(`set role ${role}`);
    try {
      return await work();
    } finally {
      await tide.run("reset role");
    }
  };

  it("an inbox in another schema needs the right to create there, the caller's and the owner's", async () => {
    const foreign = await as("other", () => tide.refused("select tide.inbox_create('mine', 'dev')"));
    expect([foreign.sqlstate, foreign.detail]).toEqual(["42501", "PGTIDE_AUTHORIZATION_FAILED"]);
    await tide.run("create schema shared; grant create on schema shared to dev");
    const owner = await as("dev", () => tide.refused("select tide.inbox_create('mine', 'shared')"));
    expect(owner.hint).toContain("grant usage, create on schema shared to tide_owner");
    await tide.run("grant usage, create on schema shared to tide_owner");
    await as("dev", () => tide.run("select tide.inbox_create('mine', 'shared')"));
    expect(
      await tide.one("select relowner::regrole from pg_catalog.pg_class where oid = 'shared.mine_inbox'::regclass"),
    ).toBe("tide_owner");
    expect(await tide.one("select owner from tide.tide_inbox_config where inbox_name = 'mine'")).toBe("dev");
  });

  it("[R-15] no inbox is made where the schema's owner could put another table in its place", async () => {
    const error = await as("dev", () => tide.refused("select tide.inbox_create('mine', 'dev')"));
    expect([error.sqlstate, error.hint]).toEqual([
      "42501",
      expect.stringContaining("alter schema dev owner to tide_owner"),
    ]);
  });

  it("[R-15] a table that the schema's owner put in the inbox's place is never written with the rights of ours", async () => {
    // The schema changed hands after the inbox was made.
    await tide.run(`alter schema dev owner to tide_owner; grant all on schema dev to dev;
      select tide.inbox_create('trap', 'dev'); alter schema dev owner to dev; grant usage, create on schema dev to tide_owner`);
    await as("dev", async () => {
      await tide.run(`
        drop table dev.trap_inbox cascade;
        create table dev.trap_inbox (id bigint, event_id text, payload jsonb, headers jsonb, source text, received_at timestamptz,
          processed_at timestamptz, retry_count int default 0, last_error text, claimed_until timestamptz, available_at timestamptz);
        insert into dev.trap_inbox (id, event_id) values (1, 'e');
        create table dev.loot (who text);
        create function dev.sprung() returns trigger language plpgsql as 'begin insert into dev.loot values (current_user); return new; end';
        create trigger sprung before update or insert or delete on dev.trap_inbox for each row execute function dev.sprung();
        grant all on dev.trap_inbox, dev.loot to public; grant usage on schema dev to public`);
    });
    for (const call of [
      "inbox_mark_processed('trap', 'e')",
      "inbox_complete('trap', 'e')",
      "inbox_mark_failed('trap', 'e', 'x')",
      "inbox_claim('trap')",
      "inbox_release('trap', 'e')",
      "replay_inbox_messages('trap', '{e}')",
      "inbox_truncate_processed('trap')",
      "inbox_truncate_dlq('trap')",
      "inbox_grant_deliver('trap', 'dev')",
      "inbox_status('trap')",
    ]) {
      const error = await tide.refused(`select tide.${call}`);
      expect([call, error.sqlstate]).toEqual([call, "42501"]);
    }
    const lease = "select epoch from tide.relay_lease_acquire('g', 'default', 'reverse', 'p', 't', 'l', 60000, false)";
    const store = await tide.refused(
      `select tide.relay_store('g', 'default', 'p', $1::bigint, 60000, 'trap', '[{"event_id": "a", "headers": {}}]')`,
      await tide.one(lease),
    );
    expect(store.sqlstate).toBe("42501");
    expect(await tide.rows("select * from dev.loot")).toEqual([]);
    await tide.run("select tide.inbox_rebuild_view()");
    expect(await tide.rows("select * from tide.inbox_pending where inbox_name = 'trap'")).toEqual([]);
    await tide.one("select tide.inbox_drop('trap')");
    expect(await tide.one("select pg_catalog.to_regclass('dev.trap_inbox')")).toBe("dev.trap_inbox");
  });

  it("[R-15] names that a caller shadows change nothing", async () => {
    await tide.run(
      "select tide.inbox_create('shadowed'); insert into tide.shadowed_inbox (event_id) values ('a'), ('b')",
    );
    await as("dev", async () => {
      await tide.run(`create function dev.now() returns timestamptz language plpgsql as 'begin insert into dev.loot values (current_user); return null; end';
        create function dev.format(text, text) returns text language plpgsql as 'begin insert into dev.loot values (current_user); return ''evil''; end';
        create function dev.eq(text, text) returns boolean language plpgsql as 'begin insert into dev.loot values (current_user); return true; end';
        create operator dev.= (leftarg = text, rightarg = text, function = dev.eq);
        create temp table tide_inbox_config (inbox_name text, inbox_schema text); create temp table pg_class (oid oid);
        set search_path = dev, pg_temp, pg_catalog;
        select format('control', 'x');
        select tide.inbox_mark_processed('shadowed', 'a'); select tide.inbox_claim('shadowed'); select tide.inbox_status();
        select tide.inbox_truncate_processed('shadowed'); select tide.relay_enable('x'); select tide.backfill_status();
        select tide.relay_truncate_delivery_receipts(); select * from tide.backfill_next('w');
        set search_path = pg_catalog; drop table pg_temp.tide_inbox_config, pg_temp.pg_class`);
    });
    // The caller's own statement met the shadow, ours did not.
    expect(await tide.rows("select * from dev.loot")).toEqual([{ who: "dev" }]);
    expect(await tide.rows("select event_id from tide.shadowed_inbox where processed_at is not null")).toEqual([
      { event_id: "a" },
    ]);
  });

  it("[relay 7.3] whoever may deliver inserts events, once each, and reads nothing but their ids", async () => {
    await tide.run("select tide.inbox_create('delivered'); select tide.inbox_grant_deliver('delivered', 'deliverer')");
    await as("deliverer", async () => {
      const insert =
        "insert into tide.delivered_inbox (event_id, source, payload, headers) values ('a', 's', '{}', '{}') on conflict (event_id) do nothing returning event_id";
      expect(await tide.rows(insert)).toHaveLength(1);
      expect(await tide.rows(insert)).toHaveLength(0);
      for (const statement of [
        "select payload from tide.delivered_inbox",
        "update tide.delivered_inbox set payload = null",
        "delete from tide.delivered_inbox",
        "insert into tide.delivered_inbox (event_id, processed_at) values ('b', now())",
        "select tide.inbox_claim('delivered')",
      ]) {
        expect([statement, (await tide.refused(statement)).sqlstate]).toEqual([statement, "42501"]);
      }
    });
    await tide.run("select tide.inbox_revoke_deliver('delivered', 'deliverer')");
    expect(
      (await as("deliverer", () => tide.refused("insert into tide.delivered_inbox (event_id) values ('c')"))).sqlstate,
    ).toBe("42501");
    expect(
      (
        await tide.rows("select action from tide.tide_security_audit where target_object = 'delivered' order by id")
      ).map(({ action }) => action),
    ).toEqual(["GRANT_INBOX_DELIVER", "REVOKE_INBOX_DELIVER"]);
    expect((await tide.refused(`select tide.inbox_grant_deliver('delivered', 'x"; drop role dev; --')`)).sqlstate).toBe(
      "22023",
    );
  });

  it("an inbox is dropped, and delivering into it granted, by its owner and administrators only", async () => {
    await as("dev", () => tide.run("select tide.inbox_create('owned')"));
    await as("other", async () => {
      for (const call of [
        "inbox_drop('owned')",
        "inbox_grant_deliver('owned', 'other')",
        "inbox_revoke_deliver('owned', 'other')",
      ]) {
        expect([call, (await tide.refused(`select tide.${call}`)).sqlstate]).toEqual([call, "42501"]);
      }
    });
    await as("dev", () => tide.run("select tide.inbox_drop('owned')"));
  });

  it("[Q-04] an event id is a value, whatever it says", async () => {
    await tide.run("select tide.inbox_create('values')");
    const hostile = `x'); delete from tide.values_inbox; -- " $1 %I %s \\`;
    await tide.rows("insert into tide.values_inbox (event_id) values ($1), ('keep')", hostile);
    await as("app", () => tide.one("select tide.inbox_mark_processed('values', $1)", hostile));
    expect(await tide.rows("select event_id from tide.values_inbox where processed_at is null")).toEqual([
      { event_id: "keep" },
    ]);
  });

  it("[Q-01] every function that lends rights has its path pinned and is nobody's by default", async () => {
    expect(
      await tide.rows(`select p.proname from pg_catalog.pg_proc as p where p.pronamespace = 'tide'::regnamespace and p.prosecdef
        and (p.proconfig is null or not p.proconfig @> array['search_path=pg_catalog, pg_temp'])`),
    ).toEqual([]);
    expect(
      await tide.rows(
        "select proname from pg_catalog.pg_proc where pronamespace = 'tide'::regnamespace and has_function_privilege('public', oid, 'execute')",
      ),
    ).toEqual([]);
  });
});
