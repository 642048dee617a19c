/** MQTT 5 as a sink and as a source, against Debian's mosquitto. */
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import mqttSink from "../../../src/relay/sinks/mqtt.ts";
import mqttSource from "../../../src/relay/sources/mqtt.ts";
import { connectorContext, delivery, readConfig } from "../../conformance/relay/connector.ts";
import { describeSink, type Received } from "../../conformance/relay/sinks.ts";
import { describeSource, TestInbox } from "../../conformance/relay/sources.ts";
import type { Endpoint, NetworkedServer } from "../../conformance/relay/subject.ts";
import { MOSQUITTO, type MosquittoBroker, startMosquitto } from "../../support/brokers/mosquitto.ts";
import { type Script, startScriptedMqtt } from "../../support/brokers/scripted-mqtt.ts";
import { issue } from "../../support/certificates.ts";
import { needs } from "../../support/needs.ts";

/** A client of the test's own. It keeps its session and comes back by itself, because brokers are killed here. */
function connectTo(broker: MosquittoBroker, clientId: string): Promise<MqttClient> {
  const { plainPort, user, password } = broker;
  return connectAsync(`mqtt://127.0.0.1:${plainPort}`, {
    protocolVersion: 5,
    username: user,
    password,
    clientId,
    clean: false,
    reconnectPeriod: 50,
    properties: { sessionExpiryInterval: 600, receiveMaximum: 65_535 },
  });
}

/** What arrives at every topic, by the topic's first level. */
async function collect(broker: MosquittoBroker) {
  const client = await connectTo(broker, "collector");
  const topics = new Map<string, Received[]>();
  let lastAt = 0;
  client.on("message", (topic, body, { properties }) => {
    lastAt = performance.now();
    const { dedup_key: dedupId, ...headers } = properties?.userProperties ?? {};
    const received: Received = {
      body,
      dedupId: typeof dedupId === "string" ? dedupId : undefined,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    };
    topics.set(topic, [...(topics.get(topic) ?? []), received]);
  });
  await client.subscribeAsync("#", { qos: 2 });
  return {
    /** The broker hands on what it has acknowledged a moment later: until nothing came for 100 ms. */
    async read(topic: string): Promise<Received[]> {
      const begun = performance.now();
      await expect.poll(() => performance.now() - Math.max(begun, lastAt), { timeout: 20_000 }).toBeGreaterThan(100);
      return topics.get(topic) ?? [];
    },
    stop: () => client.endAsync(true),
  };
}

function networkOf(broker: MosquittoBroker): NetworkedServer {
  const { host, port, ca, password, pause, resume, kill, restart } = broker;
  const forgetsWhenKilled = "mosquitto acknowledges before it writes to disk";
  return { endpoint: { host, port, ca, password }, pause, resume, kill, restart, forgetsWhenKilled };
}

function connectionOf(endpoint: Endpoint | undefined) {
  if (!endpoint) throw new Error("MQTT is on the network");
  const { host, port, ca, password } = endpoint;
  return { url: `mqtts://${host}:${port}`, username: "relay", password, tls_ca_file: ca, timeout_seconds: 2 };
}

describeSink({
  definition: mqttSink,
  available: MOSQUITTO,
  async start() {
    const broker = await startMosquitto();
    const collector = await collect(broker);
    return {
      server: broker.server,
      network: networkOf(broker),
      config: (place, endpoint) => ({ ...connectionOf(endpoint), topic: place }),
      subject: (place) => place,
      read: collector.read,
      stop: async () => {
        await collector.stop();
        await broker.stop();
      },
    };
  },
});

