/**
 * What every sink promises, run by each of them against its real server.
 *
 *   describeSink({ definition: redis, start: async () => ({ server, config, read, ... }) });
 *
 * The cases of the network run for sinks that give `network`.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AddressRefusal } from "../../../src/net/address-policy.ts";
import type { ConnectorContext, ConnectorDefinition } from "../../../src/relay/connector.ts";
import type { ConnectorFailure } from "../../../src/relay/failures.ts";
import type { Delivery, Disposition } from "../../../src/relay/message.ts";
import type { Sink, SinkDefinition } from "../../../src/relay/sinks/sink.ts";
import { needs } from "../../support/needs.ts";
import { connectorContext, deliveries, delivery, REFUSE_ALL, readConfig } from "./connector.ts";
import { startGarbageServer, startProxy, startSilentServer, type TestProxy } from "./network.ts";
import {
  type Configuration,
  type Endpoint,
  expectEventually,
  FailureLog,
  newPlace,
  settled,
  type TestSubject,
  TRANSIENT,
  withWrongCertificates,
} from "./subject.ts";
import { tellsServer } from "./tested.ts";

/** A message as a reader of the destination sees it. */
export interface Received {
  body: Buffer;
  /** What receivers deduplicate by; undefined when it did not arrive. */
  dedupId: string | undefined;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
}

export interface SinkSubject extends TestSubject {
  /** The `sink` of a pipeline that delivers to `place`. `endpoint` is given when `network` is, and may stand elsewhere. */
  config(place: string, endpoint?: Endpoint): Configuration;
  /** The subject of deliveries to `place`; undefined for sinks that have none. */
  subject?(place: string): string;
  /** All that is at `place`, in its order. */
  read(place: string): Promise<readonly Received[]>;
}

export interface SinkSuite {
  // biome-ignore lint/suspicious/noExplicitAny: a suite runs sinks of every configuration.
  definition: SinkDefinition<any>;
  /** Called once per file. */
  start(): Promise<SinkSubject>;
  /** Whether the server can be here; with the reason that is printed when not. Default: yes. */
  available?: { isThere: boolean; reason: string };
  /** The sink carries no headers: why. */
  withoutHeaders?: string;
  /** The destination keeps values and not bytes: why. */
  withoutBytes?: string;
  /** There is no network in between, or the connector's own test has it: its cases are left out. */
  isLocal?: boolean;
  /** Further cases of this sink, with the same server. */
  extra?(run: () => SinkBench): void;
}

/** What a case works with. */
export class SinkBench {
  readonly definition: SinkSuite["definition"];
  readonly subject: SinkSubject;
  readonly failures = new FailureLog();
  readonly #open = new Set<Sink>();

  constructor(definition: SinkSuite["definition"], subject: SinkSubject) {
    this.definition = definition;
    this.subject = subject;
  }

  get network() {
    const { network } = this.subject;
    if (!network) throw new Error("this sink has no network");
    return network;
  }

  async place(): Promise<string> {
    const place = newPlace();
    await this.subject.prepare?.(place);
    return place;
  }

  async open(place: string, options: { endpoint?: Endpoint; context?: Partial<ConnectorContext> } = {}): Promise<Sink> {
    const endpoint = options.endpoint ?? this.subject.network?.endpoint;
    const definition: ConnectorDefinition = this.definition;
    const config = readConfig(definition, this.subject.config(place, endpoint));
    const sink = await this.definition.open(config, connectorContext(options.context));
    this.#open.add(sink);
    return sink;
  }

  /** Opens it anew and delivers, in as many tries as a server needs that has just come back. */
  async worksAgain(place: string, batch: readonly Delivery[], options: { endpoint?: Endpoint } = {}): Promise<void> {
    const isDelivered = async (): Promise<boolean> => {
      const opened = await settled(this.open(place, options));
      if (opened.status === "rejected") return false;
      const sent = await settled(this.send(opened.value, batch));
      await opened.value.close();
      return sent.status === "fulfilled" && sent.value.every(({ outcome }) => outcome === "delivered");
    };
    await expectEventually(isDelivered, "it must work again");
  }

