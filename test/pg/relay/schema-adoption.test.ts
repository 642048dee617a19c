/** Schemas named tide that are there before an install: pg_tide's are taken over with their rows, others are left alone. */

import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { installSchema } from "../../../src/relay/schema/install.ts";
import { migrations } from "../../../src/relay/schema/migrations.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { dumpSchema } from "../../support/schema-dump.ts";

/**
 * Tables as early versions of pg_tide had them: fewer columns, other names of constraints, rows in all of them.
 * Written for this test after the documented columns.
 */
const OLD_TABLES = `
create table tide.tide_outbox_config (
  outbox_name text primary key, retention_hours int not null default 24, inline_threshold int not null default 10000,
  enabled boolean not null default true, created_at timestamptz not null default now());
create table tide.tide_outbox_messages (
  id bigint generated always as identity primary key,
  outbox_name text not null references tide.tide_outbox_config on delete cascade,
  payload jsonb not null, headers jsonb not null default '{}', created_at timestamptz not null default now(),
  consumed_at timestamptz, consumer_group text);
create table tide.tide_consumer_groups (
  group_name text primary key, outbox_name text not null references tide.tide_outbox_config on delete cascade,
  auto_offset_reset text not null default 'earliest', created_at timestamptz not null default now());
create table tide.tide_consumer_offsets (
  group_name text references tide.tide_consumer_groups on delete cascade, consumer_id text,
  committed_offset bigint not null default 0, last_heartbeat timestamptz not null default now(),
  primary key (group_name, consumer_id));
create table tide.tide_inbox_config (
  inbox_name text primary key, inbox_schema text not null default 'tide', max_retries int not null default 3,
  processed_retention_hours int not null default 72, dlq_retention_hours int not null default 0,
  created_at timestamptz not null default now());
create table tide.payments_inbox (
  id bigint generated always as identity primary key, event_id text not null constraint uq_payments_event_id unique,
  source text, payload jsonb, headers jsonb, received_at timestamptz not null default now(), processed_at timestamptz,
  retry_count int not null default 0, last_error text);
create table tide.relay_outbox_config (
  name text primary key, enabled boolean not null default true, config jsonb not null default '{}');
create table tide.relay_inbox_config (
  name text primary key, enabled boolean not null default true, config jsonb not null default '{}');
create table tide.relay_consumer_offsets (
  relay_group_id text, pipeline_id text, outbox_name text not null, last_change_id bigint not null default 0,
  worker_id text, updated_at timestamptz not null default now(),
  primary key (relay_group_id, pipeline_id, outbox_name));
create table tide.relay_dlq (
  id bigserial primary key, relay_mode text not null, pipeline_name text not null, source_name text not null,
  sink_name text not null, dedup_key text not null, subject text, payload jsonb not null, error_message text not null,
  error_kind text not null, attempt_count int not null default 1, first_failed_at timestamptz not null default now(),
  last_failed_at timestamptz not null default now(), retried_at timestamptz, resolved boolean not null default false,
  resolved_at timestamptz, resolved_by text);
create table tide.relay_runtime_status (relay_group_id text, pipeline_id text, direction text, tenant_name text,
  primary key (relay_group_id, pipeline_id, direction, tenant_name));
create table tide.outbox_cleanup_state (outbox_name text primary key);`;

/** What of the extension is neither a table nor kept: functions with other bodies, a trigger, a view on it, a policy. */
const OLD_CODE = `
create function tide.outbox_publish(p_name text, p_payload jsonb, p_headers jsonb) returns void language sql
  as $$ insert into tide.tide_outbox_messages (outbox_name, payload, headers) values (p_name, p_payload, p_headers) $$;
create function tide.outbox_create(p_name text) returns boolean language sql as 'select true';
create function tide.pg_tide_version() returns int language internal as 'int4inc' strict;
create function tide.relay_config_notify() returns trigger language plpgsql as 'begin return new; end';
create trigger relay_config_notify after insert or update on tide.relay_outbox_config
  for each row execute function tide.relay_config_notify();
create view tide.outbox_pending as select outbox_name, count(*) as pending from tide.tide_outbox_messages group by 1;
alter table tide.relay_outbox_config enable row level security;
create policy own on tide.relay_outbox_config using (tide.outbox_create(name));`;

