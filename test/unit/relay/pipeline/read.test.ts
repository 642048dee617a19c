/** Every generation of configuration reads as one shape; whatever is wrong is named at once, and never a value. */
import { describe, expect, it } from "vitest";
import { readPipeline } from "../../../../src/relay/pipeline/read.ts";
import { openRow, problemsWith, refusal, row, toStdout } from "./rows.ts";

describe("[relay 4] the same pipeline in every generation's form", () => {
  const FORMS: Record<string, unknown> = {
    canonical: {
      schema_version: 1,
      source_type: "outbox",
      source: { outbox: "orders" },
      sink_type: "file",
      sink: { path: "/data/out.jsonl" },
      batch_size: 50,
      retry: { max_retries: 7 },
    },
    "canonical, config for sink": {
      source: { outbox: "orders" },
      sink_type: "file",
      config: { path: "/data/out.jsonl" },
      batch_size: 50,
      retry: { max_retries: 7 },
    },
    "wide, as relay_set_outbox_v2 takes it": {
      name: "p",
      outbox: "orders",
      sink_type: "file",
      source_mode: "native",
      enabled: true,
      config: { path: "/data/out.jsonl", retry: { max_retries: 7 } },
      batch_size: 50,
    },
    "positional, beside the source": {
      source: { outbox: "orders" },
      sink_type: "file",
      path: "/data/out.jsonl",
      batch_size: 50,
      retry: { max_retries: 7 },
    },
    "sink type inside of config": {
      outbox: "orders",
      config: { sink_type: "file", path: "/data/out.jsonl", batch_size: 50, retry: { max_retries: 7 } },
    },
  };

  it.each(Object.entries(FORMS))("%s", async (_name, config) => {
    expect(await readPipeline(row(config))).toMatchObject({
      name: "p",
      outbox: "orders",
      connector: { type: "file", config: { path: "/data/out.jsonl" } },
      batchSize: 50,
      retry: { maxRetries: 7 },
    });
  });

  it.each([
    [
      "canonical",
      {
        source_type: "stdin",
        source: { subject: "s" },
        sink_type: "inbox",
        sink: { inbox: "in", max_retries: 3, idempotent: true },
      },
    ],
    ["wide", { name: "p", inbox: "in", source: "stdin", config: { subject: "s" }, max_retries: 3, idempotent: true }],
    ["positional", { source_type: "stdin", inbox: "in", subject: "s" }],
  ])("of a reverse pipeline: %s", async (_name, config) => {
    expect(await readPipeline(row(config, { direction: "reverse" }))).toMatchObject({
      inbox: "in",
      outbox: undefined,
      connector: { type: "stdin", config: { subject: "s" } },
    });
  });

  it("has the defaults of the contract", async () => {
    expect(await readPipeline(toStdout())).toMatchObject({
      batchSize: 100,
      pollIntervalMs: 1_000,
      maxPollBackoffMs: 60_000,
      sinkMaxInflight: 0,
      retry: { maxRetries: 5, backoffMs: 1_000, maxBackoffMs: 60_000 },
      deadLetters: { enabled: true, retentionDays: 30 },
      circuitBreaker: {
        enabled: true,
        failureThreshold: 5,
        successThreshold: 3,
        halfOpenTimeoutMs: 30_000,
        onOpen: "pause",
      },
      rateLimit: undefined,
      orderKey: undefined,
      onDeadLetter: "skip",
      dryRun: false,
      wireFormat: { name: "native", options: {} },
      subjectTemplate: "{outbox}.{op}",
      addresses: { allow: [], protection: true },
    });
  });

  it("takes a rate limit by both of its names, and none that is switched off", async () => {
    const limit = async (rate_limit: unknown) => (await readPipeline(toStdout({ rate_limit }))).rateLimit;
    expect(await limit({ enabled: true, max_messages_per_second: 50, burst_size: 9 })).toEqual({
      perSecond: 50,
      burst: 9,
    });
    expect(await limit({ messages_per_second: 0.5 })).toEqual({ perSecond: 0.5, burst: 1 });
    expect(await limit({ enabled: false, max_messages_per_second: 50 })).toBeUndefined();
  });

  it("takes the wishes for the address guard from the connector's own settings too", async () => {
    const { addresses, connector } = await readPipeline(
      row({ outbox: "orders", sink_type: "stdout", config: { ssrf_allow: ["10.0.0.0/8"], ssrf_protection: false } }),
    );
    expect(addresses).toEqual({ allow: ["10.0.0.0/8"], protection: false });
    expect(connector.config).toEqual({});
  });

  it("reads encryption as the first transform", async () => {
    const { transforms } = await readPipeline(
      toStdout({ encryption: { key: "${env:K}" }, transform: { filter: "a" } }),
    );
    expect(transforms).toEqual({ filter: "a", decrypt: { key: "${env:K}" } });
    expect((await readPipeline(toStdout({ encryption: { enabled: false } }))).transforms).toEqual({});
  });

  it("hashes alike what is the same, and differently what a worker would do differently", async () => {
    const hash = async (config: unknown, changes = {}) => (await readPipeline(row(config, changes))).configHash;
    const one = '{"outbox":"orders","sink_type":"stdout","config":{}}';
    const other = '{ "config": {}, "sink_type": "stdout",\n "outbox": "orders" }';
    expect(await hash(one)).toBe(await hash(other));
    expect(await hash(one)).not.toBe(
      await hash('{"outbox":"orders","sink_type":"stdout","config":{"format":"pretty"}}'),
    );
    expect(await hash(one)).not.toBe(await hash(one, { wireFormat: "cloudevents" }));
  });
});

