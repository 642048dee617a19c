/** RabbitMQ as a sink and as a source, against Debian's rabbitmq-server: one for the file, because it takes six seconds to start. */
import { type Channel, connect } from "amqplib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import rabbitmqSink from "../../../src/relay/sinks/rabbitmq.ts";
import rabbitmqSource from "../../../src/relay/sources/rabbitmq.ts";
import { connectorContext, delivery, readConfig } from "../../conformance/relay/connector.ts";
import { describeSink, type Received } from "../../conformance/relay/sinks.ts";
import { describeSource, TestInbox } from "../../conformance/relay/sources.ts";
import { type Endpoint, newPlace, type TestSubject } from "../../conformance/relay/subject.ts";
import { RABBITMQ, type RabbitmqBroker, startRabbitmq } from "../../support/brokers/rabbitmq.ts";
import { issue } from "../../support/certificates.ts";
import { needs } from "../../support/needs.ts";

const EXCHANGE = "conformance";

let started: Promise<RabbitmqBroker> | undefined;
function sharedBroker(): Promise<RabbitmqBroker> {
  started ??= startRabbitmq();
  return started;
}
afterAll(async () => (await started)?.stop());

/** A channel of the test's own, anew for each question, because the server is killed here. */
async function ask<T>(question: (channel: Channel) => Promise<T>): Promise<T> {
  const { plainPort, user, password } = await sharedBroker();
  const model = await connect({ hostname: "127.0.0.1", port: plainPort, username: user, password });
  model.on("error", () => {});
  try {
    const channel = await model.createChannel();
    channel.on("error", () => {});
    return await question(channel);
  } finally {
    await model.close().catch(() => {});
  }
}

async function subject(): Promise<TestSubject> {
  const { server, host, port, ca, password, pause, resume, kill, restart, keepDefinitions } = await sharedBroker();
  return {
    server,
    network: { endpoint: { host, port, ca, password }, pause, resume, kill, restart, keepPlaces: keepDefinitions },
    prepare: (place) =>
      ask(async (channel) => {
        await channel.assertExchange(EXCHANGE, "topic", { durable: true });
        await channel.assertQueue(place, { durable: true });
        await channel.bindQueue(place, EXCHANGE, place);
      }),
    stop: async () => {},
  };
}

function connectionOf(endpoint: Endpoint | undefined) {
  if (!endpoint) throw new Error("RabbitMQ is on the network");
  const { host, port, ca, password } = endpoint;
  return { url: `amqps://${host}:${port}`, username: "relay", password, tls_ca_file: ca, timeout_seconds: 2 };
}

/** All messages of a queue, which stay there. */
function readQueue(queue: string): Promise<Received[]> {
  return ask(async (channel) => {
    const { messageCount } = await channel.checkQueue(queue);
    const received: Received[] = [];
    if (messageCount === 0) return received;
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: Parameters<Parameters<Channel["consume"]>[1]>[0]) => {
        if (message === null) return reject(new Error("the queue is gone"));
        const { messageId, contentType, headers = {} } = message.properties;
        const named = Object.entries({ ...headers, "content-type": contentType }).map(([name, value]) => [
          name,
          String(value),
        ]);
        received.push({ body: message.content, dedupId: messageId, headers: Object.fromEntries(named) });
        if (received.length === messageCount) resolve();
      };
      channel.consume(queue, onMessage).catch(reject);
    });
    return received;
  });
}

describeSink({
  definition: rabbitmqSink,
  available: RABBITMQ,
  start: async () => ({
    ...(await subject()),
    config: (place, endpoint) => ({ ...connectionOf(endpoint), exchange: EXCHANGE, routing_key: place }),
    subject: (place) => place,
    read: readQueue,
  }),
});

