/**
 * What a relay brings through when everything around it dies or goes silent: its sessions, the whole server, the
 * connections to the server and to the sink, the broker.
 */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { resolveStrictly } from "../../../src/operations/relay/sink-database.ts";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayOptions } from "../../../src/relay/engine/options.ts";
import { REDIS, startRedis } from "../../support/brokers/redis.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { needs } from "../../support/needs.ts";
import { type Arrival, FLAWLESS, judge, missing } from "../../support/relay/arrivals.ts";
import { startReceiver } from "../../support/relay/receiver.ts";
import { type RoughLink, startRoughLink } from "../../support/relay/rough-network.ts";
import { makePipeline, type RunningRelay, startRelay, until } from "../../support/relay/running.ts";
import { pause, startWriters } from "../../support/relay/writers.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const IN_FLIGHT = 100;
/** Messages between two recordings of the position: RECORD_EVERY_MESSAGES of the engine. */
const UNRECORDED = 500;
/** Soon enough for a test: pauses after failures end within a second. */
const SOON = {
  retry: { max_retries: 0, backoff_ms: 50 },
  max_poll_backoff_ms: 500,
  circuit_breaker: { half_open_timeout_seconds: 0.3, success_threshold: 1 },
};

let cluster: TestCluster;
let other: TestCluster;
beforeAll(async () => {
  const settings = { max_prepared_transactions: "20", max_connections: "100" };
  [cluster, other] = await Promise.all([startCluster({ settings }), startCluster()]);
});
afterAll(() => Promise.all([cluster?.stop(), other?.stop()]));

interface Scene {
  tide: Tide;
  /** Between the relay and its database. */
  link: RoughLink;
  relay: RunningRelay;
  arrivals(): Promise<readonly Arrival[]>;
}

/** Publishes while `troubles` happen one after the other, each after some events came through, and judges what arrived. */
async function endure(scene: Scene, troubles: readonly (() => Promise<void>)[], deduplicates = false): Promise<void> {
  const { tide, relay, arrivals } = scene;
  const writers = startWriters(tide, { outbox: "orders", writers: 3, seed: troubles.length, forgives: true });
  const publishing = setInterval(() => writers.allow(writers.committed.size + 30), 20);
  try {
    for (const trouble of troubles) {
      const before = (await arrivals()).length;
      await until("events flow", async () => (await arrivals()).length > before + 20);
      await trouble();
    }
    const before = (await arrivals()).length;
    await until("events flow again", async () => (await arrivals()).length > before + 20);
  } finally {
    clearInterval(publishing);
  }
  await writers.finish();
  const own = await connectTo(tide.cluster, { database: tide.database });
  const anew = {
    ...tide,
    session: own,
    one: async (text: string, ...values: (string | null)[]) => (await own.rows(text, values))[0]?.[0] ?? null,
  };
  await until("everything arrived", async () => (await missing(anew, "orders", await arrivals())) === 0);
  const verdict = await judge(anew, "orders", await arrivals());
  console.log(
    `${expect.getState().currentTestName?.split(" > ").at(-1)}: ${verdict.delivered} events, ${verdict.duplicates} duplicates in ${troubles.length} troubles`,
  );
  expect(verdict).toMatchObject(FLAWLESS);
  expect(verdict.duplicates).toBeLessThanOrEqual(deduplicates ? 0 : troubles.length * (IN_FLIGHT + UNRECORDED));
  expect(await anew.one("select count(*) from tide.relay_dlq")).toBe("0");
  await own.close();
  await relay.stop();
}

function relayVia(tide: Tide, link: RoughLink, changes: Partial<RelayOptions> = {}): RunningRelay {
  return startRelay(tide, catalogueParts, {
    addresses: { allow: ["127.0.0.0/8"] },
    allowInsecure: true,
    leaseMs: 1_500,
    openDatabase: () =>
      connectTo(tide.cluster, {
        database: tide.database,
        hosts: [{ host: link.host, port: link.port }],
        applicationName: "the relay",
        connectTimeoutMs: 2_000,
      }),
    resolveDatabase: (url) =>
      resolveStrictly(url, { workingDirectory: "/", signal: new AbortController().signal, clock: systemClock }),
    ...changes,
    environment: { RELAY: "one", ...changes.environment },
  });
}

/** A trouble that lasts for a while. */
const during = (ms: number, begin: () => void, end: () => void) => async (): Promise<void> => {
  begin();
  await pause(ms);
  end();
};

const linkTroubles = (link: RoughLink): (() => Promise<void>)[] => [
  during(300, link.cut, link.heal),
  during(2_500, link.blackHole, link.heal),
  during(500, link.blackHole, link.heal),
  during(0, link.loseServer, link.heal),
  during(0, link.loseClient, link.heal),
];

