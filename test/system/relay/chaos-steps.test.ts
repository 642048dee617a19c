/**
 * A relay that dies as `kill -9` lets it at each step of its loop, before a webhook receiver, an inbox of another database and
 * Redis. Its successor brings what is left: nothing is missing, nothing is made up, keys stay in order.
 */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { resolveStrictly } from "../../../src/operations/relay/sink-database.ts";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { RELAY_STEPS } from "../../../src/relay/engine/options.ts";
import { REDIS, type RedisBroker, startRedis } from "../../support/brokers/redis.ts";
import { type Arrival, FLAWLESS, judge, missing } from "../../support/relay/arrivals.ts";
import { type Receiver, startReceiver } from "../../support/relay/receiver.ts";
import { packRelayProgram, type RelayProgram } from "../../support/relay/relay-process.ts";
import { makePipeline, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const EVENTS = 200;
/** Most events that are sent and not recorded at any time here: all of them. */
const UNRECORDED = EVENTS;

let program: RelayProgram;
let tide: Tide;
beforeAll(async () => {
  program = await packRelayProgram();
  tide = await openTide();
});
afterAll(() => Promise.all([program?.remove(), tide?.session.close()]));

/** Events of eight keys, and one that no sink takes: that one becomes a dead letter. */
async function publish(outbox: string): Promise<void> {
  await tide.rows(
    `select tide.outbox_publish($1, pg_catalog.jsonb_build_object('key', 'k' || n % 8, 'name', $1 || '-' || n))
       from pg_catalog.generate_series(1, $2::int) as n`,
    outbox,
    String(EVENTS),
  );
  await tide.rows(
    `select tide.outbox_publish($1, pg_catalog.jsonb_build_object(
       'key', 'k1', 'name', $1 || '-bad', 'bad', true, 'filler', pg_catalog.repeat('x', 1100000)))`,
    outbox,
  );
}

interface Target {
  name: string;
  /** Part of names. */
  place: string;
  available: { isThere: boolean; reason: string };
  start(): Promise<void>;
  pipeline(outbox: string): Record<string, unknown>;
  environment(): Record<string, string>;
  arrivals(outbox: string): Promise<Arrival[]>;
  /** Whether it leaves out by itself what it has. */
  deduplicates: boolean;
  stop(): Promise<unknown>;
}

let receiver: Receiver;
let remote: Tide;
let broker: RedisBroker;
let client: Redis;

const TARGETS: Target[] = [
  {
    name: "a webhook receiver",
    place: "webhook",
    available: { isThere: true, reason: "" },
    start: async () => {
      receiver = await startReceiver();
    },
    pipeline: () => receiver.pipeline(),
    environment: () => ({}),
    arrivals: async (outbox) => receiver.arrivals.filter(({ dedupKey }) => dedupKey.startsWith(`outbox_${outbox}:`)),
    deduplicates: false,
    stop: async () => receiver?.server.close(),
  },
  {
    name: "an inbox of another database",
    place: "inbox",
    available: { isThere: true, reason: "" },
    start: async () => {
      remote = await openTide();
      await remote.rows("select tide.inbox_create('mail')");
    },
    pipeline: () => ({
      sink_type: "inbox",
      config: { inbox: "mail", postgres_url: "${env:INBOX_URL}" },
      order_key: "payload.key",
    }),
    environment: () => ({ INBOX_URL: `${remote.cluster.url(remote.database)}?sslmode=disable` }),
    arrivals: async (outbox) => {
      const rows = await remote.session.rows(
        `select event_id, payload ->> 'key', payload ->> 'name' from tide."mail_inbox" where event_id like $1 || ':%' order by id`,
        [`outbox_${outbox}`],
      );
      return rows.map(([id, key, name]) => ({ dedupKey: id ?? "", key: key ?? "", name: name ?? "", at: 0 }));
    },
    deduplicates: true,
    stop: async () => remote?.session.close(),
  },
  {
    name: "Redis",
    place: "redis",
    available: REDIS,
    start: async () => {
      broker = await startRedis();
      client = new Redis({ port: broker.plainPort, password: broker.password });
      client.on("error", () => undefined);
    },
    pipeline: () => ({
      sink_type: "redis",
      config: {
        url: `rediss://localhost:${broker.port}`,
        username: broker.user,
        password: "${env:REDIS_PASSWORD}",
        tls_ca_file: "${env:REDIS_CA}",
        stream_key: "events-{outbox}",
      },
      order_key: "payload.key",
    }),
    environment: () => ({ REDIS_PASSWORD: broker.password, REDIS_CA: broker.ca }),
    arrivals: async (outbox) =>
      (await client.xrange(`events-${outbox}`, "-", "+")).map(([, fields]) => {
        const of = (name: string) => fields[fields.indexOf(name) + 1] ?? "";
        const body = JSON.parse(of("payload"));
        const { key, name } = body.payload ?? body;
        return { dedupKey: of("dedup_key"), key, name, at: 0 };
      }),
    deduplicates: false,
    stop: async () => {
      client?.disconnect();
      await broker?.stop();
    },
  },
];

describe.each(TARGETS)("[R-11] a relay that delivers to $name", (target) => {
  beforeAll(async () => {
    if (target.available.isThere) await target.start();
  });
  afterAll(() => target.stop());

  it.for(RELAY_STEPS)("and is killed at the step %s", async (step, context) => {
    if (!target.available.isThere) context.skip(target.available.reason);
    const outbox = `${target.place}_${step}`;
    await makePipeline(tide, outbox, { ...target.pipeline(outbox), batch_size: 7 });
    await publish(outbox);
    const environment = target.environment();
    // The second time where there is one for certain: some of the events are recorded by then, or on their way.
    const at = step === "publish_started" || step === "sink_acknowledged" ? 2 : 1;
    await using relay = program.start(tide, {
      only: [outbox],
      environment,
      killAt: { step, at },
    });
    const left = async () => (await missing(tide, outbox, await target.arrivals(outbox))) - 1;
    if (step === "lease_released") {
      await until("it delivered", async () => (await left()) === 0);
      relay.signal("SIGTERM");
    }
    await until("it is gone", () => relay.isGone());
    expect(await relay.ended).toBe("SIGKILL");
    await startRelay(tide, catalogueParts, {
      only: [outbox],
      untilIdle: true,
      addresses: { allow: ["127.0.0.0/8"] },
      allowInsecure: true,
      environment: { RELAY: "successor", ...environment },
      resolveDatabase: (url) =>
        resolveStrictly(url, { workingDirectory: "/", signal: new AbortController().signal, clock: systemClock }),
    }).done;
    const { lost, ...verdict } = await judge(tide, outbox, await target.arrivals(outbox));
    expect({ ...verdict, lost: lost.map((one) => one.split(" ")[1]) }).toMatchObject({
      ...FLAWLESS,
      lost: [`${outbox}-bad`],
      delivered: EVENTS,
    });
    expect(verdict.duplicates).toBeLessThanOrEqual(target.deduplicates ? 0 : UNRECORDED);
    const [dead] = await tide.rows(
      "select count(*) as count, min(dedup_key) as id from tide.relay_dlq where pipeline_name = $1",
      outbox,
    );
    expect(dead?.count).toBe("1");
    const position = await tide.one(
      "select last_change_id from tide.relay_consumer_offsets where pipeline_id = $1",
      outbox,
    );
    expect(dead?.id).toBe(`outbox_${outbox}:${position}:0`);
    await tide.rows("select tide.relay_delete($1)", outbox);
  });
});