const OLD_ROWS = `
insert into tide.tide_outbox_config (outbox_name) values ('orders');
insert into tide.tide_outbox_messages (outbox_name, payload, headers)
  select 'orders', jsonb_build_object('n', n), '{"k": "v"}' from generate_series(1, 50) as n;
alter sequence tide.tide_outbox_messages_id_seq rename to message_ids;
alter sequence tide.message_ids cache 20;
insert into tide.tide_consumer_groups values ('billing', 'orders');
insert into tide.tide_consumer_offsets values ('billing', 'one', 20);
insert into tide.tide_inbox_config values ('payments');
insert into tide.payments_inbox (event_id, payload) values ('e1', '{}'), ('e2', '{}');
insert into tide.relay_outbox_config values ('p', true,
  '{"source_type": "outbox", "source": {"outbox": "orders"}, "sink_type": "stdout", "sink": {}}');
insert into tide.relay_consumer_offsets values ('default', 'p', 'orders', 10);
insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_message, error_kind)
  values ('forward', 'p', 'orders', 'stdout', 'outbox_orders:3:0', '{}', 'bad', 'decode');`;

const run = promisify(execFile);

let cluster: TestCluster;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgkeep-extension-"));
  await mkdir(join(folder, "extension"));
  const extension = join(folder, "extension", "pg_tide");
  await writeFile(
    `${extension}.control`,
    "default_version = '0.12.0'\nrelocatable = false\nschema = 'tide'\nsuperuser = true\n",
  );
  await writeFile(`${extension}--0.12.0.sql`, OLD_TABLES + OLD_CODE);
  await chmod(folder, 0o755);
  cluster = await startCluster({ major: 18, settings: { extension_control_path: `$system:${folder}` } });
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A new database in which `statements` have run. */
async function databaseWith(statements: string, ownerSql?: string): Promise<Session> {
  const session = await connectTo(cluster, { database: await cluster.createDatabase(undefined, ownerSql) });
  await session.script(statements);
  return session;
}

const counts = (session: Session) =>
  session.query(`select (select count(*) from tide.tide_outbox_messages) as messages,
    (select md5(string_agg(id || payload::text || headers::text || created_at, ',' order by id)) from tide.tide_outbox_messages) as rows,
    (select committed_offset from tide.tide_consumer_offsets) as committed,
    (select last_change_id from tide.relay_consumer_offsets) as delivered,
    (select count(*) from tide.payments_inbox) as inbox, (select count(*) from tide.relay_dlq) as dead`);

/** Columns, constraints and policies may be named as they were; what callers use must be ours. */
const functionsOf = async (session: Session) =>
  (await dumpSchema(session, "tide")).split("\n").filter((line) => line.startsWith("-- function"));

/** Inboxes left aside: those are the database's own. */
const columnsOf = (session: Session) =>
  session.query(`select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) as type
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where c.relnamespace = 'tide'::regnamespace and c.relkind in ('r', 'v') and c.relname not like '%inbox' order by 1, 2`);