describeSource({
  definition: rabbitmqSource,
  available: RABBITMQ,
  start: async () => ({
    ...(await subject()),
    config: (place, endpoint) => ({ ...connectionOf(endpoint), queue: place }),
    write: (place, events) =>
      ask(async (channel) => {
        for (const { id, body, headers = {} } of events) {
          channel.sendToQueue(place, Buffer.from(body), { messageId: id, headers, persistent: true });
        }
        // Answered after everything before it on this channel.
        await channel.checkQueue(place);
      }),
  }),
  extra(run) {
    it("never holds more than its prefetch", async () => {
      const bench = run();
      const place = await bench.place();
      await bench.subject.write(place, bench.events(1, 50));
      const config = { ...bench.subject.config(place, bench.network.endpoint), prefetch_count: 10 };
      const abort = new AbortController();
      const source = await rabbitmqSource.open(
        readConfig(rabbitmqSource, config),
        connectorContext({ signal: abort.signal }),
      );
      const inbox = new TestInbox();
      const running = source.run(inbox.deliver);
      await bench.stored(inbox, 50);
      expect(Math.max(...inbox.batches.map((batch) => batch.length))).toBeLessThanOrEqual(10);
      abort.abort();
      await running;
      await source.close();
    });

    it("fails with invalid_destination when its queue is not there, or is deleted while it reads", async () => {
      const bench = run();
      await expect(bench.open(newPlace())).rejects.toMatchObject({ class: "invalid_destination" });
      const place = await bench.place();
      const { end } = await bench.run(place);
      await expect.poll(() => ask(async (channel) => (await channel.checkQueue(place)).consumerCount)).toBe(1);
      await ask((channel) => channel.deleteQueue(place));
      expect(await end).toMatchObject({ status: "rejected", reason: { class: "invalid_destination" } });
    });

    it("has no automatic acknowledgement", () => {
      expect(() => readConfig(rabbitmqSource, { url: "amqps://x", queue: "q", auto_ack: true })).toThrow("auto_ack");
    });
  },
});

