/** Pipelines as SQL takes them: every form, what is stored, what is refused, who may, what is noted. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectLinearTime, repeated } from "../../support/growth.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

type Json = Record<string, unknown>;

describe.each([18, 14] as const)("pipelines on PostgreSQL %i", (major) => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide({ major });
    await tide.run("select tide.outbox_create('orders'); select tide.inbox_create('payments')");
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const stored = (name: string) => tide.json("select tide.relay_get_config($1)", name) as Promise<Json>;
  const setV2 = (config: unknown) => tide.one("select tide.relay_set_outbox_v2($1)", JSON.stringify(config));
  const refusedV2 = (config: unknown) => tide.refused("select tide.relay_set_outbox_v2($1)", JSON.stringify(config));
  const inboxV2 = (config: unknown) => tide.one("select tide.relay_set_inbox_v2($1)", JSON.stringify(config));
  const nats = { url: "nats://broker:4222", subject: "orders.events" };

  describe("forms", () => {
    it("[relay 3.5] one object becomes the canonical configuration", async () => {
      await setV2({ name: "orders-nats", outbox: "orders", sink_type: "nats", config: nats, batch_size: 50 });
      expect(await stored("orders-nats")).toEqual({
        schema_version: 1,
        source_type: "outbox",
        source: { outbox: "orders" },
        sink_type: "nats",
        sink: nats,
        batch_size: 50,
        dlq: { enabled: true },
      });
    });

    it("[relay 3.5] shared keys move to the top, from beside the sink's own or from inside of them", async () => {
      const shared = {
        wire_format: "debezium",
        wire_config: { server_name: "production" },
        dlq: { max_retries: 7, retry_delay_seconds: 10, retention_days: 30 },
        retry: { max_retries: 3, backoff_ms: 100 },
        transform: { filter: "payload.total > `1000`", payload: "{ id: payload.id }" },
        routing: { default_template: "o", rules: [{ match_field: "a.b", match_value: "x", subject: "s" }] },
        rate_limit: { enabled: true, max_messages_per_second: 10, burst_size: 20 },
        circuit_breaker: { enabled: true, failure_threshold: 5, success_threshold: 3, half_open_timeout_seconds: 30 },
        dry_run: true,
        poll_interval_ms: 500,
        max_poll_backoff_ms: 1000,
        sink_max_inflight: 5,
        auto_resume_after: "15 minutes",
        on_schema_change: "continue",
        serialization: { format: "json" },
        encryption: { kms: "local" },
        ssrf_allow: ["10.0.0.0/8"],
        ssrf_protection: true,
        db_role: "reader",
        order_key: "payload.customer",
        on_dead_letter: "block",
      };
      await setV2({ name: "inside", outbox: "orders", sink_type: "nats", config: { ...nats, ...shared } });
      await setV2({ name: "beside", outbox: "orders", sink_type: "nats", config: nats, ...shared });
      expect(await stored("inside")).toEqual({
        schema_version: 1,
        source_type: "outbox",
        source: { outbox: "orders" },
        sink_type: "nats",
        sink: nats,
        batch_size: 100,
        ...shared,
        dlq: { enabled: true, ...shared.dlq },
      });
      expect(await stored("beside")).toEqual(await stored("inside"));
      expect(await tide.one("select wire_format from tide.relay_outbox_config where name = 'inside'")).toBe("debezium");
    });

    it("other spellings and nulls become the known ones", async () => {
      await setV2({
        name: "spelled",
        outbox: "orders",
        sink_type: "nats",
        config: {
          ...nats,
          token: null,
          transforms: { filter: "a", payload: null },
          rate_limit: { messages_per_second: 5 },
        },
        dlq: null,
      });
      expect(await stored("spelled")).toMatchObject({
        sink: nats,
        transform: { filter: "a" },
        rate_limit: { max_messages_per_second: 5 },
        dlq: { enabled: true },
      });
    });

    it("[relay 3.5] three arguments take sink_type from the configuration, cast or not", async () => {
      const config = `{"sink_type": "nats", "url": "nats://b", "subject": "s", "batch_size": 7, "enabled": false}`;
      await tide.run(`select tide.relay_set_outbox('three', 'orders', '${config}'::jsonb)`);
      await tide.run(`select tide.relay_set_outbox('three-uncast', 'orders', '${config}')`);
      expect(await stored("three")).toMatchObject({
        sink_type: "nats",
        sink: { url: "nats://b", subject: "s" },
        batch_size: 7,
      });
      expect(await stored("three-uncast")).toEqual(await stored("three"));
      expect(await tide.one("select enabled from tide.relay_outbox_config where name = 'three'")).toBe("f");
    });

    it("[relay 3.5] four to six arguments take the sink's type third, or a label when the configuration names the type", async () => {
      await tide.run(`select tide.relay_set_outbox('four', 'orders', 'nats', '{"url": "nats://b", "subject": "s"}'::jsonb);
        select tide.relay_set_outbox('six', 'orders', 'stdout', '{}', 250, false);
        select tide.relay_set_outbox('labelled', 'orders', 'kafka-group', '{"sink_type": "kafka", "brokers": "k:9092", "topic": "t"}'::jsonb);
        select tide.relay_set_outbox(p_name => 'named', p_outbox => 'orders', p_sink => 'stdout');
        select tide.relay_set_outbox(p_name => 'named-three', p_outbox => 'orders', p_config => '{"sink_type": "stdout"}')`);
      expect(await stored("four")).toMatchObject({ sink_type: "nats", sink: { url: "nats://b" }, batch_size: 100 });
      expect(await stored("six")).toMatchObject({ sink_type: "stdout", sink: {}, batch_size: 250 });
      expect(await tide.one("select enabled from tide.relay_outbox_config where name = 'six'")).toBe("f");
      expect(await stored("labelled")).toMatchObject({
        sink_type: "kafka",
        source: { outbox: "orders", consumer_group: "kafka-group" },
        sink: { brokers: "k:9092", topic: "t" },
      });
      expect(await stored("named")).toMatchObject({ sink_type: "stdout" });
      expect(await stored("named-three")).toMatchObject({ sink_type: "stdout" });
    });

    it("[relay 3.5] reverse pipelines, by object, by position and by name", async () => {
      await inboxV2({
        name: "r-object",
        inbox: "payments",
        source: "nats",
        config: nats,
        max_retries: 9,
        idempotent: false,
        batch_size: 5,
      });
      expect(await stored("r-object")).toEqual({
        schema_version: 1,
        source_type: "nats",
        source: nats,
        sink_type: "inbox",
        sink: { inbox: "payments", max_retries: 9, idempotent: false },
        batch_size: 5,
        dlq: { enabled: true },
      });
      await tide.run(`
        select tide.relay_set_inbox('r-seed', 'payments', '{"source_type": "webhook", "signature_scheme": "stripe", "signature_secret": "\${env:S}"}'::jsonb);
        select tide.relay_set_inbox('r-seed-uncast', 'payments', '{"source_type": "webhook", "path": "/x"}');
        select tide.relay_set_inbox('r-named', 'payments', jsonb_build_object('url', 'nats://b', 'subject', 'p.>'), p_source := 'nats', p_idempotent := true);
        select tide.relay_set_inbox('r-all-named', p_inbox => 'payments', p_source => 'webhook', p_batch_size => 50);
        select tide.relay_set_inbox('r-second', 'nats', 'payments', '{"url": "nats://b", "subject": "s"}'::jsonb);
        select tide.relay_set_inbox('r-default', 'payments')`);
      expect(await stored("r-seed")).toMatchObject({
        source_type: "webhook",
        source: { signature_scheme: "stripe", signature_secret: "${env:S}" },
        sink: { inbox: "payments", max_retries: 3, idempotent: true },
      });
      expect(await stored("r-seed-uncast")).toMatchObject({ source_type: "webhook", source: { path: "/x" } });
      expect(await stored("r-named")).toMatchObject({ source_type: "nats", source: { subject: "p.>" } });
      expect(await stored("r-all-named")).toMatchObject({ source_type: "webhook", batch_size: 50 });
      expect(await stored("r-second")).toMatchObject({ source_type: "nats", sink: { inbox: "payments" } });
      expect(await stored("r-default")).toMatchObject({ source_type: "stdin", source: {} });
    });

    it("[relay 3.5] four literals that nobody cast are taken for what they are, by position and by name", async () => {
      const body = `{"url": "nats://b", "subject": "s"}`;
      await tide.run(`
        select tide.relay_set_inbox('u-second', 'nats', 'payments', '${body}');
        select tide.relay_set_inbox(p_name => 'u-named', p_source_type => 'nats', p_target_inbox => 'payments', p_config => '${body}');
        select tide.relay_set_inbox('u-third', 'payments', '${body.replace("{", '{"source_type": "nats", ')}');
        select tide.relay_set_inbox('u-count', 'payments', '${body}', 50, 'nats');
        select tide.relay_set_inbox('u-all', 'payments', '${body}', 50, 'nats', true, 4, false);
        select tide.relay_set_outbox('u-four', 'orders', 'nats', '${body}');
        select tide.relay_set_outbox('u-label', 'orders', 'group', '${body.replace("{", '{"sink_type": "nats", ')}');
        select tide.relay_set_outbox('u-six', 'orders', 'nats', '${body}', 50, true)`);
      const inbound = { source_type: "nats", source: { url: "nats://b", subject: "s" }, sink: { inbox: "payments" } };
      for (const name of ["u-second", "u-named", "u-third", "u-count", "u-all"]) {
        expect(await stored(name), name).toMatchObject(inbound);
      }
      expect(await stored("u-count")).toMatchObject({ batch_size: 50 });
      expect(await stored("u-all")).toMatchObject({ sink: { max_retries: 4, idempotent: false } });
      for (const name of ["u-four", "u-label", "u-six"]) {
        expect(await stored(name), name).toMatchObject({ sink_type: "nats", sink: { url: "nats://b", subject: "s" } });
      }
    });

    it("the source type inside of the configuration comes before the one beside it", async () => {
      await tide.run(
        `select tide.relay_set_inbox('r-wins', 'payments', '{"source_type": "redis", "url": "redis://r"}'::jsonb, p_source => 'nats')`,
      );
      expect(await stored("r-wins")).toMatchObject({ source_type: "redis", source: { url: "redis://r" } });
    });

    it("what is stored can be given back as it is", async () => {
      await setV2({ name: "again", ...(await stored("orders-nats")) });
      expect(await stored("again")).toEqual(await stored("orders-nats"));
      await inboxV2({ name: "r-again", ...(await stored("r-object")), source: (await stored("r-object")).source });
      expect(await stored("r-again")).toEqual(await stored("r-object"));
    });

    it("setting again replaces the configuration and keeps owner and tenant", async () => {
      await setV2({ name: "kept", outbox: "orders", sink_type: "stdout" });
      await tide.run(
        "update tide.relay_outbox_config set owner = 'somebody' where name = 'kept'; select tide.relay_set_tenant('kept', 'acme')",
      );
      await setV2({ name: "kept", outbox: "orders", sink_type: "nats", config: nats, enabled: false });
      expect(
        await tide.rows("select owner, tenant_name, enabled from tide.relay_outbox_config where name = 'kept'"),
      ).toEqual([{ owner: "somebody", tenant_name: "acme", enabled: "f" }]);
    });
  });

  describe("refusals", () => {
    it.each([
      [{ outbox: "orders", sink_type: "nats" }, 'relay_set_outbox_v2: config must include a non-empty "name" key'],
      [{ name: "x", sink_type: "nats" }, 'relay_set_outbox_v2: config must include a non-empty "outbox" key'],
      [{ name: "x", outbox: "orders" }, 'relay_set_outbox_v2: config must include a non-empty "sink_type" key'],
      [
        { name: " ", outbox: "orders", sink_type: "nats" },
        'relay_set_outbox_v2: config must include a non-empty "name" key',
      ],
      [
        { name: 5, outbox: "orders", sink_type: "nats" },
        'relay_set_outbox_v2: config must include a non-empty "name" key',
      ],
      [
        { name: "x", outbox: "orders", sink_type: ["nats"] },
        'relay_set_outbox_v2: config must include a non-empty "sink_type" key',
      ],
      [[], "invalid argument: p_config must be an object, not array"],
      ["text", "invalid argument: p_config must be an object, not string"],
      [
        { name: "x", outbox: "orders", sink_type: "nats", config: "text" },
        'invalid argument: "config" must be an object, not string',
      ],
      [{ name: "x", outbox: "orders", sink_type: "nats", colour: 1 }, 'relay_set_outbox_v2: unknown key "colour"'],
      [
        { name: "x", outbox: "orders", sink_type: "nats", dlq: { enable: true } },
        'invalid argument: unknown key "dlq.enable"',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", dlq: [] },
        'invalid argument: "dlq" must be object, not array',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", dlq: { max_retries: "5" } },
        'invalid argument: "dlq.max_retries" must be number, not string',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", dlq: { max_retries: 100001 } },
        'invalid argument: "dlq.max_retries" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", dlq: { max_retries: -1 } },
        'invalid argument: "dlq.max_retries" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", batch_size: 0 },
        'invalid argument: "batch_size" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", batch_size: 1000001 },
        'invalid argument: "batch_size" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", batch_size: 1.5 },
        'invalid argument: "batch_size" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", batch_size: "10" },
        'invalid argument: "batch_size" must be number, not string',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", enabled: "yes" },
        'invalid argument: "enabled" must be boolean, not string',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", schema_version: 2 },
        'invalid argument: "schema_version" is out of range',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", auto_resume_after: "soon" },
        'invalid argument: "auto_resume_after" is not a length of time',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", auto_resume_after: "-1 hour" },
        'invalid argument: "auto_resume_after" is not a length of time',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", routing: { rules: [{ match_field: "a" }] } },
        'invalid argument: "routing.rules.0" is not a rule',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", routing: { rules: {} } },
        'invalid argument: "routing.rules" must be array, not object',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", source: { slot: "s" } },
        'invalid argument: unknown key "source.slot"',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", batch_size: 5, config: { batch_size: 6 } },
        'invalid argument: "batch_size" is given twice',
      ],
      [
        { name: "x", outbox: "orders", sink_type: "nats", order_key: "a\nb" },
        'invalid argument: "order_key" holds control characters',
      ],
    ])("%j", async (config, message) => {
      const error = await refusedV2(config);
      expect([error.message, error.sqlstate, error.detail]).toEqual([message, "22023", "PGTIDE_INVALID_ARGUMENT"]);
      expect(error.hint).toBeTruthy();
    });

    it("takes bounds at their limits", async () => {
      for (const size of [1, 1000000])
        await setV2({ name: "limits", outbox: "orders", sink_type: "stdout", batch_size: size });
      for (const tries of [0, 100000])
        await setV2({ name: "limits", outbox: "orders", sink_type: "stdout", dlq: { max_retries: tries } });
    });

    it("names outboxes that there are not, and types that the relay cannot run", async () => {
      const missing = await refusedV2({ name: "x", outbox: "nowhere", sink_type: "nats" });
      expect([missing.sqlstate, missing.message, missing.detail]).toEqual([
        "42704",
        "outbox not found: nowhere",
        "PGTIDE_OUTBOX_NOT_FOUND",
      ]);
      for (const config of [
        { name: "x", outbox: "orders", sink_type: "sqs" },
        { name: "x", outbox: "orders", sink_type: "teleport" },
        { name: "x", outbox: "orders", sink_type: "nats", source_mode: "pg_trickle" },
        { name: "x", outbox: "orders", sink_type: "stdin" },
        { name: "x", outbox: "orders", sink_type: "nats", wire_format: "protobuf" },
        { name: "x", outbox: "orders", sink_type: "nats", wire_format: "cdc_json" },
        { name: "x", outbox: "orders", sink_type: "nats", schema_registry: { url: "http://r" } },
        { name: "x", outbox: "orders", sink_type: "nats", serialization: { format: "avro" } },
      ]) {
        const error = await refusedV2(config);
        expect([config.sink_type, error.detail]).toEqual([config.sink_type, "PGTIDE_CONFIG_UNSUPPORTED_SURFACE"]);
      }
      const source = await tide.refused(`select tide.relay_set_inbox('x', 'payments', '{"source_type": "airbyte"}')`);
      expect([source.detail, source.hint]).toEqual([
        "PGTIDE_CONFIG_UNSUPPORTED_SURFACE",
        "Use one of kafka, mqtt, nats, rabbitmq, redis, stdin, webhook.",
      ]);
    });

    it("[Q-04] refuses names that are no names, in every form", async () => {
      for (const name of ["a.b", 'a"b', "a'b", "a;b", "a b", "1a", "", "a".repeat(64), "ä"]) {
        for (const call of [
          "select tide.relay_set_outbox($1, 'orders', 'stdout')",
          `select tide.relay_set_outbox($1, 'orders', '{"sink_type": "stdout"}'::jsonb)`,
          "select tide.relay_set_inbox($1, 'payments', '{}', p_source => 'stdin')",
          "select tide.relay_set_inbox('x', $1, '{}', p_source => 'stdin')",
        ]) {
          expect([call, name, (await tide.refused(call, name)).sqlstate]).toEqual([call, name, "22023"]);
        }
      }
    });

    it("waits with a warning for an inbox that is not there yet", async () => {
      const notices: string[] = [];
      tide.session.onNotice((notice) => notices.push(notice.message));
      await tide.one("select tide.relay_set_inbox('early', 'later', '{}', p_source => 'stdin')");
      expect(notices).toContain("inbox not found: later");
      expect(await stored("early")).toMatchObject({ sink: { inbox: "later" } });
    });

    it("refuses what is too large or too deep", async () => {
      const large = await refusedV2({
        name: "x",
        outbox: "orders",
        sink_type: "nats",
        config: { note: "n".repeat(262_144) },
      });
      expect(large.message).toBe("invalid argument: the configuration is larger than 256 KiB");
      let deep: unknown = 1;
      for (let level = 0; level < 40; level++) deep = { d: deep };
      const nested = await refusedV2({ name: "x", outbox: "orders", sink_type: "nats", config: { deep } });
      expect(nested.message).toBe("invalid argument: the configuration is nested more than 32 levels deep");
    });
  });

  describe("secrets", () => {
    const kafka = (config: Json) => ({
      name: "secret",
      outbox: "orders",
      sink_type: "kafka",
      config: { brokers: "k:9092", topic: "t", ...config },
    });

    it.each([
      "password",
      "token",
      "access_token",
      "auth_token",
      "api_key",
      "secret",
      "secret_key",
      "client_secret",
      "private_key",
      "credentials",
      "credentials_json",
      "webhook_url",
      "signing_secret",
      "sasl_password",
      "signature_secret",
      "PASSWORD",
      "connection_string",
      "nkey_seed",
    ])("[R-05] refuses a literal %s, at any depth, and never repeats it", async (key) => {
      for (const config of [
        { [key]: "hunter2-canary" },
        { deep: [{ [key]: "hunter2-canary" }] },
        { [key]: ["hunter2-canary"] },
        { [key]: 731_731_731 },
        { [key]: { inner: "hunter2-canary" } },
      ]) {
        const error = await refusedV2(kafka(config));
        expect(error.message).toMatch(/^invalid argument: "sink\..*" holds a secret as it is$/);
        expect(JSON.stringify({ ...error, message: error.message })).not.toMatch(/hunter2-canary|731731731/);
      }
      await setV2(kafka({ [key]: "${env:KAFKA_PASS}" }));
      await setV2(kafka({ [key]: "${file:/run/secrets/kafka}" }));
      await setV2(kafka({ [key]: null }));
    });

    it("[R-05] refuses what only looks like a reference, and a default that would be the secret", async () => {
      for (const value of [
        "${env:A}x",
        "x${env:A}",
        "${env:A}${env:B}",
        "${env:A:-fallback}",
        "${file:relative}",
        "$${env:A}",
        "{env:A}",
      ]) {
        expect([value, (await refusedV2(kafka({ sasl_password: value }))).sqlstate]).toEqual([value, "22023"]);
      }
    });

    it("[R-05] refuses a private key wherever it stands", async () => {
      const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----";
      for (const config of [{ tls_client_key: key }, { deep: { note: `x ${key}` } }]) {
        expect((await refusedV2(kafka(config))).message).toMatch(/holds a secret as it is$/);
      }
      await setV2(kafka({ tls_client_key: "/etc/tls/client.key" }));
    });

    it("[R-05] refuses literals among headers, but takes a scheme before a reference", async () => {
      expect((await refusedV2(kafka({ headers: { Authorization: "Bearer abcdef" } }))).message).toContain(
        "sink.headers.Authorization",
      );
      await setV2(kafka({ headers: { Authorization: "Bearer ${env:TOKEN}", "x-tenant": "acme" } }));
    });

    it("[relay 7.1] takes references in any text, escapes, defaults outside of secrets, and refuses broken ones", async () => {
      await setV2(
        kafka({
          sasl_username: "${env:KAFKA_USER}",
          client_id: "a-${env:HOST}-b",
          note: "$${literal}",
          region: "${env:REGION:-eu}",
          url: "nats://u:${env:P}@h",
        }),
      );
      for (const value of ["${env:}", "${env:A", "${secret:A}", "${env:A-B}", "${env:${env:B}}", "${}", "text ${"]) {
        const error = await refusedV2(kafka({ note: value }));
        expect([value, error.message]).toEqual([
          value,
          'invalid argument: "sink.note" holds a reference that cannot be read',
        ]);
      }
    });

    it("[R-05] warns of a password in a URL and masks it in the history", async () => {
      const notices: string[] = [];
      tide.session.onNotice((notice) => notices.push(notice.message));
      await setV2({
        name: "url",
        outbox: "orders",
        sink_type: "rabbitmq",
        config: { url: "amqp://u:url-canary@h", exchange: "e" },
      });
      expect(notices).toEqual(['field "sink.url" holds a password as it is']);
      const history = await tide.rows("select new_config from tide.relay_config_history('url')");
      expect(history).toHaveLength(1);
      expect(JSON.stringify(history)).not.toContain("url-canary");
    });

    it("[R-05] masks in the history what was stored by hand, and finds it", async () => {
      await tide.run(`insert into tide.relay_outbox_config (name, config) values ('by-hand',
        '{"sink": {"password": "hand-canary", "signature": {"secrets": ["hand-canary"]}, "token": "\${env:OK}"}}')`);
      const history = JSON.stringify(await tide.rows("select new_config from tide.relay_config_history('by-hand')"));
      expect(history).not.toContain("hand-canary");
      expect(history).toContain("${env:OK}");
      const shown = [
        await tide.one("select tide.relay_get_config('by-hand')"),
        await tide.one("select tide.relay_list_configs()"),
      ];
      expect(JSON.stringify(shown)).not.toContain("hand-canary");
      expect(await stored("by-hand")).toMatchObject({ sink: { token: "${env:OK}" } });
      const back = await refusedV2({
        name: "by-hand",
        outbox: "orders",
        sink_type: "stdout",
        config: ((await stored("by-hand")) as { sink: Json }).sink,
      });
      expect(back.message).toMatch(/^invalid argument: "sink\..*" holds a mask in the place of a secret$/);
      expect(
        await tide.rows(
          "select i.place from tide.relay_outbox_config as c, tide.relay_inline_secrets(c.config) as i where c.name = 'by-hand' order by 1",
        ),
      ).toEqual([{ place: "sink.password" }, { place: "sink.signature.secrets.0" }]);
    });

    it("takes literals only where the operator said so, with a warning", async () => {
      await tide.run("insert into tide.settings (key, value) values ('inline_secrets', 'allow')");
      const notices: string[] = [];
      tide.session.onNotice((notice) => notices.push(notice.message));
      await setV2(kafka({ sasl_password: "plain" }));
      await tide.run("delete from tide.settings where key = 'inline_secrets'");
      expect(notices).toEqual(['field "sink.sasl_password" holds a secret as it is']);
    });
  });

  describe("living with them", () => {
    it("[relay 3.5] switches on and off by name and says whether there was one", async () => {
      await setV2({ name: "switch", outbox: "orders", sink_type: "stdout" });
      const enabled = () => tide.one("select enabled from tide.relay_outbox_config where name = 'switch'");
      expect(await tide.one("select tide.relay_disable('switch')")).toBe("t");
      expect(await enabled()).toBe("f");
      expect(await tide.one("select tide.relay_enable('switch')")).toBe("t");
      expect(await tide.one("select tide.relay_enable('switch', false)")).toBe("t");
      expect(await enabled()).toBe("f");
      expect(await tide.one("select tide.relay_enable('switch', true)")).toBe("t");
      expect(await enabled()).toBe("t");
      expect(await tide.one("select tide.relay_enable('nobody')")).toBe("f");
      expect(await tide.one("select tide.relay_disable('nobody')")).toBe("f");
    });

    it("deletes once, and says when there is none", async () => {
      await setV2({ name: "gone", outbox: "orders", sink_type: "stdout" });
      await tide.one("select tide.relay_delete('gone')");
      for (const call of ["relay_delete('gone')", "relay_get_config('gone')"]) {
        const error = await tide.refused(`select tide.${call}`);
        expect([error.sqlstate, error.message, error.detail]).toEqual([
          "42704",
          "relay pipeline not found: gone",
          "PGTIDE_RELAY_NOT_FOUND",
        ]);
      }
    });

    it("lists every pipeline with its direction", async () => {
      const list = (await tide.json("select tide.relay_list_configs()")) as Json[];
      expect(list.find(({ name }) => name === "orders-nats")).toMatchObject({
        direction: "outbox",
        enabled: true,
        config: { sink: nats },
      });
      expect(list.find(({ name }) => name === "r-object")).toMatchObject({
        direction: "inbox",
        config: { source: nats },
      });
    });

    it("keeps a history, newest first, deletion included", async () => {
      await setV2({ name: "told", outbox: "orders", sink_type: "stdout" });
      await setV2({ name: "told", outbox: "orders", sink_type: "stdout", batch_size: 9 });
      await tide.one("select tide.relay_disable('told')");
      await tide.one("select tide.relay_delete('told')");
      const history = await tide.rows(
        "select pipeline_type, changed_by, old_config is null as made, new_config is null as gone from tide.relay_config_history('told')",
      );
      expect(history).toEqual([
        { pipeline_type: "outbox", changed_by: "postgres", made: "f", gone: "t" },
        { pipeline_type: "outbox", changed_by: "postgres", made: "f", gone: "f" },
        { pipeline_type: "outbox", changed_by: "postgres", made: "f", gone: "f" },
        { pipeline_type: "outbox", changed_by: "postgres", made: "t", gone: "f" },
      ]);
    });

    it("[relay 3.7] tells the relays at commit: what changed, and the bare name", async () => {
      await using listener = await tide.another();
      const heard: string[] = [];
      listener.session.onNotification(({ channel, payload }) => {
        heard.push(`${channel} ${payload}`);
      });
      await listener.run("listen tide_relay_config");
      await setV2({ name: "heard", outbox: "orders", sink_type: "stdout" });
      await tide.one("select tide.relay_disable('heard')");
      const looked = async () => {
        await listener.one("select 1");
        return heard.length;
      };
      await expect.poll(looked).toBe(4);
      const json = heard.filter((text) => text.includes("{")).map((text) => JSON.parse(text.slice(text.indexOf("{"))));
      expect(json).toEqual([
        { direction: "relay_outbox_config", op: "INSERT", name: "heard" },
        { direction: "relay_outbox_config", op: "UPDATE", name: "heard" },
      ]);
      expect(heard.filter((text) => text === "tide_relay_config heard")).toHaveLength(2);
    });

    it("two that store one pipeline at once both succeed, and one of the two stands", async () => {
      await using other = await tide.another();
      const store = async (session: Tide, size: string) => {
        for (let round = 0; round < 5; round++) {
          await session.one(
            "select tide.relay_set_outbox('raced', 'orders', 'stdout', p_batch_size => $1::integer)",
            size,
          );
        }
      };
      await Promise.all([store(tide, "2"), store(other, "3")]);
      expect([2, 3]).toContain((await stored("raced")).batch_size);
      expect(await tide.one("select count(*) from tide.relay_outbox_config where name = 'raced'")).toBe("1");
    });
  });

  describe("what JSON can do", () => {
    const raw = (config: string) => tide.refused("select tide.relay_set_outbox_v2($1)", config);

    it("numbers without end, characters that text cannot hold, the same key twice, null everywhere", async () => {
      for (const size of ["1e400", "-1e400", "1e-400", "99999999999999999999", "0.1", "1e100000"]) {
        expect([
          size,
          (await raw(`{"name": "x", "outbox": "orders", "sink_type": "stdout", "batch_size": ${size}}`)).sqlstate,
        ]).toEqual([size, "22023"]);
      }
      expect(
        (await raw('{"name": "x", "outbox": "orders", "sink_type": "nats", "config": {"url": "\\u0000"}}')).sqlstate,
      ).toMatch(/^22/);
      await tide.one(
        "select tide.relay_set_outbox_v2($1)",
        '{"name": "first", "name": "doubled", "outbox": "orders", "sink_type": "stdout", "batch_size": 1e2}',
      );
      expect(await stored("doubled")).toMatchObject({ batch_size: 100 });
      await setV2({
        name: "nulls",
        outbox: "orders",
        sink_type: "stdout",
        config: null,
        batch_size: null,
        dlq: { enabled: null },
        routing: { rules: null },
        source: null,
        enabled: null,
      });
      expect(await stored("nulls")).toMatchObject({ batch_size: 100, dlq: { enabled: true }, routing: {} });
      for (const config of ["null", "[]", "1", '"x"', "{}"])
        expect([config, (await raw(config)).sqlstate]).toEqual([config, "22023"]);
      expect((await tide.refused("select tide.relay_set_outbox_v2(null)")).sqlstate).toBe("22023");
    });

    it("keys that are quotes, dots, empty, or names of other things stay keys of the sink", async () => {
      const odd = {
        "": 1,
        "a.b": "v",
        'q"': "v",
        "'; drop table x": "v",
        __proto__x: "v",
        constructor: "v",
        ü: ["v", { "": "v" }],
      };
      await setV2({ name: "odd", outbox: "orders", sink_type: "stdout", config: odd });
      expect(await stored("odd")).toMatchObject({ sink: odd });
      const leak = await refusedV2({
        name: "odd",
        outbox: "orders",
        sink_type: "stdout",
        config: { "a.b": { "": { password: "canary" } } },
      });
      expect(leak.message).toBe('invalid argument: "sink.a.b..password" holds a secret as it is');
    });

    it.each<[string, number, (size: number) => Json]>([
      ["addresses", 3_000, (size) => ({ a: Array.from({ length: size }, () => "a://b:") })],
      ["dollar signs", 60_000, (size) => ({ b: repeated("$${")(size) })],
      ["colons", 20_000, (size) => ({ c: `a://${":".repeat(size)}` })],
      ["keys", 3_000, (size) => Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, 1]))],
    ])(
      "[Q-10] is checked in time that grows with its size, not faster, when it has many %s",
      async (_, largest, input) => {
        const work = (config: Json) => setV2({ name: "large", outbox: "orders", sink_type: "stdout", config });
        await expectLinearTime({ input, work, worker: "server", smallest: largest / 32, largest });
        await tide.one("select tide.relay_delete('large')");
      },
    );
  });

  describe("pauses", () => {
    const resume = () => tide.json("select tide.relay_auto_resume_candidates()") as Promise<Json[]>;
    const back = (name: string) =>
      tide.one(
        `update tide.relay_pipeline_state set pause_started_at = now() - interval '1 hour' where name = $1 returning name`,
        name,
      );

    it("[relay 3.5] begins with the first failure, keeps its beginning, and ends with none", async () => {
      const reason = () =>
        tide.rows(
          "select last_error, error_class, failure_count, pause_started_at from tide.relay_pipeline_pause_reason('p1')",
        );
      await tide.one("select tide.relay_pipeline_state_upsert('p1', 'broken', 'transient', 1)");
      const [first] = await reason();
      await tide.one("select tide.relay_pipeline_state_upsert('p1', 'still', 'permanent', 2)");
      expect(await reason()).toEqual([
        {
          last_error: "still",
          error_class: "permanent",
          failure_count: "2",
          pause_started_at: first?.pause_started_at,
        },
      ]);
      await tide.one("select tide.relay_pipeline_state_upsert('p1')");
      expect(await reason()).toEqual([]);
      expect((await tide.refused("select tide.relay_pipeline_state_upsert('p1', 'x', 'odd', 1)")).sqlstate).toBe(
        "22023",
      );
    });

    it("is over after auto_resume_after, and only for pipelines that a failure switched off", async () => {
      await setV2({ name: "resumes", outbox: "orders", sink_type: "stdout", auto_resume_after: "10 minutes" });
      expect(await tide.one("select tide.relay_pause('resumes', 'sink is gone')")).toBe("t");
      expect(await tide.one("select tide.relay_pause('resumes', 'again')")).toBe("f");
      expect(await resume()).toEqual([]);
      await back("resumes");
      expect((await resume()).map(({ name }) => name)).toEqual(["resumes"]);
      expect(await tide.one("select tide.relay_auto_resume()")).toBe("1");
      expect(await tide.one("select enabled from tide.relay_outbox_config where name = 'resumes'")).toBe("t");
      expect(await tide.one("select tide.relay_auto_resume()")).toBe("0");
      await tide.one("select tide.relay_pause('resumes', 'sink is gone')");
      await tide.one("select tide.relay_disable('resumes')");
      await back("resumes");
      await tide.run("update tide.relay_pipeline_state set pause_started_at = null where name = 'resumes'");
      expect(await resume()).toEqual([]);
    });

    it("takes the outbox's interval when the pipeline has none", async () => {
      await tide.run(
        "select tide.outbox_create('slow'); update tide.tide_outbox_config set auto_resume_after = '1 minute' where outbox_name = 'slow'",
      );
      await setV2({ name: "inherits", outbox: "slow", sink_type: "stdout" });
      await tide.one("select tide.relay_pause('inherits', 'x', 'transient')");
      await back("inherits");
      expect((await resume()).map(({ name }) => name)).toEqual(["inherits"]);
    });

    it("a switch by hand ends it", async () => {
      await setV2({ name: "by-switch", outbox: "orders", sink_type: "stdout", auto_resume_after: "1 second" });
      await tide.one("select tide.relay_pause('by-switch', 'x')");
      await tide.one("select tide.relay_disable('by-switch')");
      expect(await tide.rows("select * from tide.relay_pipeline_pause_reason('by-switch')")).toEqual([]);
    });
  });
});
