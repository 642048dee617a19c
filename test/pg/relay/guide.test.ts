/**
 * The security guide of pg_tide and the examples of its pages, run as they are printed, by people who know nothing of
 * this product. What SQL stored must be what the relay process can read.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { index as formats } from "../../../src/relay/formats/index.ts";
import { readPipeline } from "../../../src/relay/pipeline/read.ts";
import { COMMON_KEYS } from "../../../src/relay/pipeline/shape.ts";
import { index as sinks } from "../../../src/relay/sinks/index.ts";
import { index as sources } from "../../../src/relay/sources/index.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

/** Printed in the guide's sections "Secret Management" and "Database Access Control". */
const KAFKA_PIPELINE = `SELECT tide.relay_set_outbox('my-pipeline', 'events', '{
    "sink_type": "kafka",
    "brokers": "\${env:KAFKA_BROKERS}",
    "sasl_username": "\${env:KAFKA_USER}",
    "sasl_password": "\${env:KAFKA_PASS}"
}'::jsonb);`;

const ROLES = `-- Application role: can publish to outbox and read inbox
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
GRANT SELECT ON tide.relay_dlq TO monitor;`;

describe.each([18, 14] as const)("the security guide on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let tide: Tide;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    tide = await openTide({ cluster });
    await tide.run("select tide.outbox_create('events'); select tide.inbox_create('payments')");
    await tide.run(KAFKA_PIPELINE);
    await tide.run(ROLES);
    await tide.run("grant app_writer, relay_worker, monitor to postgres");
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

  it("[relay 11.2] stores references and nothing else", async () => {
    expect(await tide.json("select tide.relay_get_config('my-pipeline')")).toMatchObject({
      sink_type: "kafka",
      sink: { brokers: "${env:KAFKA_BROKERS}", sasl_username: "${env:KAFKA_USER}", sasl_password: "${env:KAFKA_PASS}" },
    });
  });

  it("takes its signed webhook, its file reference and its stripe receiver", async () => {
    await tide.run(`
      select tide.relay_set_outbox('signed', 'events', '{
        "sink_type": "webhook",
        "url": "https://partner.example.com/events",
        "signature": {
          "scheme": "hmac-sha256",
          "secret": "\${env:WEBHOOK_SECRET}",
          "header": "X-Signature-256"
        }
      }'::jsonb);
      select tide.relay_set_outbox('from-file', 'events', '{"sink_type": "nats", "url": "tls://n:4222", "subject": "e",
        "username": "u", "password": "\${file:/run/secrets/db-password}"}'::jsonb);
      select tide.relay_set_inbox('stripe', 'payments', '{
        "source_type": "webhook",
        "signature_scheme": "stripe",
        "signature_secret": "\${env:STRIPE_WEBHOOK_SECRET}"
      }'::jsonb)`);
    expect(await tide.json("select tide.relay_get_config('stripe')")).toMatchObject({
      source_type: "webhook",
      source: { signature_scheme: "stripe", signature_secret: "${env:STRIPE_WEBHOOK_SECRET}" },
      sink: { inbox: "payments" },
    });
  });

  it("[R-13] app_writer publishes, sees what waits, marks it done", async () => {
    await tide.run("insert into tide.payments_inbox (event_id, payload) values ('evt_1', '{}')");
    await as("app_writer", async () => {
      await tide.run(
        `select tide.outbox_publish('events', '{"n": 1}', '{}'); select tide.outbox_publish('events', '{"n": 2}')`,
      );
      expect(await tide.rows("select event_id from tide.inbox_pending")).toEqual([{ event_id: "evt_1" }]);
      await tide.run("select tide.inbox_mark_processed('payments', 'evt_1')");
      expect(await tide.rows("select event_id from tide.inbox_pending")).toEqual([]);
    });
    expect(await tide.one("select count(*) from tide.tide_outbox_messages")).toBe("2");
  });

  it.each([
    "select * from tide.tide_outbox_messages",
    "insert into tide.tide_outbox_messages (outbox_name, payload) values ('events', '{}')",
    "delete from tide.tide_outbox_messages",
    "update tide.relay_outbox_config set enabled = false",
    "select tide.relay_set_outbox('mine', 'events', 'stdout')",
    "select tide.relay_disable('my-pipeline')",
    "select tide.relay_delete('my-pipeline')",
    "select tide.relay_get_config('my-pipeline')",
    "select * from tide.relay_dlq",
    "select * from tide.payments_inbox",
    "update tide.payments_inbox set processed_at = null",
    "select tide.inbox_create('mine')",
    "select tide.inbox_drop('payments')",
    "select tide.inbox_claim('payments')",
    "select tide.inbox_grant_deliver('payments', 'app_writer')",
    "select tide.relay_grant_tenant('default', 'app_writer')",
    "select tide.relay_dlq_retry(1)",
    "select tide.outbox_drop('events')",
    "select tide.relay_template_create('t', '{\"a\": 1}')",
    "select tide.backfill_create('j', 'events')",
    "create table tide.mine ()",
    "create function tide.mine() returns int language sql as 'select 1'",
  ])("[R-13] app_writer may not: %s", async (statement) => {
    expect((await as("app_writer", () => tide.refused(statement))).sqlstate).toBe("42501");
  });

  it("[R-13] monitor sees how outboxes and dead letters are, and neither pipelines nor events", async () => {
    await as("monitor", async () => {
      expect(await tide.rows("select outbox_name from tide.outbox_status")).toEqual([{ outbox_name: "events" }]);
      expect(await tide.rows("select * from tide.relay_dlq")).toEqual([]);
      for (const table of [
        "tide_outbox_messages",
        "relay_outbox_config",
        "inbox_pending",
        "payments_inbox",
        "relay_dlq_history",
      ]) {
        expect([table, (await tide.refused(`select * from tide.${table}`)).sqlstate]).toEqual([table, "42501"]);
      }
      expect((await tide.refused("delete from tide.relay_dlq")).sqlstate).toBe("42501");
    });
  });

  it("relay_worker sees the pipelines, reads events, keeps positions, writes the inbox and dead letters", async () => {
    await as("relay_worker", async () => {
      expect(await tide.json("select pg_catalog.jsonb_array_length(tide.relay_list_configs())")).toBe(4);
      expect(await tide.rows("select payload from tide.relay_page('events', 0, 10, 1000000)")).toEqual([
        { payload: '{"n": 1}' },
        { payload: '{"n": 2}' },
      ]);
      await tide.run(`
        insert into tide.relay_consumer_offsets (relay_group_id, pipeline_id, outbox_name, last_change_id) values ('g', 'my-pipeline', 'events', 1);
        insert into tide.payments_inbox (event_id, source, payload, headers) values ('evt_2', 'stripe', '{}', '{}') on conflict (event_id) do nothing;
        insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_message, error_kind)
          values ('forward', 'my-pipeline', 'events', 'kafka', 'k', '{}', 'no', 'sink_permanent')`);
      expect(await tide.one("select tide.relay_dlq_retry_all()")).toBe("1");
      expect(await tide.one("select tide.relay_disable('my-pipeline')")).toBe("t");
      expect(await tide.one("select tide.relay_enable('my-pipeline')")).toBe("t");
    });
  });

  it("[R-12] even relay_worker, with every right on every table, cannot rewrite history", async () => {
    await as("relay_worker", async () => {
      for (const table of ["relay_dlq_history", "relay_config_audit", "tide_security_audit"]) {
        for (const statement of [
          `delete from tide.${table}`,
          `truncate tide.${table}`,
          `update tide.${table} set id = default`,
        ]) {
          expect([statement, (await tide.refused(statement)).sqlstate]).toEqual([statement, "42501"]);
        }
      }
      expect((await tide.refused("truncate tide.relay_dlq")).sqlstate).toBe("42501");
      await tide.run("delete from tide.relay_dlq");
    });
    expect(
      await tide.rows("select action, actor, old_payload from tide.relay_dlq_history order by id desc limit 1"),
    ).toEqual([{ action: "deleted", actor: "relay_worker", old_payload: "{}" }]);
  });
});