  /** Deliveries `first` to `last` for `place`. */
  batch(place: string, first: number, last: number, parts: Parameters<typeof deliveries>[2] = {}): Delivery[] {
    return deliveries(first, last, { subject: this.subject.subject?.(place), ...parts });
  }

  one(place: string, id: number, parts: Parameters<typeof delivery>[1] = {}): Delivery {
    return delivery(id, { subject: this.subject.subject?.(place), ...parts });
  }

  async send(sink: Sink, batch: readonly Delivery[], signal?: AbortSignal): Promise<readonly Disposition[]> {
    const dispositions = await sink.send(batch, signal ?? new AbortController().signal);
    for (const disposition of dispositions) if (disposition.outcome !== "delivered") this.failures.add(disposition);
    return dispositions;
  }

  /** What is at `place` once `count` messages are, and no more of them follow. */
  async received(place: string, count: number): Promise<readonly Received[]> {
    let seen: readonly Received[] = [];
    const hasCount = async () => {
      seen = await this.subject.read(place);
      return seen.length >= count;
    };
    await expectEventually(hasCount, `${count} messages must be at the destination`);
    return seen;
  }

  async closeAll(): Promise<void> {
    for (const sink of this.#open) await sink.close();
    this.#open.clear();
  }
}

export function describeSink(suite: SinkSuite): void {
  const { definition, available = { isThere: true, reason: "" } } = suite;
  describe(`sink ${definition.type}`, () => {
    let bench: SinkBench;
    beforeAll(async () => {
      if (!available.isThere) return;
      bench = new SinkBench(definition, await suite.start());
      expect(bench.subject.network === undefined, "isLocal says whether there is a network").toBe(
        suite.isLocal === true,
      );
    });
    afterAll(async () => {
      await bench?.closeAll();
      await bench?.subject.stop();
    });
    const tell = tellsServer(`sink ${definition.type}`, () => bench?.subject.server, available.reason);
    beforeEach((context) => {
      tell(context);
      needs(available.isThere, available.reason)(context);
    });
    const run = () => bench;

    describe("delivers", () => describeDelivery(run, suite));
    describe("refuses", () => describeRefusals(run, suite));
    if (suite.isLocal !== true) {
      describe("over the network", () => {
        describeTrust(run);
        describeFailures(run);
      });
    }
    describe("ends", () => describeEnding(run));
    suite.extra?.(run);

    it("[R-06] says no password in any failure of the cases above", async () => {
      const { network } = bench.subject;
      if (network) {
        expect(network.endpoint.password.length).toBeGreaterThan(5);
        expect(bench.failures.text).not.toBe("");
        expect(bench.failures.text).not.toContain(network.endpoint.password);
        expect(bench.failures.text).not.toContain(encodeURIComponent(network.endpoint.password));
      }
      expect(bench.failures.text).not.toContain(WRONG_PASSWORD);
      expect(bench.failures.text, "nor a payload").not.toContain(CANARY);
    });
  });
}

const WRONG_PASSWORD = "wrong/pass:word@canary";
/** Stands in bodies; no failure may repeat it. */
const CANARY = "body-canary-5f1c";

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function outcomes(dispositions: readonly Disposition[]): string[] {
  return dispositions.map(({ outcome }) => outcome);
}

function describeDelivery(run: () => SinkBench, suite: SinkSuite): void {
  it("what it was given and only that, in order per key, with one answer each", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const given = bench.batch(place, 1, 300, { keys: 7 });
    const size = Math.min(100, bench.definition.limits.batchMessages);
    for (let first = 0; first < given.length; first += size) {
      const page = given.slice(first, first + size);
      expect(outcomes(await bench.send(sink, page))).toEqual(page.map(() => "delivered"));
    }
    const received = await bench.received(place, given.length);
    expect(received).toHaveLength(given.length);
    const numbers = received.map(({ body }) => Number(JSON.parse(body.toString("utf8")).number));
    for (let key = 0; key < 7; key++) {
      const ofKey = (list: number[]) => list.filter((number) => number % 7 === key);
      expect(ofKey(numbers)).toEqual(ofKey(given.map(({ message }) => Number(message.id))));
    }
    await sink.close();
  });

