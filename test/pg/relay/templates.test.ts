/** Templates: what is filled in is a value and never anything else, and what comes out is a pipeline. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("templates on PostgreSQL %i", (major) => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide({ major });
    await tide.run("select tide.outbox_create('orders'); select tide.inbox_create('payments')");
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const make = (template: string, overrides: unknown) =>
    tide.json("select tide.relay_set_outbox_from_template('orders', $1, $2)", template, JSON.stringify(overrides));
  const refusedMake = (template: string, overrides: unknown) =>
    tide.refused("select tide.relay_set_outbox_from_template('orders', $1, $2)", template, JSON.stringify(overrides));
  const stored = (name: string) => tide.json("select tide.relay_get_config($1)", name);
  const validate = async (template: string, overrides: unknown) =>
    (await tide.rows("select * from tide.relay_template_validate($1, $2)", template, JSON.stringify(overrides)))[0];

  it("[relay 3.9] five come with the schema", async () => {
    const list = (await tide.json("select tide.relay_template_list()")) as { name: string; required_keys: string[] }[];
    expect(Object.fromEntries(list.map(({ name, required_keys }) => [name, required_keys]))).toEqual({
      "ducklake-daily-sink": ["outbox_name", "ducklake_catalog", "ducklake_table"],
      "kafka-topic-mirror": ["outbox_name", "kafka_bootstrap_servers", "kafka_topic"],
      "nats-jetstream-fanout": ["outbox_name", "nats_url", "nats_subject"],
      "pg-inbox-relay": ["outbox_name", "target_postgres_url", "target_inbox_name"],
      "webhook-notification": ["outbox_name", "webhook_url", "hmac_secret"],
    });
  });

  it("[relay 3.9] each makes a pipeline, named after its outbox unless told otherwise", async () => {
    expect(await make("nats-jetstream-fanout", { nats_url: "tls://n:4222", nats_subject: "orders.x" })).toEqual({
      name: "orders-pipeline",
      outbox: "orders",
      sink_type: "nats",
      config: { url: "tls://n:4222", subject: "orders.x" },
    });
    expect(await stored("orders-pipeline")).toMatchObject({
      sink_type: "nats",
      source: { outbox: "orders" },
      sink: { subject: "orders.x" },
    });
    await make("kafka-topic-mirror", {
      name: "mirror",
      kafka_bootstrap_servers: "k:9092",
      kafka_topic: "t",
      batch_size: 9,
      config: { compression: "lz4" },
    });
    expect(await stored("mirror")).toMatchObject({
      batch_size: 9,
      sink: { brokers: "k:9092", topic: "t", compression: "lz4" },
    });
    await make("pg-inbox-relay", {
      name: "remote",
      target_postgres_url: "postgres://u:${env:P}@h/d",
      target_inbox_name: "payments",
    });
    expect(await stored("remote")).toMatchObject({ sink_type: "pg_outbox", sink: { inbox: "payments" } });
    await make("webhook-notification", {
      name: "hook",
      webhook_url: "https://p.example/x",
      hmac_secret: "${env:H}",
      enabled: false,
    });
    expect(await stored("hook")).toMatchObject({ sink: { signature: { scheme: "hmac-sha256", secret: "${env:H}" } } });
    expect(await tide.one("select enabled from tide.relay_outbox_config where name = 'hook'")).toBe("f");
  });

  it("a connector that the relay has not is refused by name", async () => {
    const error = await refusedMake("ducklake-daily-sink", { ducklake_catalog: "c", ducklake_table: "t" });
    expect([error.detail, error.message]).toEqual([
      "PGTIDE_CONFIG_UNSUPPORTED_SURFACE",
      'invalid argument: unsupported sink type "ducklake"',
    ]);
  });

  it("[R-05] a secret must be a reference here too, in templates and in what is filled in", async () => {
    const error = await refusedMake("webhook-notification", {
      name: "leak",
      webhook_url: "https://p.example/x",
      hmac_secret: "hunter2-canary",
    });
    expect(error.message).toBe('invalid argument: "sink.signature.secret" holds a secret as it is');
    const template = await tide.refused(
      "select tide.relay_template_create('leak', $1)",
      JSON.stringify({ sink_type: "nats", config: { token: "hunter2-canary" } }),
    );
    expect(template.message).not.toContain("canary");
  });

  it("[relay 3.9] says what is missing and what is of no use", async () => {
    expect(await validate("kafka-topic-mirror", {})).toEqual({
      is_valid: "f",
      missing_keys: "{kafka_bootstrap_servers,kafka_topic}",
      invalid_keys: "{}",
    });
    expect(await validate("kafka-topic-mirror", { kafka_bootstrap_servers: "k", kafka_topic: " ", colour: 1 })).toEqual(
      {
        is_valid: "f",
        missing_keys: "{kafka_topic}",
        invalid_keys: "{colour}",
      },
    );
    expect(
      await validate("kafka-topic-mirror", { kafka_bootstrap_servers: "k", kafka_topic: "t", name: "n" }),
    ).toMatchObject({ is_valid: "t" });
    expect((await refusedMake("kafka-topic-mirror", { kafka_topic: "t" })).message).toBe(
      'invalid argument: template "kafka-topic-mirror" needs kafka_bootstrap_servers',
    );
    expect(
      (await refusedMake("kafka-topic-mirror", { kafka_bootstrap_servers: "k", kafka_topic: "t", x: 1 })).message,
    ).toContain("has no use for x");
    expect((await tide.refused("select * from tide.relay_template_validate('none')")).sqlstate).toBe("42704");
  });

  it("[relay 3.9] a value is only a value: quotes, braces, other blanks and JSON in it stay text", async () => {
    const hostile = `","batch_size":1,"x":"{{kafka_topic}} \\ ' " }} {{outbox_name}} $1 \\1`;
    await make("kafka-topic-mirror", { name: "hostile", kafka_bootstrap_servers: "k", kafka_topic: hostile });
    expect(await stored("hostile")).toMatchObject({ batch_size: 100, sink: { topic: hostile } });
  });

  it("fills text around blanks, and gives a lone blank its value as it is", async () => {
    await tide.one(
      "select tide.relay_template_create('shapes', $1, 'd', '[\"outbox_name\"]')",
      JSON.stringify({
        sink_type: "nats",
        batch_size: "{{size}}",
        config: {
          url: "nats://{{ host }}:{{port}}",
          subject: "{{outbox_name}}.{{host}}.{op}",
          list: ["{{host}}", 1],
          tags: "{{tags}}",
        },
      }),
    );
    await make("shapes", { name: "shaped", size: 7, host: "h", port: 4222, tags: { a: [1] } });
    expect(await stored("shaped")).toMatchObject({
      batch_size: 7,
      sink: { url: "nats://h:4222", subject: "orders.h.{op}", list: ["h", 1], tags: { a: [1] } },
    });
    expect((await refusedMake("shapes", { name: "x", size: 1, host: {}, port: 1, tags: 1 })).message).toBe(
      'invalid argument: "host" must be text, a number or a boolean',
    );
    expect((await refusedMake("shapes", { name: "x", host: "h", port: 1, tags: 1 })).message).toContain("needs size");
  });

  it("makes reverse pipelines", async () => {
    await tide.one(
      "select tide.relay_template_create('stripe-hook', $1, '', '[\"inbox_name\", \"secret\"]')",
      JSON.stringify({
        source: "webhook",
        config: { path: "/{{inbox_name}}", signature_scheme: "stripe", signature_secret: "{{secret}}" },
      }),
    );
    expect(
      await tide.json(
        `select tide.relay_set_inbox_from_template('payments', 'stripe-hook', '{"secret": "\${env:S}"}')`,
      ),
    ).toMatchObject({
      name: "payments-pipeline",
      inbox: "payments",
    });
    expect(await stored("payments-pipeline")).toMatchObject({
      source_type: "webhook",
      source: { path: "/payments", signature_secret: "${env:S}" },
    });
  });

  it("replaces, shows and drops", async () => {
    await tide.one(`select tide.relay_template_create('mine', '{"sink_type": "stdout"}')`);
    await tide.one(`select tide.relay_template_create('mine', '{"sink_type": "stdout", "batch_size": 5}', 'again')`);
    expect(await tide.json("select tide.relay_template_get('mine')")).toMatchObject({
      description: "again",
      config: { batch_size: 5 },
    });
    await tide.one("select tide.relay_template_drop('mine')");
    for (const call of ["drop", "get"])
      expect((await tide.refused(`select tide.relay_template_${call}('mine')`)).detail).toBe("PGTIDE_RELAY_NOT_FOUND");
  });

  it.each([
    ["'a.b', '{\"a\": 1}'"],
    ["'', '{\"a\": 1}'"],
    ["null, '{\"a\": 1}'"],
    ["'t', '[]'"],
    ["'t', '{}'"],
    ["'t', null"],
    ["'t', '\"x\"'"],
    ["'t', '{\"a\": 1}', '', '{}'"],
    ["'t', '{\"a\": 1}', '', '[1]'"],
  ])("refuses to make one of %s", async (args) => {
    expect((await tide.refused(`select tide.relay_template_create(${args})`)).sqlstate).toBe("22023");
  });
});