describe("[relay 11.5] a schema of the extension pg_tide", () => {
  it("is taken over in place: rows, positions and inboxes stay, functions are ours, the extension is gone", async () => {
    await using session = await databaseWith(`create schema tide; create extension pg_tide schema tide; ${OLD_ROWS}
      create role old_reader; grant select on tide.tide_outbox_messages to old_reader`);
    const before = await counts(session);
    const planned = await installSchema(session, { version: "1", dryRun: true });
    expect(planned).toMatchObject({ outcome: "adopted", owner: "tide_owner" });
    expect(await session.query("select 1 as there from pg_extension where extname = 'pg_tide'")).toHaveLength(1);

    const report = await installSchema(session, { version: "1", roles: true });
    expect(report).toMatchObject({
      outcome: "adopted",
      owner: "tide_owner",
      migrations: migrations().map(({ name }) => name),
    });
    expect(await counts(session)).toEqual(before);
    expect(await session.query("select 1 from pg_extension where extname = 'pg_tide'")).toEqual([]);
    await using fresh = await databaseWith("select");
    await installSchema(fresh, { version: "1" });
    expect(await columnsOf(session)).toEqual(await columnsOf(fresh));
    expect(await session.query("select 1 from pg_namespace where nspname = 'tide_shape'")).toEqual([]);
    expect(await functionsOf(session)).toEqual(await functionsOf(fresh));

    const [ids] = await session.query(
      "select seqrelid::regclass::text as name, seqcache from pg_sequence where seqrelid = pg_get_serial_sequence('tide.tide_outbox_messages', 'id')::regclass",
    );
    expect(ids).toEqual({ name: "tide.tide_outbox_messages_id_seq", seqcache: "1" });
    const [id] = await session.query("select tide.outbox_publish_id('orders', '{}') as id");
    expect(id).toEqual({ id: "51" });
    const [status] = await session.query("select participant_count, safe_offset from tide.outbox_status");
    expect(status).toEqual({ participant_count: "2", safe_offset: "10" });
    expect(await session.query("select event_id from tide.inbox_pending order by 1")).toEqual([
      { event_id: "e1" },
      { event_id: "e2" },
    ]);
    const [kept] = await session.query(
      "select has_table_privilege('old_reader', 'tide.tide_outbox_messages', 'select') as kept",
    );
    expect(kept).toEqual({ kept: "t" });
    expect((await installSchema(session, { version: "1" })).outcome).toBe("current");
  });

  it("that was restored without its extension is known by its tables", async () => {
    await using session = await databaseWith(`create schema tide; ${OLD_TABLES} ${OLD_ROWS}`);
    const before = await counts(session);
    expect((await installSchema(session, { version: "1" })).outcome).toBe("adopted");
    expect(await counts(session)).toEqual(before);
    const strangers = await session.query(
      "select relname from pg_class where relnamespace = 'tide'::regnamespace and relowner <> 'tide_owner'::regrole and relkind in ('r','v','S')",
    );
    expect(strangers).toEqual([]);
  });

  it("stays as it is when something of somebody else's hangs on its functions", async () => {
    await using session = await databaseWith(
      "create schema tide; create extension pg_tide schema tide; create view public.mine as select tide.outbox_create('x')",
    );
    await expect(installSchema(session, { version: "1" })).rejects.toMatchObject({
      sqlstate: "2BP01",
      detail: expect.stringContaining("view public.mine"),
    });
    expect(await session.query("select 1 as there from pg_extension where extname = 'pg_tide'")).toHaveLength(1);
    expect(session.transactionStatus()).toBe("idle");
  });
});

describe("[Q-05] a schema tide of somebody else", () => {
  it("is refused with its owner's name, and nothing is touched", async () => {
    await using session = await databaseWith(`create role water_board; create schema tide authorization water_board;
      create table tide.levels (at timestamptz, cm int); alter table tide.levels owner to water_board`);
    await expect(installSchema(session, { version: "1" })).rejects.toMatchObject({
      code: "RELAY_SCHEMA_FOREIGN",
      message: expect.stringContaining('"water_board"'),
    });
    expect(await session.query("select relname from pg_class where relnamespace = 'tide'::regnamespace")).toHaveLength(
      1,
    );
  });

  it("is refused to a role that cannot act as the owner, although it is ours", async () => {
    await using session = await databaseWith("create role late login password 'x'; select");
    await installSchema(session, { version: "1" });
    await session.script(`grant create on database ${session.target.database} to late`);
    await session.script("set session authorization late");
    await expect(installSchema(session, { version: "1" })).rejects.toMatchObject({
      code: "RELAY_SCHEMA_FOREIGN",
      message: 'schema "tide" belongs to "tide_owner"',
    });
  });

  it.each([
    [
      "a function",
      "create function tide.outbox_publish(text, jsonb, jsonb default '{}') returns void language sql as ''",
    ],
    ["a table", "create table tide.tide_outbox_config (outbox_name text)"],
  ])("with %s planted by another role is refused, naming both", async (_, planted) => {
    await using session = await databaseWith(`drop role if exists mallory; create role mallory; create schema tide;
      ${OLD_TABLES.split(";")[1]?.replace("references tide.tide_outbox_config on delete cascade", "")};
      grant create, usage on schema tide to mallory; set role mallory; ${planted}; reset role`);
    await expect(installSchema(session, { version: "1" })).rejects.toMatchObject({
      code: "RELAY_SCHEMA_FOREIGN",
      parts: { detail: expect.stringMatching(/tide\.(outbox_publish|tide_outbox_config).*, owned by mallory/) },
    });
    await session.script("drop schema tide cascade");
  });

  it("that is empty and the installer's own is used", async () => {
    await using session = await databaseWith("create schema tide");
    expect(await installSchema(session, { version: "1" })).toMatchObject({ outcome: "made", owner: "tide_owner" });
  });
});