describe("sink rabbitmq by itself", () => {
  let broker: RabbitmqBroker;
  beforeAll(async () => {
    if (RABBITMQ.isThere) broker = await sharedBroker();
  });
  beforeEach(needs(RABBITMQ.isThere, RABBITMQ.reason));

  const open = async (config: Record<string, unknown>, context = connectorContext()) =>
    rabbitmqSink.open(
      readConfig(rabbitmqSink, { ...connectionOf(broker), exchange: "", routing_key: "", ...config }),
      context,
    );
  const outcomes = async (config: Record<string, unknown>, batch: Parameters<typeof delivery>[]) => {
    const sink = await open(config);
    const deliveries = batch.map((parts) => delivery(...parts));
    const dispositions = await sink.send(deliveries, new AbortController().signal);
    await sink.close();
    return dispositions;
  };
  const newQueue = async (options = {}) => {
    const queue = newPlace();
    await ask((channel) => channel.assertQueue(queue, { durable: true, ...options }));
    return queue;
  };

  it("makes a missing exchange of the type it is told, durable, and uses the one that is there", async () => {
    for (const type of ["direct", "fanout", "topic", "headers"]) {
      const exchange = newPlace();
      for (let time = 0; time < 2; time++) await (await open({ exchange, exchange_type: type })).close();
      await ask((channel) => channel.assertExchange(exchange, type, { durable: true }));
    }
    await expect(open({ exchange: newPlace(), declare: false })).rejects.toMatchObject({
      class: "invalid_destination",
    });
  });

  it("refuses, when mandatory, what no queue wants: that one alone, and all of them when the key is the pipeline's own", async () => {
    const queue = await newQueue();
    const answers = await outcomes({ mandatory: true, routing_key: "{outbox}" }, [
      [1, { subject: queue }],
      [2, { subject: "nobody" }],
      [3, { subject: queue }],
    ]);
    expect(answers).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", class: "invalid_destination", scope: "message" },
      { outcome: "delivered" },
    ]);
    const fixed = await outcomes({ mandatory: true, routing_key: "nobody" }, [[1, { subject: "nobody" }]]);
    expect(fixed).toMatchObject([{ outcome: "reject", class: "invalid_destination", scope: "sink" }]);
    expect(await outcomes({}, [[1, { subject: "nobody" }]])).toEqual([{ outcome: "delivered" }]);
  });

  it("tries again what a full queue does not take", async () => {
    const queue = await newQueue({ maxLength: 2, arguments: { "x-overflow": "reject-publish" } });
    const answers = await outcomes(
      {},
      [1, 2, 3].map((id) => [id, { subject: queue }]),
    );
    expect(answers).toMatchObject([
      { outcome: "delivered" },
      { outcome: "delivered" },
      { outcome: "retry", class: "throttled", scope: "sink" },
    ]);
  });

  it("marks messages persistent, with content type, its own headers and those of the event", async () => {
    const queue = await newQueue();
    await outcomes({ headers: { team: "orders" } }, [
      [1, { subject: queue, headers: { "x-kind": "order", team: "no" } }],
    ]);
    const message = await ask((channel) => channel.get(queue, { noAck: true }));
    if (message === false) throw new Error("nothing arrived");
    expect(message.properties).toMatchObject({
      deliveryMode: 2,
      contentType: "application/json",
      messageId: "outbox_orders:1:0",
      headers: { team: "orders", "x-kind": "order" },
    });
  });

  it("refuses headers that do not fit into a frame, that message alone, and goes on", async () => {
    const queue = await newQueue();
    const headers = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`x-${index}`, "v".repeat(4_000)]));
    const answers = await outcomes({}, [
      [1, { subject: queue }],
      [2, { subject: queue, headers }],
      [3, { subject: queue }],
    ]);
    expect(answers.map(({ outcome }) => outcome)).toEqual(["delivered", "reject", "delivered"]);
  });

  it("says what the server minds: a user without the right, a virtual host that is not there", async () => {
    await expect(open({ url: `amqps://127.0.0.1:${broker.port}/nowhere` })).rejects.toMatchObject({
      class: "invalid_destination",
    });
    const queue = await newQueue();
    broker.control("add_user", "weak", "weak-password");
    broker.control("set_permissions", "weak", "^$", "^$", "^$");
    const weak = { username: "weak", password: "weak-password" };
    const [answer] = await outcomes(weak, [[1, { subject: queue }]]);
    expect(answer).toMatchObject({ outcome: "reject", class: "authorization", scope: "sink" });
    await expect(open({ ...weak, exchange: newPlace() })).rejects.toMatchObject({ class: "authorization" });
  });

  it("names the one message that the server finds too large, by refusing all of a batch or nothing", async () => {
    const queue = await newQueue();
    broker.control("eval", "application:set_env(rabbit, max_message_size, 5000).");
    try {
      const large = "x".repeat(6_000);
      const first = await outcomes({}, [
        [1, { subject: queue, body: large }],
        [2, { subject: queue }],
      ]);
      expect(first).toMatchObject(Array(2).fill({ outcome: "reject", class: "message_too_large", scope: "message" }));
      const alone = await outcomes({}, [[1, { subject: queue, body: large }]]);
      expect(alone).toMatchObject([{ outcome: "reject", class: "message_too_large", scope: "message" }]);
      expect(await outcomes({}, [[2, { subject: queue }]])).toEqual([{ outcome: "delivered" }]);
    } finally {
      broker.control("eval", "application:set_env(rabbit, max_message_size, 134217728).");
    }
  });

  it("shows its own certificate to a server that looks at it", async () => {
    const { certificate, key } = await issue({ commonName: "relay", usage: "client" }, broker.authority);
    await (await open({ tls_client_cert: certificate, tls_client_key: key })).close();
    const stranger = await issue({ commonName: "stranger", usage: "client" });
    const strange = { tls_client_cert: stranger.certificate, tls_client_key: stranger.key };
    await expect(open(strange)).rejects.toMatchObject({ name: "ConnectorFailure" });
  });

  it("[R-19] goes without TLS only when the pipeline asks for it and the process permits it", async () => {
    const plain = { url: `amqp://127.0.0.1:${broker.plainPort}`, tls_ca_file: undefined };
    const permitted = connectorContext({ allowInsecure: true });
    await expect(open(plain, permitted)).rejects.toMatchObject({ class: "invalid_config" });
    await expect(open({ ...plain, allow_insecure: true })).rejects.toMatchObject({ class: "invalid_config" });
    await (await open({ ...plain, allow_insecure: true }, permitted)).close();
  });
});
