/** Kafka as sink and source, against a real broker with TLS and users. */
import kafkajs from "kafkajs";
import { afterAll } from "vitest";
import sink from "../../../src/relay/sinks/kafka.ts";
import source from "../../../src/relay/sources/kafka.ts";
import { describeSink } from "../../conformance/relay/sinks.ts";
import { describeSource } from "../../conformance/relay/sources.ts";
import type { Endpoint } from "../../conformance/relay/subject.ts";
import { KAFKA, type KafkaBroker, messagesIn, startKafka } from "../../support/brokers/kafka.ts";

const { Kafka, logLevel } = kafkajs;

/** A client of the test's own, on the port without TLS. */
const clientOf = (broker: KafkaBroker) =>
  new Kafka({
    brokers: [`127.0.0.1:${broker.plainPort}`],
    clientId: "test",
    logLevel: logLevel.NOTHING,
    // A broker that has just started looks for its groups first.
    retry: { retries: 40, initialRetryTime: 100, maxRetryTime: 200 },
  });

async function makeTopic(broker: KafkaBroker, topic: string, numPartitions = 1): Promise<void> {
  const admin = clientOf(broker).admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions, configEntries: [{ name: "max.message.bytes", value: "2097152" }] }],
  });
  await admin.disconnect();
}

const settingsOf = (endpoint: Endpoint | undefined) => ({
  brokers: `${endpoint?.host}:${endpoint?.port}`,
  sasl_username: "relay",
  sasl_password: endpoint?.password,
  ssl_ca_location: endpoint?.ca,
});

async function startSubject() {
  const broker = await startKafka();
  const { host, port, ca, password } = broker;
  return {
    broker,
    server: broker.server,
    network: {
      endpoint: { host, port, ca, password },
      pause: broker.pause,
      resume: broker.resume,
      kill: broker.kill,
      restart: broker.restart,
      unproxied: "Kafka's clients connect to the addresses that the broker advertises",
    },
    prepare: (place: string) => makeTopic(broker, place),
    // Both suites use the one broker of the file.
    stop: async () => {},
  };
}

let shared: ReturnType<typeof startSubject> | undefined;

function sharedSubject(): ReturnType<typeof startSubject> {
  shared ??= startSubject();
  return shared;
}

afterAll(async () => {
  const subject = await shared;
  await subject?.broker.stop();
});

/** Everything in a topic, read to its end. */
async function readTopic(broker: KafkaBroker, topic: string) {
  const admin = clientOf(broker).admin();
  await admin.connect();
  const total = await messagesIn(admin, topic);
  await admin.disconnect();
  const received: { body: Buffer; dedupId: string | undefined; headers: Record<string, string>; key: string }[] = [];
  if (total === 0) return received;
  const consumer = clientOf(broker).consumer({ groupId: `reader-${process.hrtime.bigint()}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
    consumer
      .run({
        eachMessage: async ({ message }) => {
          const headers: Record<string, string> = {};
          for (const [name, value] of Object.entries(message.headers ?? {}))
            headers[name.toLowerCase()] = String(value);
          received.push({
            body: message.value ?? Buffer.alloc(0),
            dedupId: headers.pg_tide_dedup_key,
            headers,
            key: String(message.key),
          });
          if (received.length >= total) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return received;
}

describeSink({
  definition: sink,
  available: KAFKA,
  async start() {
    const subject = await sharedSubject();
    return {
      ...subject,
      config: (_place, endpoint) => ({
        ...settingsOf(endpoint),
        topic_template: "{outbox}",
        request_timeout_ms: 2_000,
      }),
      subject: (place) => place,
      read: (place) => readTopic(subject.broker, place),
    };
  },
});

describeSource({
  definition: source,
  available: KAFKA,
  async start() {
    const subject = await sharedSubject();
    return {
      ...subject,
      config: (place, endpoint) => ({
        ...settingsOf(endpoint),
        topic: place,
        group_id: `group-${place}`,
        request_timeout_ms: 2_000,
        session_timeout_ms: 1_500,
      }),
      async write(place, events) {
        const producer = clientOf(subject.broker).producer();
        await producer.connect();
        await producer.send({
          topic: place,
          messages: events.map(({ body, id, headers }) => ({
            key: "one",
            value: body,
            headers: { ...headers, pg_tide_dedup_key: id },
          })),
        });
        await producer.disconnect();
      },
    };
  },
});