describe("[relay 4] a configuration that cannot work", () => {
  it("is refused with every field that is wrong, and no value", async () => {
    const secret = "hunter2-canary";
    const config = {
      source: { outbox: "orders", consumer: secret },
      sink_type: "file",
      sink: { path: 5, fsnyc: secret },
      batch_size: 0,
      retyr: {},
      poll_interval_ms: secret,
      circuit_breaker: { on_open: secret, treshold: 1 },
      routing: { rules: [{ match_field: "a", match_value: "b", subject: "{outbo}" }] },
    };
    const error = await refusal(readPipeline(row(config)));
    expect(error.code).toBe("RELAY_PIPELINE_INVALID");
    expect(JSON.stringify([error.message, error.parts])).not.toContain("canary");
    const lines = error.parts.detail?.split("\n");
    expect(lines).toEqual([
      'retyr: unknown key; did you mean "retry"?',
      "batch_size: too small: expected number to be >=1",
      'circuit_breaker.on_open: invalid option: expected one of "pause"|"dlq"',
      expect.stringContaining("circuit_breaker.treshold: unknown key"),
      "poll_interval_ms: invalid input: expected number, received string",
      "source.consumer: unknown key; known: outbox, subject_template, consumer_group, consumer_id, visibility_seconds",
      "sink.path: invalid input: expected string, received number",
      'sink.fsnyc: unknown key; did you mean "fsync"?',
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      "an unknown sink",
      { sink_type: "stdut" },
      'sink_type: PGTIDE_CONFIG_UNSUPPORTED_SURFACE: "stdut" is not supported; did you mean "stdout"?',
    ],
    [
      "a sink of pg_tide that is not here",
      { sink_type: "snowflake" },
      'sink_type: PGTIDE_CONFIG_UNSUPPORTED_SURFACE: "snowflake"',
    ],
    [
      "another source than an outbox",
      { source_type: "pg_trickle_outbox" },
      'source_type: PGTIDE_CONFIG_UNSUPPORTED_SURFACE: only "outbox"',
    ],
    ["an unknown wire format", { wire_format: "avro" }, 'wire_format: PGTIDE_CONFIG_UNSUPPORTED_SURFACE: "avro"'],
    ["a wire format that can only be read", { wire_format: "cdc_json" }, 'wire_format: "cdc_json" can only be read'],
    [
      "options a wire format does not have",
      { wire_format: "maxwell", wire_config: { a: 1 } },
      "wire_config.a: unknown key",
    ],
    ["a schema registry", { schema_registry: { url: "x" } }, "schema_registry: PGTIDE_CONFIG_UNSUPPORTED_SURFACE"],
    ["avro", { serialization: { format: "avro" } }, "serialization.format: PGTIDE_CONFIG_UNSUPPORTED_SURFACE"],
    ["an unknown policy for changed fields", { on_schema_change: "stop" }, "on_schema_change: "],
    [
      "an unknown transform",
      { transform: { filtr: "a" } },
      'transform.filtr: unknown key; "filtr" is not supported; did you mean "filter"?',
    ],
    ["a bad expression", { transform: { filter: "a &&" } }, "transform.filter: is not a JMESPath expression"],
    [
      "an unknown variable",
      { routing: { default_template: "{outbo}.x" } },
      'routing.default_template: has an unknown variable; did you mean "{outbox}"?',
    ],
    [
      "an unknown variable of the source",
      { source: { outbox: "o", subject_template: "{x}" } },
      "source.subject_template: has an unknown variable",
    ],
    ["a blank template", { routing: { default_template: " " } }, "routing.default_template: must not be blank"],
    [
      "control characters",
      { routing: { default_template: "a\nb" } },
      "routing.default_template: must hold no control characters",
    ],
    ["an order key of another form", { order_key: "customer" }, "order_key: must be"],
    ["another schema version", { schema_version: 2 }, "schema_version:"],
  ])("refuses %s", async (_name, change, line) => {
    expect(await problemsWith(toStdout(change))).toEqual([expect.stringContaining(line)]);
  });

  describe("a URL that no connector can use", () => {
    const FORM = /^sink\.url: must be \w+:\/\/host:port or \w+:\/\/host:port/;
    const NEEDED: Record<string, Record<string, unknown>> = {
      webhook: {},
      nats: { subject: "s" },
      redis: { stream_key: "s" },
      rabbitmq: { exchange: "e" },
      mqtt: { topic: "t" },
    };
    const problemsOf = async (type: string, config: Record<string, unknown>) =>
      await problemsWith(row({ outbox: "o", sink_type: type, config: { ...NEEDED[type], ...config } }));

    it.each<[string, string, RegExp]>([
      ["webhook", "file:///etc/hostname", /^sink\.url: is not an https URL$/],
      ["webhook", "gopher://hooks.example/", /^sink\.url: is not an https URL$/],
      ["webhook", "hooks.example/canary-7", /^sink\.url: is not an https URL$/],
      ["webhook", "https://user:canary-7@hooks.example/", /^sink\.url: holds a user or password/],
      ["nats", "https://user:canary-7@h", FORM],
      ["nats", " , ", /^sink\.url: names no server$/],
      ["redis", "canary-7", FORM],
      ["rabbitmq", "amqps://h/v?canary-7", /^sink\.url: must end after its path/],
      ["mqtt", "mqtts://u:canary-7%@h", /^sink\.url: has a percent sign/],
    ])("is refused for %s where it is read: %s", async (type, url, line) => {
      const problems = await problemsOf(type, { url });
      expect(problems).toEqual([expect.stringMatching(line)]);
      expect(problems.join()).not.toContain("canary-7");
    });

    it("is not judged while a part of it is a reference", async () => {
      for (const [sink, needed] of Object.entries(NEEDED)) {
        const config = { ...needed, url: "${env:SCHEME}://${env:HOST}" };
        await expect(readPipeline(row({ outbox: "o", sink_type: sink, config }))).resolves.toBeTruthy();
      }
    });

    it("is refused when its reference is resolved to one", async () => {
      const resolved = openRow(row({ outbox: "o", sink_type: "webhook", config: { url: "${env:HOOK}" } }), {
        environment: { HOOK: "https://user:canary-7@hooks.example/" },
      });
      const { parts } = await refusal(resolved);
      expect(parts.detail).toMatch(/^sink\.url: holds a user or password/);
      expect(parts.detail).not.toContain("canary-7");
    });
  });

  it("refuses two wire formats, transforms of a reverse pipeline, and a row that is no object", async () => {
    expect(await problemsWith({ ...toStdout({ wire_format: "maxwell" }), wireFormat: "cloudevents" })).toEqual([
      expect.stringContaining("wire_format: differs"),
    ]);
    const reverse = row(
      { source_type: "stdin", source: {}, sink: { inbox: "i" }, transform: { filter: "a" } },
      { direction: "reverse" },
    );
    expect(await problemsWith(reverse)).toEqual([expect.stringContaining("only forward pipelines")]);
    for (const config of ["[]", "null", "5", "{"])
      expect(await problemsWith(row(config))).toEqual(["configuration: must be a JSON object"]);
  });

  it("refuses a configuration of more than 32 levels, and no other for its depth", async () => {
    const deep = (levels: number) =>
      `{"outbox":"o","sink_type":"stdout","config":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    expect(await problemsWith(row(deep(100_000)))).toEqual(["configuration: is nested deeper than 32 levels"]);
    expect(await problemsWith(row(deep(32)))).toEqual(["configuration: is nested deeper than 32 levels"]);
    expect(await problemsWith(row(deep(31)))).toEqual([expect.stringContaining("sink.a: unknown key")]);
  });

  it("says what is missing", async () => {
    expect(await problemsWith(row({}))).toEqual(["source.outbox: required", "sink_type: required"]);
    expect(await problemsWith(row({}, { direction: "reverse" }))).toEqual([
      "sink.inbox: required",
      "source_type: required",
    ]);
  });

  it("leaves fields that hold references to the process that can resolve them", async () => {
    await expect(
      readPipeline(row({ outbox: "o", sink_type: "file", config: { path: "${env:OUT}", fsync: "${env:SYNC}" } })),
    ).resolves.toBeTruthy();
  });

  it("says what is wrong with format and transforms although other settings are wrong too", async () => {
    expect(await problemsWith(toStdout({ batch_size: 0, wire_format: "avro", transform: { filter: "(" } }))).toEqual([
      expect.stringContaining("batch_size"),
      expect.stringContaining("wire_format"),
      expect.stringContaining("transform.filter"),
    ]);
  });

  it("names at most 20 problems", async () => {
    const keys = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`zz${index}`, 1]));
    const lines = await problemsWith(toStdout(keys));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("and 10 more");
  });

  it("[S-07] takes keys that every object has for unknown ones", async () => {
    const lines = await problemsWith(row('{"outbox":"o","sink_type":"constructor","sink":{},"toString":1}'));
    expect(lines.join("\n")).toContain('"constructor" is not supported');
    for (const config of [
      '{"outbox":"o","sink_type":"stdout","config":{},"__proto__":{"password":"x"}}',
      '{"outbox":"o","sink_type":"stdout","config":{"a":[{"__proto__":{"password":"x"}}]}}',
    ]) {
      expect(await problemsWith(row(config))).toEqual(['configuration: "__proto__" is not a key']);
    }
    expect(await problemsWith(toStdout({ sink: { constructor: 1, toString: "x" } }))).toHaveLength(2);
    expect(await problemsWith(toStdout({ transform: { constructor: "a" }, wire_format: "toString" }))).toHaveLength(2);
  });
});