describe("[R-11] a relay whose database is hurt", () => {
  it("brings everything through when its sessions are ended, over and over", async () => {
    await using tide = await openTide({ cluster });
    await using receiver = await startReceiver({ delayMs: () => 3 });
    await using link = await startRoughLink(cluster);
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT, ...SOON }));
    await using relay = relayVia(tide, link);
    const end = async () => {
      await cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'the relay'");
    };
    await endure(
      { tide, link, relay, arrivals: async () => receiver.arrivals },
      Array.from({ length: 8 }, () => end),
    );
  });

  it("brings everything through cut, silent and half open connections to it", async () => {
    await using tide = await openTide({ cluster });
    await using receiver = await startReceiver({ delayMs: () => 3 });
    await using link = await startRoughLink(cluster);
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT, ...SOON }));
    await using relay = relayVia(tide, link);
    await endure({ tide, link, relay, arrivals: async () => receiver.arrivals }, linkTroubles(link));
  });

  it("delivers what outlived a crash of the server, and nothing else", async () => {
    await using tide = await openTide({ cluster });
    await using receiver = await startReceiver({ delayMs: () => 3 });
    await using link = await startRoughLink(cluster);
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT, ...SOON }));
    await using relay = relayVia(tide, link);
    // The cluster commits asynchronously: what was confirmed to a publisher last may be undone.
    await endure({ tide, link, relay, arrivals: async () => receiver.arrivals }, [
      () => cluster.crash(),
      () => cluster.crash(500),
      () => cluster.crash(),
    ]);
  });
});

describe("[R-11] a relay whose sink is hurt", () => {
  it("brings everything through cut, silent and half open connections to a webhook receiver", async () => {
    await using tide = await openTide({ cluster });
    let toSink: RoughLink | undefined;
    await using receiver = await startReceiver({
      delayMs: () => 3,
      port: async (port) => {
        toSink = await startRoughLink({ host: "127.0.0.1", port });
        return toSink.port;
      },
    });
    await using link = await startRoughLink(cluster);
    if (toSink === undefined) throw new Error("there is no link to the sink");
    await using between = toSink;
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT, ...SOON }));
    await using relay = relayVia(tide, link);
    await endure({ tide, link, relay, arrivals: async () => receiver.arrivals }, linkTroubles(between));
  });

  it("stores everything once in an inbox of another server that crashes and cannot be reached", async () => {
    await using tide = await openTide({ cluster });
    await using remote = await openTide({ cluster: other });
    await remote.rows("select tide.inbox_create('mail')");
    await using between = await startRoughLink(other);
    await using link = await startRoughLink(cluster);
    const url = remote.cluster.url(remote.database).replace(`:${other.port}/`, `:${between.port}/`);
    await makePipeline(tide, "orders", {
      sink_type: "inbox",
      config: { inbox: "mail", postgres_url: "${env:INBOX_URL}" },
      batch_size: 20,
      ...SOON,
    });
    await using relay = relayVia(tide, link, { environment: { INBOX_URL: `${url}?sslmode=disable` } });
    let seen: Arrival[] = [];
    const arrivals = async () => {
      const rows = await other
        .sql(
          `select event_id, payload ->> 'key' as key, payload ->> 'name' as name from tide."mail_inbox" order by id`,
          {
            database: remote.database,
          },
        )
        .catch(() => undefined);
      if (rows !== undefined) {
        seen = rows.map(({ event_id: dedupKey, key, name }) => ({ dedupKey, key, name, at: 0 }));
      }
      return seen;
    };
    const troubles = [
      during(300, between.cut, between.heal),
      during(500, between.blackHole, between.heal),
      during(0, between.loseClient, between.heal),
      // It commits asynchronously unless it is asked not to.
      () => other.crash(),
      () => other.crash(),
    ];
    await endure({ tide, link, relay, arrivals }, troubles, true);
  });
});

describe("[R-11] a relay whose broker is killed", () => {
  it("brings everything into Redis", async (context) => {
    needs(REDIS.isThere, REDIS.reason)(context);
    await using tide = await openTide({ cluster });
    await using broker = await startRedis();
    await using link = await startRoughLink(cluster);
    await makePipeline(tide, "orders", {
      sink_type: "redis",
      config: {
        url: `rediss://localhost:${broker.port}`,
        username: broker.user,
        password: "${env:REDIS_PASSWORD}",
        tls_ca_file: "${env:REDIS_CA}",
        stream_key: "events",
        timeout_seconds: 2,
      },
      batch_size: 20,
      ...SOON,
    });
    await using relay = relayVia(tide, link, { environment: { REDIS_PASSWORD: broker.password, REDIS_CA: broker.ca } });
    let seen: Arrival[] = [];
    const arrivals = async () => {
      const client = new Redis({
        port: broker.plainPort,
        password: broker.password,
        lazyConnect: true,
        retryStrategy: null,
      });
      client.on("error", () => undefined);
      const entries = await client.xrange("events", "-", "+").catch(() => undefined);
      client.disconnect();
      seen =
        entries?.map(([, fields]) => {
          const of = (name: string) => fields[fields.indexOf(name) + 1] ?? "";
          const body = JSON.parse(of("payload"));
          const { key, name } = body.payload ?? body;
          return { dedupKey: of("dedup_key"), key, name, at: 0 };
        }) ?? seen;
      return seen;
    };
    const kill = async () => {
      await broker.kill();
      await pause(200);
      await broker.restart();
    };
    await endure({ tide, link, relay, arrivals }, [kill, kill, kill]);
  });
});