describeSource({
  definition: mqttSource,
  available: MOSQUITTO,
  async start() {
    const broker = await startMosquitto();
    let writer: MqttClient | undefined;
    const config = (place: string, endpoint?: Endpoint) => ({
      ...connectionOf(endpoint),
      topic: place,
      client_id: `source-${place}`,
    });
    return {
      server: broker.server,
      network: networkOf(broker),
      config,
      // A session keeps only what comes after its subscription.
      async prepare(place) {
        const { host, port, ca, password } = broker;
        const endpoint = { host, port, ca, password };
        const source = await mqttSource.open(readConfig(mqttSource, config(place, endpoint)), connectorContext());
        await source.close();
      },
      async write(place, events) {
        writer ??= await connectTo(broker, "writer");
        const client = writer;
        const publish = ({ id, body, headers = {} }: (typeof events)[number]) =>
          client.publishAsync(place, Buffer.from(body), {
            qos: 1,
            properties: { userProperties: { dedup_key: id, ...headers } },
          });
        await Promise.all(events.map(publish));
      },
      stop: async () => {
        await writer?.endAsync(true);
        await broker.stop();
      },
    };
  },
  extra(run) {
    it("holds no more than its window, and leaves nothing unacknowledged", async () => {
      const bench = run();
      const place = await bench.place();
      await bench.subject.write(place, bench.events(1, 60));
      const config = readConfig(mqttSource, { ...bench.subject.config(place, bench.network.endpoint), window: 10 });
      const abort = new AbortController();
      const source = await mqttSource.open(config, connectorContext({ signal: abort.signal }));
      const inbox = new TestInbox();
      const running = source.run(inbox.deliver);
      await bench.stored(inbox, 60);
      expect(Math.max(...inbox.batches.map((batch) => batch.length))).toBeLessThanOrEqual(10);
      abort.abort();
      await running;
      await source.close();
    });
  },
});

describe("source mqtt by itself", () => {
  beforeEach(needs(MOSQUITTO.isThere, MOSQUITTO.reason));

  it("tells equal bodies of two topics apart when their senders gave no ids", async () => {
    await using broker = await startMosquitto();
    const abort = new AbortController();
    const config = readConfig(mqttSource, { ...connectionOf(broker), topic: "lamps/+" });
    const source = await mqttSource.open(config, connectorContext({ signal: abort.signal }));
    const inbox = new TestInbox();
    const running = source.run(inbox.deliver);
    const client = await connectTo(broker, "lamps");
    for (const topic of ["lamps/1", "lamps/2"]) await client.publishAsync(topic, "on", { qos: 1 });
    await client.endAsync(true);
    await expect.poll(() => inbox.stored.length).toBe(2);
    expect(new Set(inbox.ids).size).toBe(2);
    expect(inbox.stored.map(({ subject }) => subject)).toEqual(["lamps/1", "lamps/2"]);
    abort.abort();
    await running;
    await source.close();
  });
});

describe("qos 2", () => {
  beforeEach(needs(MOSQUITTO.isThere, MOSQUITTO.reason));

  it("brings every message through once, and again when it could not be stored", async () => {
    await using broker = await startMosquitto();
    const connection = { ...connectionOf(broker), topic: "twice", qos: 2 };
    const open = (signal?: AbortSignal) =>
      mqttSource.open(readConfig(mqttSource, connection), connectorContext(signal ? { signal } : {}));
    await (await open()).close();
    const sink = await mqttSink.open(readConfig(mqttSink, connection), connectorContext());
    const batch = Array.from({ length: 300 }, (_, id) => delivery(id, { subject: "twice" }));
    const answers = await sink.send(batch, new AbortController().signal);
    expect(answers.every(({ outcome }) => outcome === "delivered")).toBe(true);
    await sink.close();
    const refusing = new TestInbox();
    refusing.refusal = new Error("not now");
    for (const inbox of [refusing, new TestInbox()]) {
      const abort = new AbortController();
      const source = await open(abort.signal);
      const running = source.run(inbox.deliver);
      await expect.poll(() => (inbox.refusal ? inbox.batches.length > 0 : inbox.ids.length >= 300)).toBe(true);
      abort.abort();
      await running;
      await source.close();
      if (!inbox.refusal) expect(inbox.ids).toEqual(batch.map(({ message }) => message.dedupKey));
    }
    const abort = new AbortController();
    const later = await open(abort.signal);
    const inbox = new TestInbox();
    const running = later.run(inbox.deliver);
    const client = await connectTo(broker, "writer");
    await client.publishAsync("twice", "new", { qos: 2 });
    await client.endAsync(true);
    await expect.poll(() => inbox.bodies).toEqual(["new"]);
    abort.abort();
    await running;
    await later.close();
  });
});

