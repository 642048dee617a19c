/** Redis Streams as a sink and as a source, against Debian's redis-server. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import redisSink from "../../../src/relay/sinks/redis.ts";
import redisSource from "../../../src/relay/sources/redis.ts";
import { connectorContext, delivery, readConfig } from "../../conformance/relay/connector.ts";
import { describeSink } from "../../conformance/relay/sinks.ts";
import { describeSource, TestInbox } from "../../conformance/relay/sources.ts";
import type { Endpoint, NetworkedServer } from "../../conformance/relay/subject.ts";
import { REDIS, type RedisBroker, startRedis } from "../../support/brokers/redis.ts";
import { issue } from "../../support/certificates.ts";
import { needs } from "../../support/needs.ts";

/** A client of the test's own, that connects anew for each question, because servers are killed here. */
async function ask<T>(broker: RedisBroker, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ port: broker.plainPort, password: broker.password, lazyConnect: true });
  client.on("error", () => {});
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

function networkOf(broker: RedisBroker): NetworkedServer {
  const { host, port, ca, password, pause, resume, kill, restart } = broker;
  return { endpoint: { host, port, ca, password }, pause, resume, kill, restart };
}

function connectionOf(endpoint: Endpoint | undefined) {
  if (!endpoint) throw new Error("redis is on the network");
  const { host, port, ca, password } = endpoint;
  return { url: `rediss://${host}:${port}`, password, tls_ca_file: ca, timeout_seconds: 2 };
}

/** Fields of an entry by name. */
function record(fields: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let index = 0; index < fields.length; index += 2) pairs[fields[index] ?? ""] = fields[index + 1] ?? "";
  return pairs;
}

async function entries(broker: RedisBroker, stream: string): Promise<Record<string, string>[]> {
  return (await ask(broker, (client) => client.xrange(stream, "-", "+"))).map(([, fields]) => record(fields));
}

describeSink({
  definition: redisSink,
  available: REDIS,
  async start() {
    const broker = await startRedis();
    return {
      server: broker.server,
      network: networkOf(broker),
      config: (place, endpoint) => ({ ...connectionOf(endpoint), stream_key: place }),
      subject: (place) => place,
      read: async (place) =>
        (await entries(broker, place)).map(({ dedup_key, payload = "", ...others }) => ({
          body: Buffer.from(payload),
          dedupId: dedup_key,
          headers: Object.fromEntries(
            Object.entries(others).map(([name, value]) => [name.replace(/^header\./, ""), value]),
          ),
        })),
      stop: broker.stop,
    };
  },
});

let sourceBroker: RedisBroker;

