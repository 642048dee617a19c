/** From outbox to inbox through a real broker that is killed meanwhile: every event is stored, and stored once. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import kafkajs from "kafkajs";
import { beforeEach, describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { KAFKA, startKafka } from "../../support/brokers/kafka.ts";
import { NATS, startNats } from "../../support/brokers/nats.ts";
import { needs } from "../../support/needs.ts";
import { jsonText, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const EVENTS = 2_000;

type Settings = Record<string, unknown>;

/** One pipeline out of outbox "orders", one into inbox "mirror". */
async function makePipelines(tide: Tide, type: string, sink: Settings, source: Settings): Promise<void> {
  await tide.rows("select tide.outbox_create('orders')");
  await tide.rows("select tide.inbox_create('mirror')");
  const out = {
    name: "out",
    outbox: "orders",
    sink_type: type,
    config: sink,
    retry: { max_retries: 0, backoff_ms: 50 },
  };
  const back = { name: "back", inbox: "mirror", source: type, config: source };
  await tide.rows("select tide.relay_set_outbox_v2($1::jsonb)", JSON.stringify(out));
  await tide.rows("select tide.relay_set_inbox_v2($1::jsonb)", JSON.stringify(back));
}

async function publish(tide: Tide, from: number, to: number): Promise<void> {
  await tide.rows(
    "select tide.outbox_publish('orders', jsonb_build_object('n', n), '{}') from generate_series($1::int, $2::int) as n",
    String(from),
    String(to),
  );
}

/** Publishes in two halves, with `trouble` between them, and looks at what the inbox holds in the end. */
async function relayThrough(
  tide: Tide,
  environment: Record<string, string>,
  trouble: () => Promise<void>,
): Promise<void> {
  const permitted = { addresses: { allow: ["127.0.0.1"] }, environment };
  await using relay = startRelay(tide, catalogueParts, permitted);
  const stored = async () => Number(await tide.one('select count(*) from tide."mirror_inbox"'));
  await publish(tide, 1, EVENTS / 2);
  await until("some are stored", async () => (await stored()) > 100);
  const troubled = trouble();
  await publish(tide, EVENTS / 2 + 1, EVENTS);
  await troubled;
  await until("all are stored", async () => (await stored()) >= EVENTS, 90_000);
  const [found] = await tide.rows(
    `select count(*) as all, count(distinct payload->>'n') as numbers, min((payload->>'n')::int) as first,
            max((payload->>'n')::int) as last from tide."mirror_inbox"`,
  );
  expect(found).toEqual({ all: String(EVENTS), numbers: String(EVENTS), first: "1", last: String(EVENTS) });
  expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
  await relay.stop();
  const said = jsonText(relay.events);
  expect(said).not.toContain(environment.BROKER_PASSWORD);
}

describe("an outbox and an inbox with NATS between them", () => {
  beforeEach(needs(NATS.isThere, NATS.reason));

  it("hold the same events after the server was killed", async () => {
    await using tide = await openTide();
    await using broker = await startNats();
    const { port, user: username, password, ca } = broker;
    const nc = await connect({ servers: `127.0.0.1:${port}`, user: username, pass: password, tls: { ca } });
    await (await jetstreamManager(nc)).streams.add({ name: "orders", subjects: ["orders.>"] });
    await nc.close();
    const common = {
      url: `tls://127.0.0.1:${port}`,
      username,
      password: "${env:BROKER_PASSWORD}",
      tls_ca_file: "${env:BROKER_CA}",
    };
    await makePipelines(
      tide,
      "nats",
      { ...common, subject_template: "orders.{op}" },
      { ...common, stream: "orders", ack_wait_secs: 2 },
    );
    await relayThrough(tide, { BROKER_PASSWORD: password, BROKER_CA: ca }, async () => {
      await broker.kill();
      await broker.restart();
    });
  });
});

describe("an outbox and an inbox with Kafka between them", () => {
  beforeEach(needs(KAFKA.isThere, KAFKA.reason));

  it("hold the same events after the broker was killed", async () => {
    await using tide = await openTide();
    await using broker = await startKafka();
    const { port, plainPort, password, ca } = broker;
    const admin = new kafkajs.Kafka({
      brokers: [`127.0.0.1:${plainPort}`],
      logLevel: kafkajs.logLevel.NOTHING,
    }).admin();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: "orders", numPartitions: 3 }] });
    await admin.disconnect();
    const common = {
      brokers: `127.0.0.1:${port}`,
      sasl_username: "relay",
      sasl_password: "${env:BROKER_PASSWORD}",
      sasl_mechanism: "SCRAM-SHA-512",
      ssl_ca_location: "${env:BROKER_CA}",
      topic: "orders",
      request_timeout_ms: 5_000,
    };
    await makePipelines(tide, "kafka", common, { ...common, session_timeout_ms: 2_000 });
    await relayThrough(tide, { BROKER_PASSWORD: password, BROKER_CA: ca }, async () => {
      await broker.kill();
      await broker.restart();
    });
  });
});