describe("what SQL stores", () => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide();
    await tide.run(`select tide.outbox_create(n) from pg_catalog.unnest(array['events', 'orders', 'order_events', 'enriched-events']) as n;
      select tide.inbox_create(n) from pg_catalog.unnest(array['payments', 'payment_events', 'imported_events', 'external-events',
        'fulfilments', 'incoming-hooks', 'replicated_orders', 'sensor_inbox']) as n`);
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const readable = async (name: string) => {
    const rows = await tide.rows(
      `select c.name, 'forward' as direction, c.enabled, c.config::text as config, c.tenant_name, c.wire_format, c.owner from tide.relay_outbox_config as c where c.name = $1
       union all
       select c.name, 'reverse', c.enabled, c.config::text, c.tenant_name, c.wire_format, c.owner from tide.relay_inbox_config as c where c.name = $1`,
      name,
    );
    expect(rows).toHaveLength(1);
    const [row] = rows;
    return readPipeline({
      name,
      direction: row?.direction === "forward" ? "forward" : "reverse",
      enabled: row?.enabled === "t",
      config: row?.config ?? "",
      tenant: row?.tenant_name ?? "",
      wireFormat: row?.wire_format ?? "",
      owner: row?.owner ?? null,
    });
  };

  it.each<[name: string, statement: string, connector: string]>([
    [
      "orders_nats",
      `SELECT tide.relay_set_outbox('orders_nats', 'orders', 'nats', '{"url":"nats://localhost:4222","subject":"orders.events","allow_insecure":true}'::jsonb)`,
      "nats",
    ],
    [
      "forward-orders",
      `SELECT tide.relay_set_outbox('forward-orders', 'orders', 'nats', '{"url":"nats://broker:4222","subject":"orders.events"}'::jsonb)`,
      "nats",
    ],
    ["my-pipeline", KAFKA_PIPELINE, "kafka"],
    [
      "us-orders-publish",
      `SELECT tide.relay_set_outbox('us-orders-publish', 'order_events', '{"sink_type": "nats", "url": "nats://nats-us:4222", "subject_template": "orders.{op}.us-east", "stream": "ORDERS"}'::jsonb)`,
      "nats",
    ],
    [
      "enriched-to-kafka",
      `SELECT tide.relay_set_outbox_v2(jsonb_build_object('name', 'enriched-to-kafka', 'outbox', 'enriched-events', 'sink_type', 'kafka',
       'config', jsonb_build_object('brokers', 'kafka:9092', 'topic', 'enriched.orders')))`,
      "kafka",
    ],
    [
      "orders-to-nats",
      `SELECT tide.relay_set_outbox_v2(jsonb_build_object('name', 'orders-to-nats', 'outbox', 'orders', 'sink_type', 'nats',
       'config', jsonb_build_object('url', 'tls://nats.example:4222', 'subject_template', 'orders.{event_type}')))`,
      "nats",
    ],
    [
      "orders-to-kafka",
      `SELECT tide.relay_set_outbox_v2(jsonb_build_object('name', 'orders-to-kafka', 'outbox', 'order_events', 'sink_type', 'kafka',
       'config', '{"brokers": "kafka:9092", "topic": "order-events", "wire_format": "debezium", "wire_config": {"server_name": "production"}}'::jsonb))`,
      "kafka",
    ],
    [
      "high-volume",
      `SELECT tide.relay_set_outbox_v2(jsonb_build_object('name', 'high-volume', 'outbox', 'events', 'sink_type', 'nats',
       'config', '{"url": "nats://localhost:4222", "subject": "events"}'::jsonb, 'batch_size', 500))`,
      "nats",
    ],
    [
      "e2e-pg-inbox",
      `SELECT tide.relay_set_outbox_v2('{"name": "e2e-pg-inbox", "outbox": "orders", "sink_type": "inbox", "config": {"inbox": "payments"}, "batch_size": 10}')`,
      "inbox",
    ],
    [
      "events-to-fivetran",
      `SELECT tide.relay_set_outbox_v2(jsonb_build_object('name', 'events-to-fivetran', 'outbox', 'events', 'sink_type', 'webhook',
       'config', jsonb_build_object('url', '\${env:FIVETRAN_WEBHOOK_URL}')))`,
      "webhook",
    ],
    [
      "to-kafka",
      `SELECT tide.relay_set_outbox('to-kafka', 'orders', 'kafka-group', '{"sink_type": "kafka", "brokers": "kafka:9092", "topic": "orders"}'::jsonb)`,
      "kafka",
    ],
    [
      "orders-pipeline",
      `SELECT tide.relay_set_outbox('orders-pipeline', 'order_events', '{"sink_type": "kafka", "brokers": "kafka:9092", "topic": "orders",
       "dlq": {"enabled": true, "max_retries": 5, "retry_delay_seconds": 10, "retention_days": 30},
       "circuit_breaker": {"enabled": true, "failure_threshold": 5, "success_threshold": 3, "half_open_timeout_seconds": 30}}'::jsonb)`,
      "kafka",
    ],
    [
      "multi-topic-orders",
      `SELECT tide.relay_set_outbox('multi-topic-orders', 'order_events', '{"sink_type": "kafka", "brokers": "kafka:9092",
       "routing": {"default_template": "orders.general", "rules": [{"match_field": "event_type", "match_value": "order.created", "subject": "orders.created"}]}}'::jsonb)`,
      "kafka",
    ],
    [
      "high-value-orders",
      `SELECT tide.relay_set_outbox('high-value-orders', 'order_events', '{"sink_type": "kafka", "brokers": "kafka:9092", "topic": "high-value-orders",
       "transform": {"filter": "payload.total > \`1000\`", "payload": "{ order_id: payload.id, amount: payload.total, customer: payload.customer_email }"}}'::jsonb)`,
      "kafka",
    ],
    [
      "signed",
      `SELECT tide.relay_set_outbox('signed', 'events', '{"sink_type": "webhook", "url": "https://partner.example.com/events",
       "signature": {"scheme": "hmac-sha256", "secret": "\${env:WEBHOOK_SECRET}", "header": "X-Signature-256"}}'::jsonb)`,
      "webhook",
    ],
    [
      "file-import",
      `SELECT tide.relay_set_inbox('file-import', 'imported_events', '{"source_type": "stdin", "batch_size": 1000}'::jsonb)`,
      "stdin",
    ],
    [
      "stripe-webhooks",
      `SELECT tide.relay_set_inbox('stripe-webhooks', 'payment_events', '{"source_type": "webhook", "listen_addr": "0.0.0.0:8080", "path": "/webhooks/stripe",
       "signature_scheme": "stripe", "signature_secret": "\${env:STRIPE_WEBHOOK_SECRET}", "idempotency_header": "Stripe-Idempotency-Key"}'::jsonb)`,
      "webhook",
    ],
    [
      "stripe",
      `SELECT tide.relay_set_inbox('stripe', 'payments', '{"source_type": "webhook", "signature_scheme": "stripe", "signature_secret": "\${env:STRIPE_WEBHOOK_SECRET}"}'::jsonb)`,
      "webhook",
    ],
    [
      "nats-to-inbox",
      `SELECT tide.relay_set_inbox('nats-to-inbox', 'external-events', jsonb_build_object('url', 'nats://localhost:4222', 'subject', 'partner.events.>'), p_source := 'nats', p_idempotent := true)`,
      "nats",
    ],
    [
      "reverse-fulfilments",
      `SELECT tide.relay_set_inbox('reverse-fulfilments', 'nats', 'fulfilments', '{"url":"nats://broker:4222","subject":"fulfilments.events"}')`,
      "nats",
    ],
    [
      "sensor-readings",
      `SELECT tide.relay_set_inbox('sensor-readings', 'sensor_inbox', '{"brokers": "\${env:KAFKA_BROKERS}", "topic": "iot.sensors"}'::jsonb, p_source := 'kafka')`,
      "kafka",
    ],
    [
      "v2-inbox",
      `SELECT tide.relay_set_inbox_v2('{"name": "v2-inbox", "inbox": "payments", "source": "redis", "config": {"url": "redis://r:6379", "stream_key": "payments"}, "max_retries": 5}')`,
      "redis",
    ],
    [
      "shared",
      `SELECT tide.relay_set_outbox_v2('{"name": "shared", "outbox": "orders", "sink_type": "stdout", "config": {}, "retry": {"max_retries": 3, "backoff_ms": 100, "max_backoff_ms": 1000},
       "rate_limit": {"messages_per_second": 10}, "dry_run": true, "poll_interval_ms": 500, "max_poll_backoff_ms": 1000, "sink_max_inflight": 5, "auto_resume_after": "15 minutes",
       "on_schema_change": "continue", "serialization": {"format": "json"}, "order_key": "payload.customer", "on_dead_letter": "block", "ssrf_allow": ["10.0.0.0/8"], "ssrf_protection": true,
       "circuit_breaker": {"on_open": "dlq"}}')`,
      "stdout",
    ],
  ])("[relay 11.3] the process reads %s", async (name, statement, connector) => {
    await tide.run(statement);
    const pipeline = await readable(name);
    expect(pipeline).toMatchObject({ name, connector: { type: connector }, deadLetters: { enabled: true } });
  });

  it("refuses to run a pipeline as another role, which no relay does", async () => {
    await tide.run(
      `select tide.relay_set_outbox_v2('{"name": "as-reader", "outbox": "orders", "sink_type": "stdout", "config": {}, "db_role": "reader"}')`,
    );
    await expect(readable("as-reader")).rejects.toMatchObject({
      parts: { detail: expect.stringContaining("db_role: PGTIDE_CONFIG_UNSUPPORTED_SURFACE") },
    });
  });

  it("[relay 3.9] every template that can be instantiated makes a pipeline that the process reads", async () => {
    const values: Record<string, string> = {
      kafka_bootstrap_servers: "k:9092",
      kafka_topic: "t",
      nats_url: "tls://n:4222",
      nats_subject: "s",
      target_postgres_url: "postgres://u:${env:P}@db/x",
      target_inbox_name: "payments",
      webhook_url: "https://partner.example.com/x",
      hmac_secret: "${env:S}",
    };
    for (const { name, required_keys } of await tide.rows(
      "select name, required_keys from tide.relay_pipeline_templates where name <> 'ducklake-daily-sink'",
    )) {
      const keys = (JSON.parse(required_keys ?? "[]") as string[]).filter((key) => key !== "outbox_name");
      await tide.one(
        "select tide.relay_set_outbox_from_template('orders', $1, $2)",
        name ?? "",
        JSON.stringify({ ...Object.fromEntries(keys.map((key) => [key, values[key]])), name: `from-${name}` }),
      );
      expect(await readable(`from-${name}`)).toMatchObject({ outbox: "orders" });
    }
  });

  it("names the same connectors as the catalogues of the process", async () => {
    const named = async (direction: string) =>
      (
        await tide.rows(
          'select connector_type from tide.relay_connector_types() where direction = $1 order by connector_type collate "C"',
          direction,
        )
      ).map((row) => row.connector_type);
    expect(await named("forward")).toEqual(Object.keys(sinks).sort());
    expect(await named("reverse")).toEqual(Object.keys(sources).sort());
  });

  it("names the same formats in each direction", async () => {
    for (const [direction, method] of [
      ["forward", "encode"],
      ["reverse", "decode"],
    ] as const) {
      const able: string[] = [];
      for (const [name, load] of Object.entries(formats)) if ((await load()).default[method]) able.push(name);
      const named = await tide.rows(
        "select wire_format from tide.relay_wire_formats() where direction = $1 order by 1",
        direction,
      );
      expect(named.map((row) => row.wire_format)).toEqual(able.sort());
    }
  });

  it("knows the same shared keys as the process, and each of them everywhere", async () => {
    const named = await tide.rows(
      "select key from tide.relay_config_grammar() where parent = '' and is_lifted order by key",
    );
    expect(named.map((row) => row.key)).toEqual([...COMMON_KEYS].sort());
  });

  it.each([
    ["retry", { max_retries: 1, backoff_ms: 1, max_backoff_ms: 1 }],
    ["dlq", { enabled: true, max_retries: 1, retry_delay_seconds: 1, retention_days: 1 }],
    ["rate_limit", { enabled: true, max_messages_per_second: 1, burst_size: 1 }],
    [
      "circuit_breaker",
      { enabled: true, failure_threshold: 1, success_threshold: 1, half_open_timeout_seconds: 1, on_open: "pause" },
    ],
    ["routing", { rules: [], default_template: "x" }],
    ["serialization", { format: "json", subject_name_strategy: "TopicName" }],
    ["transform", { filter: "a", payload: "b" }],
    [
      "source",
      { outbox: "orders", subject_template: "{outbox}", consumer_group: "g", consumer_id: "c", visibility_seconds: 1 },
    ],
  ])("the keys of %s are those that the process reads", async (parent, full) => {
    const named = await tide.rows("select key from tide.relay_config_grammar() where parent = $1 order by key", parent);
    expect(named.map((row) => row.key)).toEqual(Object.keys(full).sort());
    await tide.one(
      "select tide.relay_set_outbox_v2($1)",
      JSON.stringify({ name: `keys-${parent}`, outbox: "orders", sink_type: "stdout", [parent]: full }),
    );
    await readable(`keys-${parent}`);
  });
});
