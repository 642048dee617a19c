/** Who may do what in schema tide: the grants of a well-known guide as printed, our own roles, and everybody else. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

/** The statements of pg_tide's security guide, character for character. */
const GUIDE = `
-- Application role: can publish to outbox and read inbox
CREATE ROLE app_writer;
GRANT USAGE ON SCHEMA tide TO app_writer;
GRANT EXECUTE ON FUNCTION tide.outbox_publish TO app_writer;
GRANT EXECUTE ON FUNCTION tide.inbox_mark_processed TO app_writer;
GRANT SELECT ON tide.inbox_pending TO app_writer;

-- Relay role: needs full access to catalog and outbox/inbox tables
CREATE ROLE relay_worker;
GRANT USAGE ON SCHEMA tide TO relay_worker;
GRANT ALL ON ALL TABLES IN SCHEMA tide TO relay_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO relay_worker;

-- Read-only monitoring role
CREATE ROLE monitor;
GRANT USAGE ON SCHEMA tide TO monitor;
GRANT SELECT ON tide.outbox_status TO monitor;
GRANT SELECT ON tide.relay_dlq TO monitor;
`;

const GUIDE_PIPELINE = `SELECT tide.relay_set_outbox('my-pipeline', 'events', '{
    "sink_type": "kafka",
    "brokers": "\${env:KAFKA_BROKERS}",
    "sasl_username": "\${env:KAFKA_USER}",
    "sasl_password": "\${env:KAFKA_PASS}"
}'::jsonb);`;