  it("the id to deduplicate by with every message, the same one when it sends again", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const given = bench.batch(place, 41, 43);
    await bench.send(sink, given);
    const ids = (await bench.received(place, 3)).map(({ dedupId }) => dedupId);
    expect(ids).toEqual(given.map(({ message }) => message.dedupKey));
    expect(outcomes(await bench.send(sink, given))).toEqual(["delivered", "delivered", "delivered"]);
    const again = await bench.subject.read(place);
    expect(new Set(again.map(({ dedupId }) => dedupId))).toEqual(new Set(ids));
    await sink.close();
  });

  it("bodies byte for byte: every script, escaped NUL, line breaks, nothing at all, a megabyte", async (context) => {
    if (suite.withoutBytes) return context.skip(suite.withoutBytes);
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const large = Math.min(2 ** 20, bench.definition.limits.messageBytes) - 64;
    const texts = [
      JSON.stringify({ text: "żółć 漢字 🙂 \u202eabc" }),
      String.raw`{"nul":"\u0000","lone":"\ud800"}`,
      JSON.stringify({ lines: "a\r\nb\nc\td" }),
      JSON.stringify({ empty: "" }),
      "{}",
      JSON.stringify({ large: "é".repeat(Math.floor((large - 20) / 2)) }),
    ];
    const batch = texts.map((body, index) => bench.one(place, 100 + index, { body }));
    expect(outcomes(await bench.send(sink, batch))).toEqual(texts.map(() => "delivered"));
    const received = await bench.received(place, texts.length);
    expect(received.map(({ body }) => sha256(body))).toEqual(texts.map(sha256));
    await sink.close();
  });

  it("a tombstone, or refuses it alone", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const batch = [bench.one(place, 1), bench.one(place, 2, { body: null }), bench.one(place, 3)];
    const [first, tombstone, last] = await bench.send(sink, batch);
    expect([first?.outcome, last?.outcome]).toEqual(["delivered", "delivered"]);
    if (tombstone?.outcome !== "delivered") expect(tombstone).toMatchObject({ outcome: "reject", scope: "message" });
    const received = await bench.received(place, tombstone?.outcome === "delivered" ? 3 : 2);
    expect(received).toHaveLength(tombstone?.outcome === "delivered" ? 3 : 2);
    await sink.close();
  });

  it("nothing when there is nothing", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    expect(await bench.send(sink, [])).toEqual([]);
    expect(await bench.subject.read(place)).toEqual([]);
    await sink.close();
  });

  it("calls at the same time, as many as its lanes, each with its own answers", async () => {
    const bench = run();
    const place = await bench.place();
    const definition: ConnectorDefinition = bench.definition;
    const config = readConfig(definition, bench.subject.config(place, bench.subject.network?.endpoint));
    const lanes = Math.min(4, bench.definition.lanes(config));
    const sink = await bench.open(place);
    const size = Math.min(20, bench.definition.limits.batchMessages);
    const calls = Array.from({ length: lanes }, (_, lane) =>
      bench.send(sink, bench.batch(place, lane * 1000, lane * 1000 + size - 1, { orderKey: `lane-${lane}` })),
    );
    for (const answer of await Promise.all(calls)) expect(outcomes(answer)).toEqual(Array(size).fill("delivered"));
    expect(await bench.received(place, lanes * size)).toHaveLength(lanes * size);
    await sink.close();
  });
}

/** Subjects that mean something else to one protocol or another. */
const HOSTILE_SUBJECTS = [
  "a b",
  "a\r\nINJECTED x",
  "a\u0000b",
  "a.*",
  "a.>",
  "a/#",
  "a/+",
  "$SYS/broker",
  "../../etc/passwd",
  "",
  "s".repeat(70_000),
  "{tag}\u2028ł🙂",
];