describe("sink mqtt by itself", () => {
  let broker: MosquittoBroker;
  beforeAll(async () => {
    if (!MOSQUITTO.isThere) return;
    broker = await startMosquitto({
      requiresCertificate: true,
      settings: ["max_packet_size 20000"],
      acl: ["topic readwrite open/#", "topic read readonly/#"],
    });
  });
  afterAll(() => broker?.stop());
  beforeEach(needs(MOSQUITTO.isThere, MOSQUITTO.reason));

  const open = async (config: Record<string, unknown> = {}, context = connectorContext()) => {
    const { certificate, key } = await issue({ commonName: "relay", usage: "client" }, broker.authority);
    const own = { tls_client_cert: certificate, tls_client_key: key };
    return mqttSink.open(readConfig(mqttSink, { ...connectionOf(broker), ...own, ...config }), context);
  };
  const outcomes = async (config: Record<string, unknown>, batch: Parameters<typeof delivery>[]) => {
    const sink = await open(config);
    const deliveries = batch.map((parts) => delivery(...parts));
    const dispositions = await sink.send(deliveries, new AbortController().signal);
    await sink.close();
    return dispositions;
  };

  it("shows its own certificate to a broker that asks for one, and is refused without", async () => {
    expect(await outcomes({}, [[1, { subject: "open/a" }]])).toEqual([{ outcome: "delivered" }]);
    await expect(open({ tls_client_cert: undefined, tls_client_key: undefined })).rejects.toMatchObject({
      name: "ConnectorFailure",
    });
  });

  it("refuses what is larger than the broker takes, that message alone", async () => {
    const answers = await outcomes({}, [
      [1, { subject: "open/a" }],
      [2, { subject: "open/a", body: "x".repeat(20_000) }],
      [3, { subject: "open/a" }],
    ]);
    expect(answers).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", class: "message_too_large", scope: "message" },
      { outcome: "delivered" },
    ]);
  });

  it("says that a topic is not open to it, which is nobody's fault but the pipeline's", async () => {
    const answers = await outcomes({}, [[1, { subject: "readonly/a" }]]);
    expect(answers).toMatchObject([{ outcome: "reject", class: "authorization", scope: "sink" }]);
  });

  it("refuses, when a subscriber is required, what no session wants: that one alone, or all when there is one topic", async () => {
    const client = await connectTo(broker, "listener");
    await client.subscribeAsync("open/heard", { qos: 1 });
    const required = { require_subscriber: true, topic: "open/{outbox}" };
    const answers = await outcomes(required, [
      [1, { subject: "open/heard" }],
      [2, { subject: "open/unheard" }],
      [3, { subject: "open/heard" }],
    ]);
    expect(answers).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", class: "invalid_destination", scope: "message" },
      { outcome: "delivered" },
    ]);
    const fixed = await outcomes({ ...required, topic: "open/unheard" }, [[1, { subject: "open/unheard" }]]);
    expect(fixed).toMatchObject([{ outcome: "reject", class: "invalid_destination", scope: "sink" }]);
    // A session that is away and remembered is a subscriber too.
    await client.endAsync(true);
    expect(await outcomes(required, [[4, { subject: "open/heard" }]])).toEqual([{ outcome: "delivered" }]);
    expect(await outcomes({}, [[5, { subject: "open/unheard" }]])).toEqual([{ outcome: "delivered" }]);
    await expect(open({ require_subscriber: true, qos: 2 })).rejects.toMatchObject({
      class: "invalid_config",
      message: "require_subscriber needs qos 1",
    });
  });

  it("leaves a retained message when it is told to, and none otherwise", async () => {
    await outcomes({ retain: true }, [[1, { subject: "open/kept", body: "kept" }]]);
    await outcomes({}, [[2, { subject: "open/passed", body: "passed" }]]);
    const client = await connectTo(broker, "late");
    const seen: string[] = [];
    client.on("message", (_topic, body) => seen.push(body.toString()));
    await client.subscribeAsync("open/#", { qos: 1 });
    await expect.poll(() => seen).toEqual(["kept"]);
    await client.endAsync(true);
  });

  it("[R-19] goes without TLS only when the pipeline asks for it and the process permits it", async () => {
    const plain = { url: `mqtt://127.0.0.1:${broker.plainPort}` };
    const permitted = connectorContext({ allowInsecure: true });
    await expect(open(plain, permitted)).rejects.toMatchObject({ class: "invalid_config" });
    await expect(open({ ...plain, allow_insecure: true })).rejects.toMatchObject({ class: "invalid_config" });
    await (await open({ ...plain, allow_insecure: true }, permitted)).close();
  });
});