describe("a dump of the database", () => {
  it("restored elsewhere is current, keeps rows and rights, and goes on", async () => {
    // pg_dump reads no server that is newer than itself; Debian's is 15.
    await using older = await startCluster({ major: 15 });
    await using session = await connectTo(older, { database: await older.createDatabase("source") });
    await installSchema(session, { version: "1", roles: true });
    await session.script(
      "select tide.outbox_create('orders'); select tide.outbox_publish('orders', '{}') from generate_series(1, 5)",
    );
    const dump = await run("/usr/lib/postgresql/15/bin/pg_dump", ["-d", older.url("source")]);
    const database = await older.createDatabase("target");
    const restored = await older.psql(["-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], { database, stdin: dump.stdout });
    expect(restored).toMatchObject({ status: 0, stderr: "" });
    await using target = await connectTo(older, { database });
    expect(await installSchema(target, { version: "1" })).toMatchObject({ outcome: "current" });
    expect(await dumpSchema(target, "tide")).toBe(await dumpSchema(session, "tide"));
    expect(await target.query("select tide.outbox_publish_id('orders', '{}') as id")).toEqual([{ id: "6" }]);
    expect(await target.query("select id from tide.relay_page('orders', 0, 10, 1000)")).toHaveLength(6);
    const open = await target.query(
      "select 1 from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where p.pronamespace = 'tide'::regnamespace and a.grantee = 0",
    );
    expect(open).toEqual([]);
  });
});

describe("a hostile database", () => {
  it("[Q-03] default privileges open nothing", async () => {
    await using session = await databaseWith(`create role greedy; create role easy_owner nologin;
      alter default privileges for role easy_owner grant all on tables to greedy, public;
      alter default privileges for role easy_owner grant all on sequences to greedy;
      alter default privileges for role easy_owner grant all on functions to greedy;
      alter default privileges for role easy_owner grant all on schemas to greedy`);
    await installSchema(session, { version: "1", owner: "easy_owner" });
    const open = await session.query(`
      select c.relname from pg_class c, aclexplode(c.relacl) a where c.relnamespace = 'tide'::regnamespace and a.grantee <> c.relowner
       union all
      select p.proname from pg_proc p, aclexplode(p.proacl) a where p.pronamespace = 'tide'::regnamespace and a.grantee <> p.proowner
       union all
      select n.nspname from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'tide' and a.grantee <> n.nspowner`);
    expect(open).toEqual([]);
  });

  it("[Q-03] a function that the owner adds later is not for everybody", async () => {
    await using session = await databaseWith("select");
    await installSchema(session, { version: "1" });
    await session.script(
      "set role tide_owner; create function tide.later() returns int language sql as 'select 1'; reset role",
    );
    const [row] = await session.query("select has_function_privilege('public', 'tide.later()', 'execute') as open");
    expect(row).toEqual({ open: "f" });
  });

  it("[Q-01] [Q-08] [R-15] shadows of functions, operators, types and temporary tables are never met", async () => {
    await using session = await databaseWith(SHADOWS);
    await session.script("set search_path = evil, pg_catalog, tide");
    const [control] = await session.query("select 'a'::text = 'b'::text as fooled");
    expect(control).toEqual({ fooled: "t" });
    await session.script("truncate evil.caught");
    await installSchema(session, { version: "1" });
    await session.script(`set search_path = pg_temp, evil, tide, pg_catalog;
      create temporary table tide_outbox_config (like tide.tide_outbox_config); create temporary table meta (like tide.meta);
      select tide.outbox_create('orders');
      select tide.outbox_publish('orders', '{"a": 1}', '{"b": 2}');
      select tide.outbox_publish_large('orders', '{"a": 1}', 'k', 1);
      select tide.outbox_payload(2);
      select tide.create_consumer_group('g', 'orders');
      select * from tide.poll_outbox('g', 'a', 1);
      select tide.commit_offset('g', 'a', 1);
      select tide.consumer_heartbeat('g', 'a');
      select * from tide.poll_outbox('g', 'a', 1);
      select tide.consumer_lease_release('g', 'a');
      select tide.consumer_lease_acquire('g', 'b', 7, 9);
      select tide.consumer_lease_extend('g', 'b');
      select tide.admin_rewind_offset('g', 'a', 0, true);
      select tide.outbox_grant_publish('orders', 'postgres');
      select tide.outbox_revoke_publish('orders', 'postgres');
      select tide.outbox_encryption_config('orders', 'local', 'k');
      select tide.outbox_sweep();
      select tide.outbox_truncate_delivered();
      select tide.outbox_status('orders');
      select tide.relay_replay_preview('orders');
      select * from tide.outbox_delivery_confirm('orders');
      select tide.relay_set_outbox('p', 'orders', '{"sink_type": "stdout"}'::jsonb);
      select tide.relay_set_outbox('p', 'orders', '{"sink_type": "stdout", "dry_run": true}'::jsonb);
      select tide.relay_disable('p');
      select * from tide.relay_lease_acquire('default', 'default', 'forward', 'p', 't', 'here', 3000, true);
      select * from tide.relay_page('orders', 0, 10, 1000);
      select tide.inbox_create('mail');
      select tide.inbox_status();
      select tide.admin_convert_outbox_storage(10, 1, true);
      select tide.outbox_maintain_partitions();
      select tide.outbox_disable('orders');
      select tide.outbox_enable('orders');
      select tide.drop_consumer_group('g');
      select tide.outbox_drop('orders');`);
    const caught = await session.query("select distinct pg_catalog.format('%s', what) as what from evil.caught");
    expect(caught).toEqual([]);
  });
});

/** A schema whose functions and operators note that somebody came by. */
const SHADOWS = `
create schema evil;
create table evil.caught (what text);
create function evil.note(what text) returns void language sql volatile security definer
  as 'insert into evil.caught values (what)';
create function evil.format(text, text) returns text language plpgsql as
  $$ begin perform evil.note('format'); return 'x'; end $$;
create function evil.now() returns timestamptz language plpgsql as
  $$ begin perform evil.note('now'); return 'epoch'::timestamptz; end $$;
create function evil.clock_timestamp() returns timestamptz language plpgsql as
  $$ begin perform evil.note('clock_timestamp'); return 'epoch'::timestamptz; end $$;
create function evil.hashtext(text) returns int language plpgsql as $$ begin perform evil.note('hashtext'); return 1; end $$;
create function evil.current_setting(text, boolean) returns text language plpgsql as
  $$ begin perform evil.note('current_setting'); return 'on'; end $$;
create function evil.pg_has_role(name, oid, text) returns boolean language plpgsql as
  $$ begin perform evil.note('pg_has_role'); return true; end $$;
create function evil.jsonb_typeof(jsonb) returns text language plpgsql as
  $$ begin perform evil.note('jsonb_typeof'); return 'object'; end $$;
create function evil.texteq(text, text) returns boolean language plpgsql as
  $$ begin perform evil.note('text ='); return true; end $$;
create operator evil.= (leftarg = text, rightarg = text, function = evil.texteq);
create function evil.nameeq(name, text) returns boolean language plpgsql as
  $$ begin perform evil.note('name ='); return true; end $$;
create operator evil.= (leftarg = name, rightarg = text, function = evil.nameeq);
create function evil.int8lt(bigint, bigint) returns boolean language plpgsql as
  $$ begin perform evil.note('bigint <'); return true; end $$;
create operator evil.< (leftarg = bigint, rightarg = bigint, function = evil.int8lt);
create function evil.cat(text, text) returns text language plpgsql as
  $$ begin perform evil.note('text ||'); return 'x'; end $$;
create operator evil.|| (leftarg = text, rightarg = text, function = evil.cat);
create function evil.tsless(timestamptz, timestamptz) returns boolean language plpgsql as
  $$ begin perform evil.note('timestamptz <'); return true; end $$;
create operator evil.< (leftarg = timestamptz, rightarg = timestamptz, function = evil.tsless);`;