const HOSTILE_VALUES = {
  crlf: "a\r\nx-injected: yes",
  newline: "a\nx-injected: yes",
  nul: "a\u0000b",
  unicode: "żółć 漢字 🙂",
  long: "v".repeat(3_000),
  empty: "",
};

function describeRefusals(run: () => SinkBench, suite: SinkSuite): void {
  it("[R-08] subjects it cannot carry, each alone", async (context) => {
    const bench = run();
    if (!bench.subject.subject) return context.skip("this sink has no subjects");
    const place = await bench.place();
    const sink = await bench.open(place);
    for (const [index, subject] of HOSTILE_SUBJECTS.entries()) {
      const id = 10 * (index + 1);
      const batch = [bench.one(place, id), delivery(id + 1, { subject, body: CANARY }), bench.one(place, id + 2)];
      const [before, hostile, after] = await bench.send(sink, batch);
      expect([before?.outcome, after?.outcome], JSON.stringify(subject.slice(0, 40))).toEqual([
        "delivered",
        "delivered",
      ]);
      if (hostile?.outcome !== "delivered") expect(hostile).toMatchObject({ outcome: "reject", scope: "message" });
    }
    const expected = HOSTILE_SUBJECTS.flatMap((_, index) => [10 * (index + 1), 10 * (index + 1) + 2]);
    const received = await bench.received(place, expected.length);
    expect(received.map(({ dedupId }) => dedupId)).toEqual(expected.map((id) => `outbox_orders:${id}:0`));
    await sink.close();
  });

  it("[R-08] no header's value into another header, and carries what it can", async (context) => {
    if (suite.withoutHeaders) return context.skip(suite.withoutHeaders);
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const entries = Object.entries(HOSTILE_VALUES);
    const batch = entries.map(([name, value], index) =>
      bench.one(place, 1 + index, { headers: { [`x-${name}`]: value } }),
    );
    const dispositions = await bench.send(sink, batch);
    const carried = entries.filter((_, index) => dispositions[index]?.outcome === "delivered");
    for (const [index, disposition] of dispositions.entries()) {
      if (disposition.outcome === "delivered") continue;
      expect(disposition, entries[index]?.[0]).toMatchObject({ outcome: "reject", scope: "message" });
    }
    expect(carried.map(([name]) => name)).toEqual(expect.arrayContaining(["long"]));
    const received = await bench.received(place, carried.length);
    for (const { headers } of received) expect(Object.keys(headers)).not.toContain("x-injected");
    await sink.close();
  });

  it("a message that is too large, that one alone", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    const tooLarge = Buffer.alloc(bench.definition.limits.messageBytes + 1, "x");
    const batch = [bench.one(place, 1), bench.one(place, 2, { body: tooLarge }), bench.one(place, 3)];
    const dispositions = await bench.send(sink, batch);
    expect(dispositions).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", class: "message_too_large", scope: "message" },
      { outcome: "delivered" },
    ]);
    const ids = (await bench.received(place, 2)).map(({ dedupId }) => dedupId);
    expect(ids).toEqual(["outbox_orders:1:0", "outbox_orders:3:0"]);
    await sink.close();
  });

  it("keys of its configuration that it does not know, by name", async () => {
    const bench = run();
    const config = { ...bench.subject.config(newPlace(), bench.subject.network?.endpoint), no_such_key: 1 };
    expect(() => readConfig(bench.definition, config)).toThrow("no_such_key");
  });
}

