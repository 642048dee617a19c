/**
 * From an outbox through a real broker into an inbox, with everything that the engine puts around connectors: references,
 * the address guard, leases, positions. The broker is killed on the way; what was published arrives, once each.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "amqplib";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayEvent } from "../../../src/relay/engine/events.ts";
import type { RelayOptions } from "../../../src/relay/engine/options.ts";
import type { TestBroker } from "../../support/brokers/broker.ts";
import { MOSQUITTO, startMosquitto } from "../../support/brokers/mosquitto.ts";
import { RABBITMQ, type RabbitmqBroker, startRabbitmq } from "../../support/brokers/rabbitmq.ts";
import { REDIS, startRedis } from "../../support/brokers/redis.ts";
import { needs } from "../../support/needs.ts";
import { jsonText, lastEvents, makePipeline, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

interface Route {
  type: string;
  available: { isThere: boolean; reason: string };
  start(): Promise<TestBroker>;
  scheme: string;
  /** Beside what all have: url, user, password and authority. */
  sink: Record<string, unknown>;
  source: Record<string, unknown>;
  /** Readies the broker for both. */
  prepare?(broker: TestBroker): Promise<void>;
  /** What it confirmed may be lost by a kill; it is only stopped and continued. */
  forgets?: boolean;
}

const ROUTES: Route[] = [
  {
    type: "redis",
    available: REDIS,
    start: startRedis,
    scheme: "rediss",
    sink: { stream_key: "events-{outbox}", maxlen: 100_000 },
    source: { stream_key: "events-orders" },
  },
  {
    type: "rabbitmq",
    available: RABBITMQ,
    start: startRabbitmq,
    scheme: "amqps",
    sink: { exchange: "", routing_key: "events-{outbox}", mandatory: true },
    source: { queue: "events-orders" },
    prepare: async (broker) => {
      const { plainPort, user, password, keepDefinitions } = broker as RabbitmqBroker;
      const model = await connect({ hostname: "127.0.0.1", port: plainPort, username: user, password });
      await (await model.createChannel()).assertQueue("events-orders", { durable: true });
      await model.close();
      keepDefinitions();
    },
  },
  {
    type: "mqtt",
    available: MOSQUITTO,
    start: startMosquitto,
    scheme: "mqtts",
    sink: { topic: "events/{outbox}" },
    source: { topic: "events/+" },
    forgets: true,
  },
];

/** A relay that may reach loopback and read secrets from a directory of this test. */
async function permissions(broker: TestBroker) {
  const root = await mkdtemp(join(tmpdir(), "pgkeep-secrets-"));
  await writeFile(join(root, "ca.pem"), broker.ca, { mode: 0o600 });
  await writeFile(join(root, "password"), `${broker.password}\n`, { mode: 0o600 });
  const options: Partial<RelayOptions> = { addresses: { allow: ["127.0.0.0/8"] }, secretRoots: [root] };
  const connection = {
    username: broker.user,
    password: `\${file:${root}/password}`,
    tls_ca_file: `\${file:${root}/ca.pem}`,
    timeout_seconds: 2,
  };
  return { options, connection, remove: () => rm(root, { recursive: true, force: true }) };
}

async function setPipelines(tide: Tide, route: Route, connection: Record<string, unknown>): Promise<void> {
  const soon = {
    retry: { max_retries: 20, backoff_ms: 50, max_backoff_ms: 2_000 },
    circuit_breaker: { half_open_timeout_seconds: 1 },
    max_poll_backoff_ms: 1_000,
  };
  await tide.rows("select tide.inbox_create('mail')");
  const source = { name: "in", inbox: "mail", source: route.type, config: { ...connection, ...route.source }, ...soon };
  await tide.rows("select tide.relay_set_inbox_v2($1)", JSON.stringify(source));
  await makePipeline(tide, "orders", { sink_type: route.type, config: { ...connection, ...route.sink }, ...soon });
}

function isRunning(event: RelayEvent, pipeline: string): boolean {
  return event.type === "relay.state" && event.pipeline === pipeline && event.state === "running";
}

describe.each(ROUTES)("an outbox, $type, an inbox", (route) => {
  it("bring 3,000 events over, each once and in order, though the broker dies on the way", async (context) => {
    needs(route.available.isThere, route.available.reason)(context);
    await using broker = await route.start();
    await route.prepare?.(broker);
    await using tide = await openTide();
    const { options, connection, remove } = await permissions(broker);
    const url = `${route.scheme}://localhost:${broker.port}`;
    await setPipelines(tide, route, { ...connection, url });
    await using relay = startRelay(tide, catalogueParts, options);
    const stored = async () => Number(await tide.one('select count(*) from tide."mail_inbox"'));
    // MQTT keeps nothing for a subscription that is still to come.
    await until("the source listens", () => relay.events.some((event) => isRunning(event, "in")));
    await publish(tide, "orders", 1_000);
    await until("the first events are in the inbox", async () => (await stored()) === 1_000);
    if (route.forgets) broker.pause();
    else await broker.kill();
    await publish(tide, "orders", 1_000, 1_001);
    await until("the relay has noticed", () =>
      relay.events.some(
        ({ type, ...event }) => type === "relay.state" && "state" in event && event.state !== "running",
      ),
    );
    if (route.forgets) broker.resume();
    else await broker.restart();
    await publish(tide, "orders", 1_000, 2_001);
    await until("all events are in the inbox", async () => (await stored()) === 3_000).catch(async (error: unknown) => {
      throw new Error(`${await stored()} of 3000 are; the relay said:\n${lastEvents(relay)}`, { cause: error });
    });
    const wrong = await tide.rows(
      `select * from (select (payload ->> 'n')::int as n, row_number() over (order by id) as place from tide."mail_inbox") as s
        where n <> place limit 5`,
    );
    expect(wrong).toEqual([]);
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    await relay.stop();
    expect(jsonText(relay.events)).not.toContain(broker.password);
    await remove();
  });
});