describeSource({
  definition: redisSource,
  available: REDIS,
  async start() {
    const broker = await startRedis();
    sourceBroker = broker;
    const group = (place: string) =>
      ask(broker, async (client) => pairsOf((await client.xinfo("GROUPS", place)) ?? []));
    return {
      server: broker.server,
      network: networkOf(broker),
      config: (place, endpoint) => ({ ...connectionOf(endpoint), stream_key: place, claim_idle_seconds: 1 }),
      write: (place, events) =>
        ask(broker, async (client) => {
          for (const { id, body, headers = {} } of events) {
            const named = Object.entries(headers).flatMap(([name, value]) => [`header.${name}`, value]);
            await client.xadd(place, "*", "dedup_key", id, "payload", body, ...named);
          }
        }),
      async pending(place) {
        const facts = await group(place);
        return Number(facts.get("pending")) + Number(facts.get("lag"));
      },
      stop: broker.stop,
    };
  },
  extra(run) {
    it("takes over what another consumer of its group was given and left", async () => {
      const bench = run();
      const place = await bench.place();
      await bench.subject.write(place, bench.events(1, 3));
      const before = await bench.run(place);
      await bench.stored(before.inbox, 3);
      await before.stop();
      await bench.subject.write(place, bench.events(4, 6));
      const { endpoint } = bench.network;
      const other = { ...bench.subject.config(place, endpoint), consumer_name: "another" };
      const holder = await redisSource.open(readConfig(redisSource, other), connectorContext());
      const held = new TestInbox();
      held.gate = new Promise(() => {});
      holder.run(held.deliver).catch(() => {});
      await expect.poll(() => held.batches.length).toBe(1);
      await holder.close();
      const { inbox, stop } = await bench.run(place);
      await bench.stored(inbox, 3);
      expect(inbox.ids).toEqual(["event-4", "event-5", "event-6"]);
      await stop();
    });

    it("reads entries of other programs as one object, and passes entries that were deleted", async () => {
      const bench = run();
      const place = await bench.place();
      const first = await bench.run(place);
      first.inbox.refusal = new Error("not now");
      await bench.subject.write(place, bench.events(1, 1));
      await expect.poll(() => first.inbox.batches.length).toBeGreaterThan(0);
      await first.stop();
      await ask(sourceBroker, (client) => client.xtrim(place, "MAXLEN", 0));
      const id = await ask(sourceBroker, (client) => client.xadd(place, "*", "kind", "order", "total", "12"));
      const second = await bench.run(place);
      await bench.stored(second.inbox, 1);
      expect(second.inbox.bodies).toEqual(['{"kind":"order","total":"12"}']);
      // Two streams may feed one inbox, and number their entries alike.
      expect(second.inbox.ids).toEqual([`${place}:${id}`]);
      await expect.poll(() => bench.subject.pending?.(place)).toBe(0);
    });
  },
});

/** The first of a list of things that Redis describes by names and values in turn. */
function pairsOf(answer: unknown): Map<unknown, unknown> {
  const [words]: unknown[] = Array.isArray(answer) ? answer : [];
  const facts = new Map<unknown, unknown>();
  if (Array.isArray(words)) for (let at = 0; at < words.length; at += 2) facts.set(words[at], words[at + 1]);
  return facts;
}