function describeTrust(run: () => SinkBench): void {
  it("fails with authentication when the password is wrong", async () => {
    const bench = run();
    const endpoint = { ...bench.network.endpoint, password: WRONG_PASSWORD };
    const place = await bench.place();
    const failure = await bench.failures.failure(() => bench.open(place, { endpoint }));
    expect(failure.class).toBe("authentication");
  });

  it("[R-19] fails with tls_verification when the certificate is another's, for another name, or expired", async () => {
    const bench = run();
    const place = await bench.place();
    await withWrongCertificates(bench.network, async (endpoint, what) => {
      const failure = await bench.failures.failure(() => bench.open(place, { endpoint }));
      expect(failure.class, what).toBe("tls_verification");
    });
  });

  it("[R-01] dials nothing that the address policy refuses", async () => {
    const bench = run();
    await using server = await startSilentServer();
    const endpoint = { ...bench.network.endpoint, host: server.host, port: server.port };
    const place = newPlace();
    for (const host of ["127.0.0.1", "localhost"]) {
      const attempt = () => bench.open(place, { endpoint: { ...endpoint, host }, context: { addresses: REFUSE_ALL } });
      const failure = await bench.failures.failure(attempt);
      expect(failure.class).toBe("ssrf_rejected");
      expect(failure.cause ?? new AddressRefusal("")).toBeInstanceOf(AddressRefusal);
    }
    expect(server.accepted()).toBe(0);
  });
}

/** What a send against a server in trouble may end with: a failure, or one answer each. */
function expectHonest(bench: SinkBench, end: PromiseSettledResult<readonly Disposition[]>, count: number): Set<number> {
  if (end.status === "rejected") {
    bench.failures.add(end.reason);
    const failure: ConnectorFailure = end.reason;
    expect(failure.name).toBe("ConnectorFailure");
    expect(TRANSIENT).toContain(failure.class);
    return new Set();
  }
  expect(end.value).toHaveLength(count);
  for (const disposition of end.value) {
    if (disposition.outcome === "delivered") continue;
    expect(disposition).toMatchObject({ outcome: "retry", scope: "sink" });
  }
  return new Set(end.value.flatMap(({ outcome }, index) => (outcome === "delivered" ? [index] : [])));
}

async function proxied(bench: SinkBench): Promise<{ proxy: TestProxy; endpoint: Endpoint }> {
  const { endpoint } = bench.network;
  const proxy = await startProxy(endpoint);
  return { proxy, endpoint: { ...endpoint, host: proxy.host, port: proxy.port } };
}

