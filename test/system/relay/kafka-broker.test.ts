/** Kafka beyond what every connector promises: users and certificates, topics that refuse, partitions, advertised brokers. */
import { connect, createServer, type Socket } from "node:net";
import * as zlib from "node:zlib";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { AddressRefusal } from "../../../src/net/address-policy.ts";
import type { ConnectorContext } from "../../../src/relay/connector.ts";
import type { ConnectorFailure } from "../../../src/relay/failures.ts";
import type { Delivery } from "../../../src/relay/message.ts";
import sink from "../../../src/relay/sinks/kafka.ts";
import source from "../../../src/relay/sources/kafka.ts";
import type { Incoming } from "../../../src/relay/sources/source.ts";
import { connectorContext, deliveries, delivery, PERMIT_ALL } from "../../conformance/relay/connector.ts";
import { expectEventually, newPlace, settled } from "../../conformance/relay/subject.ts";
import {
  KAFKA,
  KAFKA_MOCK,
  type KafkaBroker,
  messagesIn,
  startKafka,
  startKafkaMock,
} from "../../support/brokers/kafka.ts";
import { createAuthority, issue } from "../../support/certificates.ts";
import { needs } from "../../support/needs.ts";

const { Kafka, logLevel, AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

type Settings = Record<string, unknown>;

const DELIVERED = { outcome: "delivered" };
const openSink = (settings: Settings, context: Partial<ConnectorContext> = {}) =>
  sink.open(sink.config(z).parse({ request_timeout_ms: 4_000, ...settings }), connectorContext(context));

/** Opens, sends, closes. */
async function send(settings: Settings, batch: readonly Delivery[], context: Partial<ConnectorContext> = {}) {
  const opened = await openSink({ ...(settings.topic ? {} : { topic_template: "{outbox}" }), ...settings }, context);
  try {
    return await opened.send(batch, new AbortController().signal);
  } finally {
    await opened.close();
  }
}

async function failureOf(attempt: Promise<unknown>): Promise<ConnectorFailure> {
  const end = await settled(attempt);
  if (end.status === "fulfilled") throw new Error("it must fail");
  expect(end.reason).toMatchObject({ name: "ConnectorFailure" });
  return end.reason;
}

/** A client of the test's own. */
const clientOf = (brokers: string) =>
  new Kafka({
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
    retry: { retries: 40, initialRetryTime: 100, maxRetryTime: 200 },
  });

interface Stored {
  key: string;
  value: string | null;
  partition: number;
  headers: Record<string, string>;
}

/** Everything in a topic. */
async function read(brokers: string, topic: string): Promise<Stored[]> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  const total = await messagesIn(admin, topic);
  await admin.disconnect();
  const stored: Stored[] = [];
  if (total === 0) return stored;
  const consumer = clientOf(brokers).consumer({ groupId: newPlace(), maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
    const eachMessage = async ({ message, partition }: kafkajs.EachMessagePayload) => {
      const headers = Object.fromEntries(
        Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
      );
      const value = message.value === null ? null : message.value.toString("utf8");
      stored.push({ key: String(message.key), value, partition, headers });
      if (stored.length >= total) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return stored;
}

describe("Kafka", () => {
  let broker: KafkaBroker;
  let settings: Settings;
  let plain: string;

  beforeEach(needs(KAFKA.isThere, KAFKA.reason));
  beforeAll(async () => {
    if (!KAFKA.isThere) return;
    broker = await startKafka();
    plain = `127.0.0.1:${broker.plainPort}`;
    settings = {
      brokers: `127.0.0.1:${broker.port}`,
      sasl_username: broker.user,
      sasl_password: broker.password,
      ssl_ca_location: broker.ca,
    };
  });
  afterAll(() => broker?.stop());

  async function topic(
    options: { partitions?: number; maxBytes?: number; name?: string; compression?: string } = {},
  ): Promise<string> {
    const name = options.name ?? newPlace();
    const admin = clientOf(plain).admin();
    await admin.connect();
    const configEntries = [
      ...(options.maxBytes ? [{ name: "max.message.bytes", value: String(options.maxBytes) }] : []),
      ...(options.compression ? [{ name: "compression.type", value: options.compression }] : []),
    ];
    const topics = [{ topic: name, numPartitions: options.partitions ?? 1, configEntries }];
    await admin.createTopics({ waitForLeaders: true, topics });
    await admin.disconnect();
    return name;
  }

  it.each(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])(
    "takes a user by %s, and no wrong password",
    async (mechanism) => {
      const name = await topic();
      const batch = [delivery(1, { subject: name })];
      expect(await send({ ...settings, sasl_mechanism: mechanism }, batch)).toEqual([DELIVERED]);
      const wrong = { ...settings, sasl_mechanism: mechanism, sasl_password: "wrong-password" };
      const failure = await failureOf(send(wrong, batch));
      expect(failure.class).toBe("authentication");
      expect(failure.message).not.toContain("wrong-password");
    },
  );

  it("takes a client certificate where a broker asks for one, and no other", async () => {
    const name = await topic();
    const batch = [delivery(1, { subject: name })];
    const mutual = { brokers: `127.0.0.1:${broker.mutualPort}`, ssl_ca_location: broker.ca };
    const client = await issue({ commonName: "relay", usage: "client" }, broker.authority);
    const shown = { ssl_certificate_location: client.certificate, ssl_key_location: client.key };
    expect(await send({ ...mutual, ...shown }, batch)).toEqual([DELIVERED]);
    const stranger = await issue({ commonName: "relay", usage: "client" }, await createAuthority("stranger"));
    const wrong = { ssl_certificate_location: stranger.certificate, ssl_key_location: stranger.key };
    // Where the broker's reset overtakes its reason, all we hear is that it is gone.
    const refused = /^(authentication|unavailable)$/;
    expect((await failureOf(send({ ...mutual, ...wrong }, batch))).class).toMatch(refused);
    expect((await failureOf(send(mutual, batch))).class).toMatch(refused);
  });

  it("[R-19] without TLS needs both the pipeline's and the process's word", async () => {
    const name = await topic();
    const batch = [delivery(1, { subject: name })];
    const open = { brokers: plain, security_protocol: "plaintext", allow_insecure: true };
    for (const [given, context] of [
      [open, { allowInsecure: false }],
      [{ ...open, allow_insecure: false }, { allowInsecure: true }],
    ] as const) {
      expect((await failureOf(send(given, batch, context))).class).toBe("invalid_config");
    }
    expect(await send(open, batch, { allowInsecure: true })).toEqual([DELIVERED]);
  });

  it("gets key, headers and body of every message, a tombstone as one, and our headers whatever the event says", async () => {
    const name = await topic();
    const forged = { pg_tide_outbox: "forged", pg_tide_dedup_key: "forged", "x-kept": "yes" };
    const batch = [
      delivery(1, { subject: name, key: "row-1", orderKey: "customer-9", headers: forged, body: "one" }),
      delivery(2, { subject: name, key: "row-1", body: null }),
    ];
    expect(await send({ ...settings, headers: { origin: "pgkeep" } }, batch)).toEqual([DELIVERED, DELIVERED]);
    expect(await read(plain, name)).toEqual([
      {
        key: "row-1",
        value: "one",
        partition: 0,
        headers: {
          origin: "pgkeep",
          "x-kept": "yes",
          "content-type": "application/json",
          pg_tide_outbox: "orders",
          pg_tide_op: "event",
          pg_tide_dedup_key: "outbox_orders:1:0",
        },
      },
      expect.objectContaining({ key: "row-1", value: null }),
    ]);
  });

  it.each([
    ["auto", "row-1", "row-1"],
    ["auto", "outbox_orders:1:0", "customer-9"],
    ["format", "outbox_orders:1:0", "outbox_orders:1:0"],
    ["order_key", "row-1", "customer-9"],
    ["dedup_key", "row-1", "outbox_orders:1:0"],
  ])("gets the key that message_key %s makes of %s", async (rule, key, expected) => {
    const name = await topic();
    await send({ ...settings, message_key: rule }, [delivery(1, { subject: name, key, orderKey: "customer-9" })]);
    expect((await read(plain, name)).map((one) => one.key)).toEqual([expected]);
  });

  it("keeps messages of one order key in one partition and in order", async () => {
    const name = await topic({ partitions: 3 });
    const batch = deliveries(1, 300, { subject: name, keys: 10 });
    await send(settings, batch);
    const stored = await read(plain, name);
    expect(stored).toHaveLength(300);
    expect(new Set(stored.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    for (let key = 0; key < 10; key++) {
      const ofKey = stored.filter((one) => one.key === `key-${key}`);
      expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1);
      const numbers = ofKey.map(({ value }) => Number(JSON.parse(value ?? "").number));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it("takes batches compressed with gzip", async () => {
    const name = await topic();
    const body = JSON.stringify({ text: "again and again ".repeat(100) });
    const batch = deliveries(1, 100, { subject: name, body });
    expect(await send({ ...settings, compression: "gzip" }, batch)).toEqual(batch.map(() => DELIVERED));
    expect((await read(plain, name)).map(({ value }) => value)).toEqual(batch.map(() => body));
  });

  it("gets a page that is larger than a record batch may be, each message once", async () => {
    const name = await topic();
    const batch = deliveries(1, 300, { subject: name, body: JSON.stringify({ text: "x".repeat(10_000) }) });
    expect(await send(settings, batch)).toEqual(batch.map(() => DELIVERED));
    const ids = (await read(plain, name)).map(({ headers }) => headers.pg_tide_dedup_key);
    expect(ids).toEqual(batch.map(({ message }) => message.dedupKey));
  });

  it("refuses what is too large for its topic alone, and repeats nothing of the rest", async () => {
    const name = await topic({ partitions: 3, maxBytes: 5_000 });
    const large = "x".repeat(6_000);
    const batch = [
      ...deliveries(1, 20, { subject: name }),
      delivery(21, { subject: name, body: large }),
      ...deliveries(22, 40, { subject: name }),
    ];
    const dispositions = await send(settings, batch);
    expect(dispositions[20]).toMatchObject({ outcome: "reject", class: "message_too_large", scope: "message" });
    expect(dispositions.filter(({ outcome }) => outcome === "delivered")).toHaveLength(39);
    const ids = (await read(plain, name)).map(({ headers }) => headers.pg_tide_dedup_key);
    expect([...ids].sort()).toEqual([...new Set(ids)].sort());
    expect(ids).toHaveLength(39);
  });

  it("finds the message that is too large when the limit has shrunk since it was read", async () => {
    const name = await topic({ maxBytes: 50_000 });
    const opened = await openSink({ ...settings, topic_template: "{outbox}" });
    const signal = new AbortController().signal;
    expect(await opened.send([delivery(1, { subject: name })], signal)).toEqual([DELIVERED]);
    const admin = clientOf(plain).admin();
    await admin.connect();
    const configEntries = [{ name: "max.message.bytes", value: "5000" }];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name, configEntries }] });
    await admin.disconnect();
    // A broker learns of it from the controller a moment later.
    const producer = clientOf(plain).producer({ retry: { retries: 0 } });
    await producer.connect();
    const tooLarge = { topic: name, messages: [{ value: "x".repeat(6_000) }] };
    const answer = () =>
      producer.send(tooLarge).then(
        () => "taken",
        (error: { type?: string }) => error.type,
      );
    await expect.poll(answer, { timeout: 20_000 }).toBe("MESSAGE_TOO_LARGE");
    await producer.disconnect();
    const large = delivery(3, { subject: name, body: "x".repeat(6_000) });
    const [before, refused, after] = await opened.send(
      [delivery(2, { subject: name }), large, delivery(4, { subject: name })],
      signal,
    );
    expect([before, after]).toEqual([DELIVERED, DELIVERED]);
    expect(refused).toMatchObject({ outcome: "reject", class: "message_too_large", scope: "message" });
    await opened.close();
  });

  it("that has no such topic makes a dead letter of that message, or stops a pipeline whose messages all go there", async () => {
    const name = await topic();
    const [known, unknown, after] = await send(settings, [
      delivery(1, { subject: name }),
      delivery(2, { subject: newPlace() }),
      delivery(3, { subject: name }),
    ]);
    expect([known, after]).toEqual([DELIVERED, DELIVERED]);
    expect(unknown).toMatchObject({ outcome: "reject", class: "invalid_destination", scope: "message" });
    expect((await failureOf(openSink({ ...settings, topic: newPlace() }))).class).toBe("invalid_destination");
  });

  it("that forbids a topic to the user refuses those messages alone", async () => {
    const [open, forbidden] = [await topic(), await topic({ name: `forbidden-${newPlace()}` })];
    const admin = clientOf(plain).admin();
    await admin.connect();
    await admin.createAcls({
      acl: [
        {
          resourceType: AclResourceTypes.TOPIC,
          resourceName: forbidden,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: "User:limited",
          host: "*",
          operation: AclOperationTypes.WRITE,
          permissionType: AclPermissionTypes.DENY,
        },
      ],
    });
    await admin.disconnect();
    const limited = { ...settings, sasl_username: broker.limited.user, sasl_password: broker.limited.password };
    const batch = [delivery(1, { subject: open }), delivery(2, { subject: forbidden }), delivery(3, { subject: open })];
    const [first, second, third] = await send(limited, batch);
    expect([first, third]).toEqual([DELIVERED, DELIVERED]);
    expect(second).toMatchObject({ outcome: "reject", class: "authorization", scope: "message" });
    const [alone] = await settled(send({ ...limited, topic: forbidden }, [delivery(4, { subject: forbidden })])).then(
      (end) =>
        end.status === "fulfilled" ? end.value : [{ outcome: "reject", class: end.reason.class, scope: "sink" }],
    );
    expect(alone).toMatchObject({ outcome: "reject", class: "authorization", scope: "sink" });
  });

  it("[R-08] gets no topics of its own or with characters that it does not know", async () => {
    const hostile = ["__consumer_offsets", "..", ".", "a b", "a/b", "ł", "x".repeat(250), ""];
    for (const disposition of await send(
      settings,
      hostile.map((subject, id) => delivery(id, { subject })),
    )) {
      expect(disposition).toMatchObject({ outcome: "reject", class: "invalid_destination", scope: "message" });
    }
    expect((await failureOf(openSink({ ...settings, topic: "__consumer_offsets" }))).class).toBe("invalid_config");
  });

  it("[R-01] is not dialled at an advertised address that the policy refuses", async () => {
    await using trap = await listenAt(broker.advertisedPort, () => {});
    const name = await topic();
    const addresses = {
      ...PERMIT_ALL,
      checkHost(host: string, port: number) {
        if (port === broker.advertisedPort) throw new AddressRefusal(`${host} is refused`);
      },
    };
    const proxied = { ...settings, brokers: `127.0.0.1:${broker.proxiedPort}` };
    const failure = await failureOf(openSink({ ...proxied, topic: name }, { addresses }));
    expect(failure.class).toBe("ssrf_rejected");
    const open = source.open(
      source.config(z).parse({ ...proxied, topic: name, request_timeout_ms: 4_000 }),
      connectorContext({ addresses }),
    );
    const end = await settled(open.then((opened) => opened.run(async () => []).finally(() => opened.close())));
    expect(end).toMatchObject({ status: "rejected", reason: { class: "ssrf_rejected" } });
    expect(trap.accepted()).toBe(0);
  });

  it("whose connection is cut in the middle: nothing counts as delivered that is not there, nothing is there twice", async () => {
    const name = await topic();
    const pipes = new Set<Socket>();
    let budget = Number.POSITIVE_INFINITY;
    await using proxy = await listenAt(broker.advertisedPort, (socket) => {
      const upstream = connect({ host: "127.0.0.1", port: broker.proxiedPort });
      pipes.add(socket);
      for (const side of [socket, upstream]) side.on("error", () => {});
      socket.on("close", () => upstream.destroy());
      upstream.on("close", () => socket.destroy());
      upstream.pipe(socket);
      socket.on("data", (chunk) => {
        upstream.write(chunk);
        budget -= chunk.length;
        if (budget <= 0) {
          budget = Number.POSITIVE_INFINITY;
          // The request is through; its answer is lost.
          setImmediate(() => {
            for (const pipe of pipes) pipe.destroy();
          });
        }
      });
    });
    const opened = await openSink({ ...settings, brokers: `127.0.0.1:${broker.advertisedPort}`, topic: name });
    const signal = new AbortController().signal;
    const given = deliveries(1, 600, { subject: name, body: JSON.stringify({ text: "x".repeat(200) }) });
    const delivered: string[] = [];
    for (let first = 0; first < given.length; first += 100) {
      budget = 20_000;
      const page = given.slice(first, first + 100);
      for (const [index, { outcome }] of (await opened.send(page, signal)).entries()) {
        if (outcome === "delivered") delivered.push(page[index]?.message.dedupKey ?? "");
      }
    }
    await opened.close();
    expect(proxy.accepted()).toBeGreaterThan(4);
    const ids = (await read(plain, name)).map(({ headers }) => headers.pg_tide_dedup_key);
    expect(delivered.length, "the client's own repeats bridge a cut").toBe(600);
    expect(ids).toEqual(delivered);
  });

  describe("as a source", () => {
    interface Reading {
      events: Incoming[];
      stop(): Promise<void>;
    }

    /** Reads `name` as a member of `group` until stopped. */
    async function reader(name: string, group: string, before: () => Promise<void> = async () => {}): Promise<Reading> {
      const abort = new AbortController();
      const config = source
        .config(z)
        .parse({ ...settings, topic: name, group_id: group, batch_size: 20, session_timeout_ms: 2_000 });
      const opened = await source.open(config, connectorContext({ signal: abort.signal }));
      const events: Incoming[] = [];
      const running = opened.run(async (batch) => {
        await before();
        events.push(...batch);
        return batch.map(({ eventId = "" }) => ({ outcome: "stored" as const, eventId }));
      });
      running.catch(() => {});
      return {
        events,
        async stop() {
          abort.abort();
          await running;
          await opened.close();
        },
      };
    }

    const idsOf = (...readings: Reading[]) =>
      readings.flatMap(({ events }) => events.map(({ eventId }) => eventId ?? ""));

    it("loses nothing while readers of its group come and go", async () => {
      const name = await topic({ partitions: 3 });
      const batch = deliveries(1, 1_500, { subject: name, keys: 50 });
      const sending = (async () => {
        const opened = await openSink({ ...settings, topic: name, message_key: "order_key" });
        for (let first = 0; first < batch.length; first += 50) {
          await opened.send(batch.slice(first, first + 50), new AbortController().signal);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        await opened.close();
      })();
      const one = await reader(name, "shared");
      await expectEventually(() => one.events.length > 100, "the first must read");
      const two = await reader(name, "shared");
      await expectEventually(() => two.events.length > 100, "the second must read");
      await one.stop();
      await sending;
      const expected = new Set(batch.map(({ message }) => message.dedupKey));
      await expectEventually(() => new Set(idsOf(one, two)).size >= expected.size, "all must be read");
      expect(new Set(idsOf(one, two))).toEqual(expected);
      await two.stop();
    });

    it("keeps its order while the inbox fails for longer than the group waits for a sign of life", async () => {
      const name = await topic();
      await send(settings, deliveries(1, 60, { subject: name }));
      const begun = performance.now();
      let failures = 0;
      const reading = await reader(name, newPlace(), async () => {
        if (performance.now() - begun > 3_000) return;
        failures += 1;
        throw new Error("the database is away");
      });
      await expectEventually(() => reading.events.length >= 60, "all must be stored");
      expect(failures).toBeGreaterThan(1);
      expect(idsOf(reading)).toEqual(deliveries(1, 60).map(({ message }) => message.dedupKey));
      await reading.stop();
    });

    it("makes ids of topic, partition and offset where the sender gave none, and bodies of tombstones empty", async () => {
      const name = await topic();
      const producer = clientOf(plain).producer();
      await producer.connect();
      await producer.send({ topic: name, messages: [{ value: "a" }, { key: "k", value: null }] });
      await producer.disconnect();
      const reading = await reader(name, newPlace());
      await expectEventually(() => reading.events.length >= 2, "both must be stored");
      expect(idsOf(reading)).toEqual([`${name}:0:0`, `${name}:0:1`]);
      expect(reading.events.map(({ body }) => body.length)).toEqual([1, 0]);
      await reading.stop();
    });

    it.each(["gzip", "snappy", "lz4", "zstd"])("reads what brokers compress with %s", async (compression) => {
      const name = await topic({ compression });
      const body = JSON.stringify({ text: "again and again ".repeat(200), other: "ąęł🙂".repeat(50) });
      await send(settings, [...deliveries(1, 30, { subject: name, body }), ...deliveries(31, 60, { subject: name })]);
      if (compression === "zstd" && !("zstdDecompress" in zlib)) {
        const config = source.config(z).parse({ ...settings, topic: name, group_id: newPlace() });
        const opened = await source.open(config, connectorContext());
        const failure = await failureOf(opened.run(async () => []));
        expect(failure).toMatchObject({ class: "protocol_rejection" });
        expect(failure.message).toContain("Zstandard");
        await opened.close();
        return;
      }
      const reading = await reader(name, newPlace());
      await expectEventually(() => reading.events.length >= 60, "all must be stored");
      expect(reading.events.slice(0, 30).map((event) => event.body.toString("utf8"))).toEqual(Array(30).fill(body));
      expect(idsOf(reading)).toEqual(deliveries(1, 60).map(({ message }) => message.dedupKey));
      await reading.stop();
    });

    it("does not open where there is no such topic", async () => {
      const config = source.config(z).parse({ ...settings, topic: newPlace(), request_timeout_ms: 3_000 });
      expect((await failureOf(source.open(config, connectorContext()))).class).toBe("invalid_destination");
    });
  });
});

/** Listens at a port of loopback that was chosen before. */
async function listenAt(port: number, onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("Kafka's mock", () => {
  beforeEach(needs(KAFKA_MOCK.isThere, KAFKA_MOCK.reason));

  it("takes messages and gives them back, for machines without a real broker", async () => {
    await using mock = await startKafkaMock();
    process.stdout.write(`${mock.server}\n`);
    // The mock has no controller, which gives out the numbers of idempotent producers.
    const settings = { security_protocol: "plaintext", allow_insecure: true, idempotent: false, topic: "orders" };
    const batch = deliveries(1, 100, { subject: "orders" });
    const context = { allowInsecure: true };
    expect(await send({ ...settings, brokers: mock.brokers }, batch, context)).toEqual(batch.map(() => DELIVERED));
    const stored = await read(mock.brokers, "orders");
    expect(stored.map(({ headers }) => headers.pg_tide_dedup_key).sort()).toEqual(
      batch.map(({ message }) => message.dedupKey).sort(),
    );
  });
});