describe("sink redis by itself", () => {
  let broker: RedisBroker;
  beforeAll(async () => {
    if (REDIS.isThere) broker = await startRedis({ tlsClients: "yes" });
  });
  afterAll(() => broker?.stop());
  beforeEach(needs(REDIS.isThere, REDIS.reason));

  const client = async () => {
    const { certificate, key } = await issue({ commonName: "relay", usage: "client" }, broker.authority);
    return { tls_client_cert: certificate, tls_client_key: key };
  };
  const open = async (config: Record<string, unknown>, context = connectorContext()) => {
    const { host, port, ca, password } = broker;
    const base = { url: `rediss://${host}:${port}`, password, tls_ca_file: ca, stream_key: "s", timeout_seconds: 2 };
    return redisSink.open(readConfig(redisSink, { ...base, ...config }), context);
  };
  const outcome = async (config: Record<string, unknown>, stream: string, ids: number[]) => {
    const sink = await open({ ...(await client()), ...config });
    const batch = ids.map((id) => delivery(id, { subject: stream }));
    const dispositions = await sink.send(batch, new AbortController().signal);
    await sink.close();
    return dispositions;
  };

  it("shows its own certificate to a server that asks for one, and is refused without", async () => {
    expect(await outcome({}, "mutual", [1])).toEqual([{ outcome: "delivered" }]);
    await expect(open({})).rejects.toMatchObject({ name: "ConnectorFailure" });
    await expect(open({ tls_client_cert: (await client()).tls_client_cert })).rejects.toMatchObject({
      class: "invalid_config",
    });
  });

  it("leaves out what the server has seen within the window, and nothing else", async () => {
    const config = { dedup_window_seconds: 60 };
    await outcome(config, "once", [1, 2, 2, 3]);
    expect((await outcome(config, "once", [2, 3, 4])).map((one) => one.outcome)).toEqual(Array(3).fill("delivered"));
    await outcome(config, "other", [1]);
    const keys = async (stream: string) => (await entries(broker, stream)).map((entry) => entry.dedup_key);
    expect(await keys("once")).toEqual([1, 2, 3, 4].map((id) => `outbox_orders:${id}:0`));
    expect(await keys("other")).toEqual(["outbox_orders:1:0"]);
  });

  it("remembers nothing of an entry that could not be written", async () => {
    await ask(broker, (redis) => redis.set("busy", "no stream"));
    expect(await outcome({ dedup_window_seconds: 60 }, "busy", [1])).toMatchObject([{ outcome: "reject" }]);
    await ask(broker, (redis) => redis.del("busy"));
    await outcome({ dedup_window_seconds: 60 }, "busy", [1]);
    expect(await entries(broker, "busy")).toHaveLength(1);
  });

  it("keeps about as many entries as it is told", async () => {
    await outcome(
      { maxlen: 100 },
      "short",
      Array.from({ length: 500 }, (_, id) => id),
    );
    const length = (await entries(broker, "short")).length;
    expect(length).toBeGreaterThanOrEqual(100);
    expect(length).toBeLessThan(300);
  });

  it("writes to the database of its URL or field", async () => {
    await outcome({ database: 3 }, "third", [1]);
    const url = `rediss://${broker.host}:${broker.port}/3`;
    await outcome({ url }, "third", [2]);
    expect(await ask(broker, (redis) => redis.select(3).then(() => redis.xlen("third")))).toBe(2);
  });

  it.each([
    ["a key that is no stream", "WRONGTYPE", "invalid_destination", "message"],
    ["a user without the right", "NOPERM", "authorization", "sink"],
    ["a server that is full", "OOM", "throttled", "sink"],
    ["a replica that takes no writes", "READONLY", "unavailable", "sink"],
  ])("tells %s by its class and whose fault it is", async (_what, word, failureClass, scope) => {
    const stream = `fault-${word}`;
    const admin = (...args: [string, ...string[]]) => ask(broker, (redis) => redis.call(...args));
    const faults: Record<string, { begin: [string, ...string[]]; end: [string, ...string[]] }> = {
      WRONGTYPE: { begin: ["SET", stream, "text"], end: ["DEL", stream] },
      NOPERM: { begin: ["ACL", "SETUSER", "weak", "on", ">weak-pass", "+ping", "~*"], end: ["ACL", "DELUSER", "weak"] },
      OOM: { begin: ["CONFIG", "SET", "maxmemory", "1"], end: ["CONFIG", "SET", "maxmemory", "0"] },
      READONLY: { begin: ["REPLICAOF", "127.0.0.1", "1"], end: ["REPLICAOF", "NO", "ONE"] },
    };
    const fault = faults[word];
    if (!fault) throw new Error("no such fault");
    await admin(...fault.begin);
    try {
      const user = word === "NOPERM" ? { username: "weak", password: "weak-pass" } : {};
      const [disposition] = await outcome(user, stream, [1]);
      expect(disposition).toMatchObject({ class: failureClass, scope });
      expect(disposition).toMatchObject({ reason: expect.stringContaining(word) });
    } finally {
      await admin(...fault.end);
    }
  });

  it("[R-19] goes without TLS only when the pipeline asks for it and the process permits it", async () => {
    const plain = { url: `redis://127.0.0.1:${broker.plainPort}`, tls_ca_file: undefined };
    const permitted = connectorContext({ allowInsecure: true });
    await expect(open(plain, permitted)).rejects.toMatchObject({ class: "invalid_config" });
    await expect(open({ ...plain, allow_insecure: true })).rejects.toMatchObject({ class: "invalid_config" });
    const sink = await open({ ...plain, allow_insecure: true }, permitted);
    await sink.close();
  });

  it("repeats no part of a URL that is wrong", async () => {
    for (const url of ["http://u:canary-secret@x", "canary-secret", "rediss://u:canary-secret@h:1?x=1"]) {
      const error: unknown = await open({ url }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ class: "invalid_config" });
      expect(String(error)).not.toContain("canary-secret");
    }
  });
});