function describeFailures(run: () => SinkBench): void {
  it("reports nothing delivered that is not there when the connection is cut in a batch, and works when opened again", async (context) => {
    const bench = run();
    if (bench.network.unproxied) return context.skip(bench.network.unproxied);
    const { proxy, endpoint } = await proxied(bench);
    await using _proxy = proxy;
    for (const cutAfter of [1, 3_000, 20_000]) {
      const place = await bench.place();
      const sink = await bench.open(place, { endpoint });
      const batch = bench.batch(place, 1, Math.min(100, bench.definition.limits.batchMessages), {
        body: JSON.stringify({ text: CANARY.repeat(30) }),
      });
      proxy.cutAfter(cutAfter);
      const delivered = expectHonest(bench, await settled(bench.send(sink, batch)), batch.length);
      const next = await settled(bench.send(sink, batch.slice(0, 1)));
      expectHonest(bench, next, 1);
      await sink.close();
      proxy.heal();
      const received = new Set((await bench.subject.read(place)).map(({ dedupId }) => dedupId));
      for (const index of delivered) expect(received).toContain(batch[index]?.message.dedupKey);
      await bench.worksAgain(place, batch, { endpoint });
    }
  });

  it("reports nothing delivered that is not there when the server is killed in a batch, and works when it is back", async () => {
    const bench = run();
    const place = await bench.place();
    bench.network.keepPlaces?.();
    const sink = await bench.open(place);
    const size = Math.min(100, bench.definition.limits.batchMessages);
    const delivered = new Set<string>();
    const sending = (async () => {
      for (let first = 0; first < 200_000; first += size) {
        const batch = bench.batch(place, first, first + size - 1);
        const end = await settled(bench.send(sink, batch));
        for (const index of expectHonest(bench, end, size)) delivered.add(batch[index]?.message.dedupKey ?? "");
        if (end.status === "rejected" || end.value.some(({ outcome }) => outcome !== "delivered")) return;
      }
    })();
    sending.catch(() => {});
    await expectEventually(() => delivered.size >= size, "some must be delivered before the kill");
    await bench.network.kill();
    await sending;
    const refused = await bench.failures.failure(() => bench.open(place));
    expect(TRANSIENT).toContain(refused.class);
    await sink.close();
    await bench.network.restart();
    if (!bench.network.forgetsWhenKilled) {
      const received = new Set((await bench.subject.read(place)).map(({ dedupId }) => dedupId));
      expect([...delivered].filter((key) => !received.has(key))).toEqual([]);
    }
    await bench.worksAgain(place, [bench.one(place, 900_000)]);
  });

  it("ends a call within its time when the server hangs, at once when it is told to, and works when the server goes on", async () => {
    const bench = run();
    const { network } = bench;
    const place = await bench.place();
    const [patient, told] = [await bench.open(place), await bench.open(place)];
    const abort = new AbortController();
    network.pause();
    try {
      const ended: string[] = [];
      // The one that is left alone began first: if being told meant nothing, its own time would be up first.
      const waiting = settled(bench.send(patient, [bench.one(place, 1)])).finally(() => ended.push("left alone"));
      const aborted = settled(bench.send(told, [bench.one(place, 2)], abort.signal)).finally(() => ended.push("told"));
      setTimeout(() => abort.abort(), 100);
      expectHonest(bench, await aborted, 1);
      expect(expectHonest(bench, await waiting, 1).size).toBe(0);
      expect(ended).toEqual(["told", "left alone"]);
      // The server still hangs.
      await patient.close();
      await told.close();
    } finally {
      network.resume();
    }
    await bench.worksAgain(place, [bench.one(place, 3)]);
  });

  it("does not open against a server that is silent or talks nonsense: within its time, at once when it is told to", async () => {
    const bench = run();
    await using silent = await startSilentServer();
    await using garbage = await startGarbageServer();
    const at = ({ host, port }: { host: string; port: number }) => ({ ...bench.network.endpoint, host, port });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 150);
    const ended: string[] = [];
    // The one that is left alone began first, as above.
    const [waited, told, nonsense] = await Promise.all([
      bench.failures
        .failure(() => bench.open(newPlace(), { endpoint: at(silent) }))
        .finally(() => ended.push("left alone")),
      settled(bench.open(newPlace(), { endpoint: at(silent), context: { signal: abort.signal } })).finally(() =>
        ended.push("told"),
      ),
      bench.failures.failure(() => bench.open(newPlace(), { endpoint: at(garbage) })),
    ]);
    expect(told.status).toBe("rejected");
    expect(ended).toEqual(["told", "left alone"]);
    expect(TRANSIENT).toContain(waited.class);
    expect(nonsense.message.length).toBeLessThan(1_000);
    expect(nonsense.message).not.toContain("\u001b");
    await expectEventually(() => silent.open() + garbage.open() === 0, "no connection may be left");
  });

  it("leaves no connection behind", async (context) => {
    const bench = run();
    if (bench.network.unproxied) return context.skip(bench.network.unproxied);
    const { proxy, endpoint } = await proxied(bench);
    await using _proxy = proxy;
    const place = await bench.place();
    const sink = await bench.open(place, { endpoint });
    await bench.send(sink, [bench.one(place, 1)]);
    expect(proxy.open()).toBeGreaterThan(0);
    await sink.close();
    const wrong = { ...endpoint, password: WRONG_PASSWORD };
    await bench.failures.failure(() => bench.open(place, { endpoint: wrong }));
    await expectEventually(() => proxy.open() === 0, "no connection may be left");
  });
}

function describeEnding(run: () => SinkBench): void {
  it("twice", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    await bench.send(sink, [bench.one(place, 1)]);
    await sink.close();
    await sink.close();
  });

  it("with a failure, not a lie, when it is used after that", async () => {
    const bench = run();
    const place = await bench.place();
    const sink = await bench.open(place);
    await sink.close();
    const end = await settled(bench.send(sink, [bench.one(place, 1)]));
    expect(expectHonest(bench, end, 1).size).toBe(0);
    expect(await bench.subject.read(place)).toEqual([]);
  });
}
