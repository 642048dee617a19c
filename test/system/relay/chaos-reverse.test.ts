/** Reverse pipelines whose relay is killed at random: what was acknowledged to a sender is in the inbox, and once. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NATS, startNats } from "../../support/brokers/nats.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { freePort } from "../../support/free-port.ts";
import { needs } from "../../support/needs.ts";
import { packRelayProgram, type RelayProcess, type RelayProgram } from "../../support/relay/relay-process.ts";
import { until } from "../../support/relay/running.ts";
import { pause, randomFrom } from "../../support/relay/writers.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const KILLS = 12;

let program: RelayProgram;
let cluster: TestCluster;
beforeAll(async () => {
  [program, cluster] = await Promise.all([packRelayProgram(), startCluster()]);
});
afterAll(() => Promise.all([program?.remove(), cluster?.stop()]));

/** Two relays of a group; whoever owns the pipeline is killed `KILLS` times, after it has stored something or before. */
async function killOwners(
  tide: Tide,
  environment: Record<string, string>,
  whileItRuns: () => Promise<void> = async () => undefined,
): Promise<AsyncDisposable> {
  const random = randomFrom(7);
  const relays: RelayProcess[] = [];
  const start = () => relays.push(program.start(tide, { takeoverIntervalMs: 100, environment }));
  const end = async () => {
    await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
  };
  try {
    start();
    start();
    for (let kill = 0; kill < KILLS; kill++) {
      const owner = () => relays.find((relay) => !relay.isGone() && relay.owns());
      await until("somebody owns the pipeline", () => owner() !== undefined);
      const victim = owner();
      const patience = performance.now() + 1_500;
      const hasStored = () => victim?.told.some(({ type }) => type === "relay.stored") ?? false;
      if (random() < 0.8) await until("it stores", () => hasStored() || performance.now() > patience);
      await pause(random() * 60);
      victim?.signal("SIGKILL");
      await until("it is gone", () => victim?.isGone() ?? true);
      start();
      await whileItRuns();
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { [Symbol.asyncDispose]: end };
}

async function makeInbox(tide: Tide, source: string, config: Record<string, unknown>): Promise<void> {
  await tide.rows("select tide.inbox_create('mail')");
  await tide.rows("select tide.relay_set_inbox_v2($1)", JSON.stringify({ name: "in", inbox: "mail", source, config }));
}

async function stored(tide: Tide): Promise<string[]> {
  const rows = await tide.session.rows(`select payload ->> 'name' from tide."mail_inbox"`);
  return rows.map(([name]) => name ?? "");
}

/** As a sender of webhooks does it: the next event when the last was answered with 200, again until it is. */
async function send(url: string, label: string, acknowledged: Set<string>, stopping: AbortSignal): Promise<void> {
  for (let n = 1; !stopping.aborted; n++) {
    const name = `${label}-${n}`;
    for (let isTaken = false; !isTaken && !stopping.aborted; ) {
      const headers = { "idempotency-key": name, "content-type": "application/json" };
      isTaken = await request(url, {
        method: "POST",
        body: JSON.stringify({ name }),
        headers,
        headersTimeout: 5_000,
      }).then(
        async ({ statusCode, body }) => {
          await body.dump();
          return statusCode === 200;
        },
        () => false,
      );
      if (isTaken) acknowledged.add(name);
      else await pause(20);
    }
  }
}

describe("[R-11] a webhook receiver", () => {
  it("has every event in the inbox that it said 200 to, once, though it is killed at random", async () => {
    await using tide = await openTide({ cluster });
    const address = `127.0.0.1:${await freePort()}`;
    await makeInbox(tide, "webhook", { listen_addr: address, allow_unsigned: true, max_requests_per_second: 0 });
    const acknowledged = new Set<string>();
    const stopping = new AbortController();
    const senders = Array.from({ length: 6 }, (_, index) =>
      send(`http://${address}/`, `s${index}`, acknowledged, stopping.signal),
    );
    await using _ = await killOwners(tide, {});
    stopping.abort();
    await Promise.all(senders);
    const names = await stored(tide);
    console.log(`${acknowledged.size} acknowledged, ${names.length} in the inbox after ${KILLS} kills`);
    expect(acknowledged.size).toBeGreaterThan(KILLS);
    expect([...acknowledged].filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("has every event that it said 200 to when the database has crashed, which commits asynchronously by itself", async () => {
    await using own = await startCluster();
    await using tide = await openTide({ cluster: own });
    const address = `127.0.0.1:${await freePort()}`;
    await makeInbox(tide, "webhook", { listen_addr: address, allow_unsigned: true, max_requests_per_second: 0 });
    const acknowledged = new Set<string>();
    const stopping = new AbortController();
    await using relay = program.start(tide, { leaseMs: 1_000 });
    const sender = send(`http://${address}/`, "s", acknowledged, stopping.signal);
    for (let crash = 0; crash < 2; crash++) {
      const before = acknowledged.size;
      await until("events are taken", () => acknowledged.size > before + 20);
      await own.crash();
    }
    const before = acknowledged.size;
    await until("events are taken again", () => acknowledged.size > before);
    stopping.abort();
    await sender;
    relay.signal("SIGKILL");
    const again = await tide.another();
    const names = await stored(again);
    await again.session.close();
    expect([...acknowledged].filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("[R-11] a source of a broker", () => {
  it("has every event of NATS in the inbox once, though the relay is killed at random", async (context) => {
    needs(NATS.isThere, NATS.reason)(context);
    await using tide = await openTide({ cluster });
    await using broker = await startNats();
    const { port, user, password, ca } = broker;
    const nc = await connect({ servers: `127.0.0.1:${port}`, user, pass: password, tls: { ca } });
    await (await jetstreamManager(nc)).streams.add({ name: "orders", subjects: ["orders.>"] });
    await makeInbox(tide, "nats", {
      url: `tls://127.0.0.1:${port}`,
      username: user,
      password: "${env:BROKER_PASSWORD}",
      tls_ca_file: "${env:BROKER_CA}",
      stream: "orders",
      ack_wait_secs: 1,
    });
    const client = jetstream(nc);
    let count = 0;
    const publish = async () => {
      const names = Array.from({ length: 100 }, () => `n${++count}`);
      await Promise.all(names.map((name) => client.publish("orders.made", JSON.stringify({ name }), { msgID: name })));
    };
    await publish();
    await using _ = await killOwners(tide, { BROKER_PASSWORD: password, BROKER_CA: ca }, publish);
    await until("everything is in the inbox", async () => new Set(await stored(tide)).size === count);
    await nc.close();
    expect(await stored(tide)).toHaveLength(count);
  });
});

describe("[R-11] standard input", () => {
  it("that is given again after each kill is in the inbox once", async () => {
    await using tide = await openTide({ cluster });
    await makeInbox(tide, "stdin", { event_id_path: "name" });
    const random = randomFrom(11);
    const lines = Array.from(
      { length: 3_000 },
      (_, n) => `${JSON.stringify({ name: `line-${n}`, filler: "x".repeat(500) })}\n`,
    );
    const feed = (relay: RelayProcess) => relay.input.write(lines.join(""));
    for (let kill = 0; kill < 5; kill++) {
      await using relay = program.start(tide);
      feed(relay);
      await until("it has begun", () => relay.owns());
      await pause(random() * 150);
      relay.signal("SIGKILL");
      await until("it is gone", () => relay.isGone());
    }
    await using last = program.start(tide);
    feed(last);
    await until("everything is in the inbox", async () => (await stored(tide)).length >= lines.length);
    const names = await stored(tide);
    expect(names).toHaveLength(lines.length);
    expect(new Set(names).size).toBe(lines.length);
  });
});