describe("sink mqtt at a broker of its own mind", () => {
  const open = (port: number) => {
    const config = { url: `mqtt://127.0.0.1:${port}`, topic: "t", allow_insecure: true, timeout_seconds: 2 };
    return mqttSink.open(readConfig(mqttSink, config), connectorContext({ allowInsecure: true }));
  };
  const send = async (script: Script, topics: string[]) => {
    await using broker = await startScriptedMqtt(script);
    const sink = await open(broker.port);
    const batch = topics.map((subject, id) => delivery(id, { subject }));
    const answers = await sink.send(batch, new AbortController().signal);
    await sink.close();
    return { answers, broker };
  };

  it("never has more on its way than the broker takes", async () => {
    const { answers, broker } = await send({ receiveMaximum: 7 }, Array(50).fill("t"));
    expect(answers).toEqual(Array(50).fill({ outcome: "delivered" }));
    expect(broker.mostInFlight()).toBe(7);
  });

  it.each([
    [0x10, { outcome: "delivered" }],
    [0x80, { outcome: "retry", class: "unknown", scope: "sink" }],
    [0x83, { outcome: "retry", class: "unknown", scope: "sink" }],
    [0x87, { outcome: "reject", class: "authorization", scope: "sink" }],
    [0x90, { outcome: "reject", class: "invalid_destination", scope: "message" }],
    [0x97, { outcome: "retry", class: "throttled", scope: "sink" }],
    [0x99, { outcome: "reject", class: "protocol_rejection", scope: "message" }],
  ])("takes reason code %i of one message for what it means, and only for that message", async (code, expected) => {
    const answer = (topic: string) => (topic === "bad" ? code : 0);
    const { answers } = await send({ answer }, ["good", "bad", "good"]);
    expect(answers).toMatchObject([{ outcome: "delivered" }, expected, { outcome: "delivered" }]);
  });

  it("finds the message for which a broker gives a reason that does not exist, as mosquitto does for large ones", async () => {
    await using broker = await startMosquitto({ settings: ["message_size_limit 5000"] });
    const config = readConfig(mqttSink, { ...connectionOf(broker), topic: "t" });
    const sendBodies = async (...bodies: string[]) => {
      const sink = await mqttSink.open(config, connectorContext());
      const batch = bodies.map((body, id) => delivery(id, { subject: "t", body }));
      const answers = await sink.send(batch, new AbortController().signal);
      await sink.close();
      return answers;
    };
    const large = "x".repeat(6_000);
    const refused = { outcome: "reject", class: "protocol_rejection", scope: "message" };
    expect(await sendBodies("small", large)).toMatchObject([{ outcome: "delivered" }, { outcome: "retry" }]);
    expect(await sendBodies(large, "small")).toMatchObject([refused, refused]);
    expect(await sendBodies(large)).toMatchObject([refused]);
  });

  it("reports all of a batch refused, or none, when the connection ended over one message", async () => {
    const answer = (topic: string) => (topic === "bad" ? { disconnect: 0x90 } : 0);
    const refused = { outcome: "reject", class: "invalid_destination", scope: "message" };
    expect((await send({ answer }, ["bad", "good"])).answers).toMatchObject([refused, refused]);
    const later = (await send({ answer }, ["good", "bad", "good"])).answers;
    expect(later).toMatchObject([{ outcome: "delivered" }, { outcome: "retry" }, { outcome: "retry" }]);
  });

  it.each([
    [0x84, "invalid_config"],
    [0x85, "invalid_config"],
    [0x86, "authentication"],
    [0x87, "authentication"],
    [0x88, "unavailable"],
    [0x89, "unavailable"],
    [0x97, "throttled"],
    [0x9d, "invalid_destination"],
    [0x9f, "throttled"],
    [0x80, "unknown"],
  ])("takes reason code %i of a refused connection for %s", async (connectReason, failureClass) => {
    await using broker = await startScriptedMqtt({ connectReason });
    await expect(open(broker.port)).rejects.toMatchObject({ class: failureClass });
  });
});