describe.each(availableMajors())("rights in schema tide on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase("shop") });
    await installTide(session, { roles: true });
    await session.script(`
      select tide.outbox_create('events');
      select tide.inbox_create('orders');
      ${GUIDE}
      ${GUIDE_PIPELINE}
      create role relay_login in role tide_relay;
      create role reader_login in role tide_reader;
      create role operator_login in role tide_operator;
      create role publisher_login in role tide_publisher;
      create role admin_login in role tide_admin;
      create role nobody;`);
  });
  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  /** Runs `statement` as `role` in a transaction that is taken back; gives the SQLSTATE, "ok" when it worked. */
  async function as(role: string, statement: string): Promise<string> {
    await session.script(`begin; set local role ${role}`);
    try {
      await session.script(statement);
      return "ok";
    } catch (error) {
      return (error as { sqlstate?: string }).sqlstate ?? String(error);
    } finally {
      await session.script("rollback");
    }
  }

  const publish = `select tide.outbox_publish('events', '{"id": 1}', '{}')`;

  it("the guide's application publishes, reads its inbox and marks events, and nothing else is needed", async () => {
    expect(await as("app_writer", publish)).toBe("ok");
    expect(await as("app_writer", "select * from tide.inbox_pending")).toBe("ok");
    expect(await as("app_writer", "select tide.inbox_mark_processed('orders', 'none')")).toBe("ok");
  });

  it("the guide's relay sees pipelines and events and records positions; its monitor sees how full it is", async () => {
    await session.script("begin; set local role relay_worker");
    const pipelines = await session.query("select name from tide.relay_outbox_config");
    await session.script("rollback");
    expect(pipelines).toEqual([{ name: "my-pipeline" }]);
    expect(await as("relay_worker", "select * from tide.relay_page('events', 0, 10, 1000)")).toBe("ok");
    expect(await as("monitor", "select * from tide.outbox_status")).toBe("ok");
    expect(await as("monitor", "select * from tide.relay_dlq")).toBe("ok");
  });

  it.each([
    ["change a pipeline", "update tide.relay_outbox_config set config = '{}'"],
    ["make a pipeline", "select tide.relay_set_outbox('mine', 'events', '{\"sink_type\": \"stdout\"}'::jsonb)"],
    ["switch a pipeline off", "select tide.relay_disable('my-pipeline')"],
    ["remove a pipeline", "select tide.relay_delete('my-pipeline')"],
    ["read events", "select * from tide.tide_outbox_messages"],
    ["read configurations", "select * from tide.relay_outbox_config"],
    [
      "insert an event directly",
      "insert into tide.tide_outbox_messages (outbox_name, payload) values ('events', '{}')",
    ],
    ["delete events", "delete from tide.tide_outbox_messages"],
    ["sweep", "select tide.outbox_sweep()"],
    ["move a position", "select tide.commit_offset('g', 'c', 1)"],
    ["let others publish", "select tide.outbox_grant_publish('events', 'app_writer')"],
    ["read dead letters", "select * from tide.relay_dlq"],
    ["make an object in the schema", "create table tide.mine ()"],
    ["write the audit", "insert into tide.tide_security_audit (action) values ('x')"],
  ])("[R-13] [Q-06] the application's role cannot %s", async (_, statement) => {
    expect(await as("app_writer", statement)).toBe("42501");
  });

  it("[R-13] a role without grants cannot even publish", async () => {
    expect(await as("nobody", publish)).toBe("42501");
  });

  it.each([
    ["change what a pipeline does", "update tide.relay_outbox_config set config = '{}'"],
    ["make a pipeline", "insert into tide.relay_outbox_config (name) values ('mine')"],
    ["make events", "insert into tide.tide_outbox_messages (outbox_name, payload) values ('events', '{}')"],
    ["publish", publish],
    ["delete events", "delete from tide.tide_outbox_messages"],
    ["delete dead letters", "delete from tide.relay_dlq"],
    ["change settings", "update tide.settings set value = 'open'"],
    ["read who did what", "select * from tide.tide_security_audit"],
    ["let others publish", "select tide.outbox_grant_publish('events', 'nobody')"],
    ["make an outbox", "select tide.outbox_create('mine')"],
    ["make an inbox", "select tide.inbox_create('mine')"],
    ["rewind", "select tide.admin_rewind_relay_offset('default', 'my-pipeline', 'events', 0, true)"],
  ])("[R-14] the relay's role cannot %s", async (_, statement) => {
    expect(await as("relay_login", statement)).toBe("42501");
  });

  it("[R-14] the relay's role cannot move a position back, whatever setting it makes", async () => {
    const statements = `insert into tide.relay_consumer_offsets (relay_group_id, pipeline_id, outbox_name, last_change_id)
      values ('default', 'my-pipeline', 'events', 10);
      set local tide.offset_rewind = 'on';
      update tide.relay_consumer_offsets set last_change_id = 9`;
    expect(await as("relay_login", statements)).toBe("22023");
  });

  it("the relay's role does all that a relay does", async () => {
    await session.script(publish);
    const statements = `
      select * from tide.relay_outbox_config;
      select tide.relay_list_configs();
      select * from tide.relay_lease_acquire('default', 'default', 'forward', 'my-pipeline', 't', 'here', 3000, true);
      select * from tide.relay_page('events', 0, 10, 100000);
      select tide.relay_commit('default', 'default', 'forward', 'my-pipeline', 1, 3000, 'events', 1,
        '[{"outbox_id": 1, "dedup_key": "k", "payload": {}, "error_kind": "decode", "error_message": "bad"}]', null,
        '{"sink_type": "kafka", "messages": 1}');
      select * from tide.relay_due_dead_letters('my-pipeline', 'forward', 10);
      select * from tide.relay_holders('events');
      select tide.relay_sleep('events'), tide.relay_wake('events');
      update tide.relay_outbox_config set enabled = false where name = 'my-pipeline';
      select * from tide.relay_pipeline_status;
      select tide.outbox_payload(1);
      select tide.outbox_sweep();
      select tide.relay_get_config('my-pipeline'), tide.relay_dag_ready('my-pipeline', 'default');
      select * from tide.relay_dag_check(); select * from tide.relay_fanin_members(); select tide.relay_fanin_list();
      select tide.relay_pipeline_state_upsert('my-pipeline', 'x', 'transient', 1);
      select tide.relay_auto_resume_candidates(), tide.relay_auto_resume();
      select tide.relay_schema_observe('my-pipeline', 't', array['a', 'b']);
      select tide.relay_dlq_retry(max(id)), tide.relay_dlq_retry_all() from tide.relay_dlq;
      select * from tide.relay_dlq_list(); select * from tide.backfill_next('w'); select tide.backfill_status();
      select tide.relay_replay_preview('events'), tide.inbox_status(), tide.outbox_status('events');
      select * from tide.outbox_delivery_confirm('events'); select tide.relay_truncate_delivery_receipts();
      select tide.relay_lease_release('default', 'default', 'forward', 'my-pipeline', 1);`;
    expect(await as("relay_login", statements)).toBe("ok");
  });

  it("readers look, operators also switch and sweep, publishers publish, administrators do all", async () => {
    const look =
      "select * from tide.outbox_status; select tide.outbox_status('events'); select * from tide.relay_pipeline_status";
    expect(await as("reader_login", look)).toBe("ok");
    expect(await as("reader_login", "select tide.outbox_sweep()")).toBe("42501");
    expect(await as("reader_login", "select * from tide.tide_outbox_messages")).toBe("42501");
    expect(
      await as(
        "operator_login",
        `${look}; select tide.outbox_sweep(); select tide.relay_dlq_sweep(10); select tide.relay_disable('my-pipeline')`,
      ),
    ).toBe("ok");
    expect(await as("operator_login", "select tide.relay_delete('my-pipeline')")).toBe("42501");
    expect(await as("publisher_login", `${publish}; select tide.outbox_publish_large('events', '[]')`)).toBe("ok");
    expect(await as("publisher_login", "select * from tide.tide_outbox_messages")).toBe("42501");
    const all = `select tide.outbox_create('more'); select tide.outbox_grant_publish('more', 'nobody');
      select tide.relay_set_outbox('other', 'more', '{"sink_type": "stdout"}'::jsonb); select tide.outbox_drop('more')`;
    expect(await as("admin_login", all)).toBe("ok");
  });

  it("[relay 3.6] an operator settles dead letters, with a trace, and neither makes nor deletes them", async () => {
    const letter = `insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_message, error_kind)
      values ('forward', 'my-pipeline', 'events', 'kafka', 'k', '{}', 'no', 'decode')`;
    await session.script(letter);
    const [row] = await session.query("select id from tide.relay_dlq where dedup_key = 'k'");
    const id = row?.id;
    for (const call of [
      "count(*) from tide.relay_dlq",
      "count(*) from tide.relay_dlq_history",
      `tide.relay_dlq_retry_many(array[${id}], 'why')`,
      `tide.relay_dlq_edit(${id}, '{"a": 1}', null, 1, 'why')`,
      `tide.relay_dlq_discard_many(array[${id}], 'why')`,
      `tide.relay_dlq_resolve(${id})`,
      "tide.relay_dlq_retry_all('my-pipeline')",
      "count(*) from tide.relay_holders('events')",
    ])
      expect([call, await as("operator_login", `select ${call}`)]).toEqual([call, "ok"]);
    for (const statement of [
      letter,
      "delete from tide.relay_dlq",
      "update tide.relay_dlq set pipeline_name = 'other'",
      "delete from tide.relay_dlq_history",
      "select tide.relay_dlq_purge(0)",
      "select * from tide.tide_outbox_messages",
    ])
      expect([statement, await as("operator_login", statement)]).toEqual([statement, "42501"]);
    await session.script("delete from tide.relay_dlq");
  });

  it("[Q-09] with SELECT on pipelines alone one sees one's own and one's tenant's, and no list of tenants", async () => {
    await session.script(`create role looker; create role owner_of_one; grant usage on schema tide to looker, owner_of_one;
      grant select on tide.relay_outbox_config to looker, owner_of_one;
      insert into tide.relay_outbox_config (name, owner, tenant_name) values ('theirs', 'owner_of_one', 'acme-tenant')`);
    const seenBy = async (role: string) => {
      await session.script(`begin; set local role ${role}`);
      const rows = await session.query("select name from tide.relay_outbox_config order by 1");
      await session.script("rollback");
      return rows.map(({ name }) => name);
    };
    expect(await seenBy("looker")).toEqual([]);
    expect(await seenBy("owner_of_one")).toEqual(["theirs"]);
    await session.script("select tide.relay_grant_tenant('acme-tenant', 'looker')");
    expect(await seenBy("looker")).toEqual(["theirs"]);
    const [policy] = await session.query(
      "select string_agg(qual, ' ') as text from pg_policies where schemaname = 'tide'",
    );
    expect(policy?.text).toContain("looker");
    expect(policy?.text).not.toContain("acme-tenant");
    await session.script("select tide.relay_revoke_tenant('acme-tenant', 'looker')");
    expect(await seenBy("looker")).toEqual([]);
    await session.script("delete from tide.relay_outbox_config where name = 'theirs'");
  });

  it("[Q-06] nobody changes the audits, not even who owns them", async () => {
    for (const statement of [
      "update tide.tide_security_audit set action = 'x'",
      "delete from tide.tide_security_audit",
    ]) {
      expect(await as("tide_owner", statement)).toBe("42501");
    }
    expect(await as("admin_login", "truncate tide.relay_config_audit")).toBe("42501");
  });

  it("[Q-07] audits name who logged in, whatever role is set", async () => {
    const [row] = await session.query("select changed_by from tide.relay_config_audit order by id limit 1");
    expect(row).toEqual({ changed_by: "postgres" });
  });

  it("[R-05] the history of a pipeline keeps references and no secret", async () => {
    const config = {
      sink_type: "webhook",
      sink: {
        url: "https://user:canary-1@example.com/a?b=c",
        postgres_url: "postgres://u:${env:PW}@db/x",
        password: "canary-2",
        token: "${env:TOKEN}",
        secrets: ["canary-3", "${file:/run/secrets/s}"],
        credentials: { key: "canary-4", n: 5 },
        headers: { authorization: "Bearer canary-5", "x-other": "Bearer ${env:T}" },
        tls: "-----BEGIN PRIVATE KEY-----canary-6",
        note: "kept",
      },
    };
    await session.query("insert into tide.relay_outbox_config (name, config) values ('secretive', $1::jsonb)", [
      JSON.stringify(config),
    ]);
    const [row] = await session.query(
      "select new_config -> 'config' -> 'sink' as sink from tide.relay_config_audit where pipeline_name = 'secretive'",
    );
    expect(row?.sink).not.toContain("canary");
    expect(JSON.parse(row?.sink ?? "")).toEqual({
      url: "https://[REDACTED]@example.com/a?b=c",
      postgres_url: "postgres://u:${env:PW}@db/x",
      password: "[REDACTED]",
      token: "${env:TOKEN}",
      secrets: ["[REDACTED]", "${file:/run/secrets/s}"],
      credentials: { key: "[REDACTED]", n: "[REDACTED]" },
      headers: { authorization: "[REDACTED]", "x-other": "Bearer ${env:T}" },
      tls: "[REDACTED]",
      note: "kept",
    });
    await session.script("delete from tide.relay_outbox_config where name = 'secretive'");
    const actions = await session.query(
      "select action from tide.tide_security_audit where target_object = 'secretive' order by id",
    );
    expect(actions.map(({ action }) => action)).toEqual(["RELAY_CONFIG_INSERT", "RELAY_CONFIG_DELETE"]);
  });

  it("roles can be made again, and one that became too strong is refused", async () => {
    await installTide(session, { roles: true });
    await session.script("alter role tide_reader login");
    await expect(installTide(session, { roles: true })).rejects.toMatchObject({ sqlstate: "42501" });
    await session.script("alter role tide_reader nologin");
  });
});
