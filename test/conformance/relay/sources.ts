/**
 * What every source promises, run by each of them against its real server.
 *
 *   describeSource({ definition: redis, start: async () => ({ server, config, write, ... }) });
 *
 * The cases of the network run for sources that give `network`; a listener (webhook) and standard input give none and have
 * cases of their own besides.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectorContext, ConnectorDefinition } from "../../../src/relay/connector.ts";
import type { ConnectorFailure } from "../../../src/relay/failures.ts";
import type {
  Deliver,
  Incoming,
  IncomingOutcome,
  Source,
  SourceDefinition,
} from "../../../src/relay/sources/source.ts";
import { needs } from "../../support/needs.ts";
import { connectorContext, REFUSE_ALL, readConfig } from "./connector.ts";
import { startGarbageServer, startProxy, startSilentServer } from "./network.ts";
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

/** An event as somebody else's program sends it. */
export interface Written {
  body: Buffer | string;
  /** The sender's id. */
  id: string;
  headers?: Readonly<Record<string, string>>;
}

export interface SourceSubject extends TestSubject {
  /** The `source` of a pipeline that reads from `place`. */
  config(place: string, endpoint?: Endpoint): Configuration;
  /** Puts events there, in order, with a client of the test's own; done when the server has them. */
  write(place: string, events: readonly Written[]): Promise<void>;
  /** Events at `place` that are not acknowledged; -1 when the server does not tell. */
  pending?(place: string): Promise<number>;
}

export interface SourceSuite {
  // biome-ignore lint/suspicious/noExplicitAny: a suite runs sources of every configuration.
  definition: SourceDefinition<any>;
  start(): Promise<SourceSubject>;
  available?: { isThere: boolean; reason: string };
  /** Events carry no headers: why. */
  withoutHeaders?: string;
  /** Events that are not JSON are refused: why. */
  onlyJson?: string;
  /** There is no network in between, or the connector's own test has it: its cases are left out. */
  isLocal?: boolean;
  /** Further cases of this source, with the same server. */
  extra?(run: () => SourceBench): void;
}

/** An inbox in memory: stores, knows duplicates, and refuses when told to. */
export class TestInbox {
  readonly stored: Incoming[] = [];
  readonly ids: string[] = [];
  /** Every batch that was handed over, refused ones too. */
  readonly batches: (readonly Incoming[])[] = [];
  /** Set: every batch is refused with this. */
  refusal: Error | undefined;
  /** Set: batches wait for this before they are stored. */
  gate: Promise<unknown> | undefined;
  /** Events whose body holds this cannot be decoded. */
  undecodable: string | undefined;
  /** Most batches in hand at the same time. */
  concurrency = 0;
  #inHand = 0;

  readonly deliver: Deliver = async (batch) => {
    this.batches.push(batch);
    this.#inHand += 1;
    this.concurrency = Math.max(this.concurrency, this.#inHand);
    try {
      await this.gate;
      if (this.refusal) throw this.refusal;
      return batch.map((event) => this.#store(event));
    } finally {
      this.#inHand -= 1;
    }
  };

  get bodies(): string[] {
    return this.stored.map(({ body }) => body.toString("utf8"));
  }

  #store(event: Incoming): IncomingOutcome {
    if (this.undecodable !== undefined && event.body.includes(this.undecodable)) {
      return { outcome: "rejected", reason: "not decodable" };
    }
    const eventId = event.eventId ?? event.body.toString("base64");
    const outcome = this.ids.includes(eventId) ? "duplicate" : "stored";
    this.ids.push(eventId);
    this.stored.push(event);
    return { outcome, eventId };
  }
}

export interface RunningSource {
  source: Source;
  inbox: TestInbox;
  /** How `run` ended. */
  end: Promise<PromiseSettledResult<void>>;
  /** Aborts, waits for the end, closes. */
  stop(): Promise<void>;
}

/** What a case works with. */
export class SourceBench {
  readonly definition: SourceSuite["definition"];
  readonly subject: SourceSubject;
  readonly failures = new FailureLog();
  readonly #running = new Set<RunningSource>();

  constructor(suite: SourceSuite, subject: SourceSubject) {
    this.definition = suite.definition;
    this.subject = subject;
  }

  get network() {
    const { network } = this.subject;
    if (!network) throw new Error("this source has no network");
    return network;
  }

  async place(): Promise<string> {
    const place = newPlace();
    await this.subject.prepare?.(place);
    return place;
  }

  async open(
    place: string,
    options: { endpoint?: Endpoint; context?: Partial<ConnectorContext> } = {},
  ): Promise<Source> {
    const endpoint = options.endpoint ?? this.subject.network?.endpoint;
    const definition: ConnectorDefinition = this.definition;
    const config = readConfig(definition, this.subject.config(place, endpoint));
    return this.definition.open(config, connectorContext(options.context));
  }

  /** Opens and runs into `inbox` until stopped. */
  async run(place: string, inbox = new TestInbox(), endpoint?: Endpoint): Promise<RunningSource> {
    const abort = new AbortController();
    const source = await this.open(place, { context: { signal: abort.signal }, ...(endpoint ? { endpoint } : {}) });
    const end = settled(source.run(inbox.deliver));
    const running: RunningSource = {
      source,
      inbox,
      end,
      stop: async () => {
        abort.abort();
        await end;
        await source.close();
        this.#running.delete(running);
      },
    };
    this.#running.add(running);
    return running;
  }

  /** Events `first` to `last`, each with a body and an id of its own. */
  events(first: number, last: number): Written[] {
    return Array.from({ length: last - first + 1 }, (_, index) => ({
      id: `event-${first + index}`,
      body: JSON.stringify({ number: first + index, text: CANARY }),
    }));
  }

  /** Waits until `inbox` holds `count` different events. */
  async stored(inbox: TestInbox, count: number): Promise<void> {
    await expectEventually(() => new Set(inbox.bodies).size >= count, `${count} events must be stored`);
  }

  async stopAll(): Promise<void> {
    for (const running of this.#running) await running.stop();
  }
}

export function describeSource(suite: SourceSuite): void {
  const { definition, available = { isThere: true, reason: "" } } = suite;
  describe(`source ${definition.type}`, () => {
    let bench: SourceBench;
    beforeAll(async () => {
      if (!available.isThere) return;
      bench = new SourceBench(suite, await suite.start());
      expect(bench.subject.network === undefined, "isLocal says whether there is a network").toBe(
        suite.isLocal === true,
      );
    });
    afterEach(() => bench?.stopAll());
    afterAll(() => bench?.subject.stop());
    const tell = tellsServer(`source ${definition.type}`, () => bench?.subject.server, available.reason);
    beforeEach((context) => {
      tell(context);
      needs(available.isThere, available.reason)(context);
    });
    const run = () => bench;

    describe("hands over", () => describeHandover(run, suite));
    describe("acknowledges", () => describeAcknowledgement(run));
    if (suite.isLocal !== true) {
      describe("over the network", () => {
        describeTrust(run);
        describeFailures(run);
      });
    }
    suite.extra?.(run);

    it("[R-06] says no password in any failure of the cases above", () => {
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
const CANARY = "body-canary-8e2d";

function describeHandover(run: () => SourceBench, suite: SourceSuite): void {
  it("every event with its body byte for byte, the sender's id and where it came from, in order", async () => {
    const bench = run();
    const place = await bench.place();
    const bodies = [
      JSON.stringify({ text: "żółć 漢字 🙂" }),
      String.raw`{"nul":"\u0000"}`,
      JSON.stringify({ large: "x".repeat(300_000) }),
      suite.onlyJson === undefined ? "not json at all" : '"a text"',
      ...Array.from({ length: 100 }, (_, number) => JSON.stringify({ number })),
    ];
    await bench.subject.write(
      place,
      bodies.map((body, index) => ({ id: `id-${index}`, body })),
    );
    const { inbox, stop } = await bench.run(place);
    await bench.stored(inbox, bodies.length);
    expect(inbox.bodies.map((body) => bodies.indexOf(body))).toEqual(bodies.map((_, index) => index));
    expect(inbox.stored.map(({ eventId }) => eventId)).toEqual(bodies.map((_, index) => `id-${index}`));
    for (const { subject } of inbox.stored) expect(subject).toContain(place);
    await stop();
  });

  it("bytes that are no text as they are", async (context) => {
    if (suite.onlyJson) return context.skip(suite.onlyJson);
    const bench = run();
    const place = await bench.place();
    const body = Buffer.from([0, 255, 254, 10, 13, 0, 128, 200]);
    await bench.subject.write(place, [{ id: "binary", body }]);
    const { inbox, stop } = await bench.run(place);
    await bench.stored(inbox, 1);
    expect(inbox.stored[0]?.body.equals(body)).toBe(true);
    await stop();
  });

  it("headers, names in lower case", async (context) => {
    if (suite.withoutHeaders) return context.skip(suite.withoutHeaders);
    const bench = run();
    const place = await bench.place();
    await bench.subject.write(place, [{ id: "one", body: "{}", headers: { "X-Kind": "order", plain: "żółć" } }]);
    const { inbox, stop } = await bench.run(place);
    await bench.stored(inbox, 1);
    expect(inbox.stored[0]?.headers).toMatchObject({ "x-kind": "order", plain: "żółć" });
    await stop();
  });

  it("events that arrive while it waits", async () => {
    const bench = run();
    const place = await bench.place();
    const { inbox, stop } = await bench.run(place);
    await bench.subject.write(place, bench.events(1, 3));
    await bench.stored(inbox, 3);
    await bench.subject.write(place, bench.events(4, 4));
    await bench.stored(inbox, 4);
    await stop();
  });

  it("keys of its configuration that it does not know, by name, to nobody", () => {
    const bench = run();
    const config = { ...bench.subject.config(newPlace(), bench.subject.network?.endpoint), no_such_key: 1 };
    expect(() => readConfig(bench.definition, config)).toThrow("no_such_key");
  });
}

function describeAcknowledgement(run: () => SourceBench): void {
  it("only what was stored: what it had handed over when it was stopped comes again, with the same id", async () => {
    const bench = run();
    const place = await bench.place();
    await bench.subject.write(place, bench.events(1, 5));
    const held = new TestInbox();
    let release = () => {};
    held.gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    held.refusal = new Error("the commit failed");
    const first = await bench.run(place, held);
    await expectEventually(() => held.batches.length > 0, "a batch must be handed over");
    const pending = await bench.subject.pending?.(place);
    if (pending !== undefined) expect(pending).toBeGreaterThan(0);
    const stopping = first.stop();
    release();
    await stopping;
    const { inbox, stop } = await bench.run(place);
    await bench.stored(inbox, 5);
    expect([...new Set(inbox.ids)].sort()).toEqual(bench.events(1, 5).map(({ id }) => id));
    await stop();
  });

  it("nothing of a batch that could not be stored, and hands it over again by itself or after it was opened again", async () => {
    const bench = run();
    const place = await bench.place();
    await bench.subject.write(place, bench.events(1, 4));
    const inbox = new TestInbox();
    inbox.refusal = new Error("the database is away");
    const first = await bench.run(place, inbox);
    await expectEventually(() => inbox.batches.length > 0, "a batch must be handed over");
    inbox.refusal = undefined;
    const isStored = () => new Set(inbox.ids).size === 4;
    const ended = first.end.then(() => true);
    const cameAgain = expectEventually(isStored, "it must come again").then(() => false);
    if (await Promise.race([ended, cameAgain.catch(() => false)])) {
      await first.stop();
      const second = await bench.run(place, inbox);
      await bench.stored(inbox, 4);
      await second.stop();
    }
    await first.stop();
    expect(isStored()).toBe(true);
  });

  it("what is stored, so that after a restart it goes on with what is new, and loses nothing", async () => {
    const bench = run();
    const place = await bench.place();
    await bench.subject.write(place, bench.events(1, 20));
    const first = await bench.run(place);
    await bench.stored(first.inbox, 20);
    if (bench.subject.pending) {
      await expectEventually(async () => (await bench.subject.pending?.(place)) === 0, "all must be acknowledged");
    }
    await first.stop();
    await bench.subject.write(place, bench.events(21, 30));
    const second = await bench.run(place);
    await bench.stored(second.inbox, 10);
    expect([...second.inbox.ids].sort()).toEqual(bench.events(21, 30).map(({ id }) => id));
    await second.stop();
  });

  it("what cannot be decoded and is kept as a dead letter, so that it does not come again", async () => {
    const bench = run();
    const place = await bench.place();
    const inbox = new TestInbox();
    inbox.undecodable = "poison";
    await bench.subject.write(place, [
      { id: "a", body: "{}" },
      { id: "b", body: '"poison"' },
      { id: "c", body: "[]" },
    ]);
    const first = await bench.run(place, inbox);
    await bench.stored(inbox, 2);
    await expectEventually(() => inbox.batches.flat().length >= 3, "all three must be handed over");
    if (bench.subject.pending) {
      await expectEventually(async () => (await bench.subject.pending?.(place)) === 0, "all must be acknowledged");
    }
    await first.stop();
    const second = await bench.run(place);
    await bench.subject.write(place, [{ id: "d", body: "{}" }]);
    await bench.stored(second.inbox, 1);
    expect(second.inbox.ids).toEqual(["d"]);
    await second.stop();
  });

  it("what is in hand when it is told to stop, and ends", async () => {
    const bench = run();
    const place = await bench.place();
    const { inbox, source, stop, end } = await bench.run(place);
    await bench.subject.write(place, bench.events(1, 1));
    await bench.stored(inbox, 1);
    await stop();
    expect(await end).toEqual({ status: "fulfilled", value: undefined });
    await source.close();
  });
}

function describeTrust(run: () => SourceBench): void {
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
    const endpoint = { ...bench.network.endpoint, port: server.port };
    for (const host of ["127.0.0.1", "localhost"]) {
      const attempt = () =>
        bench.open(newPlace(), { endpoint: { ...endpoint, host }, context: { addresses: REFUSE_ALL } });
      expect((await bench.failures.failure(attempt)).class).toBe("ssrf_rejected");
    }
    expect(server.accepted()).toBe(0);
  });
}

function expectTransientEnd(bench: SourceBench, end: PromiseSettledResult<void>): void {
  expect(end.status, "run must fail when the server is gone").toBe("rejected");
  if (end.status === "fulfilled") return;
  bench.failures.add(end.reason);
  const failure: ConnectorFailure = end.reason;
  expect(failure.name).toBe("ConnectorFailure");
  expect(TRANSIENT).toContain(failure.class);
}

function describeFailures(run: () => SourceBench): void {
  it("fails when the connection is cut, and goes on without a loss when it is opened again", async (context) => {
    const bench = run();
    if (bench.network.unproxied) return context.skip(bench.network.unproxied);
    const { endpoint } = bench.network;
    await using proxy = await startProxy(endpoint);
    const place = await bench.place();
    await bench.subject.write(place, bench.events(1, 10));
    const inbox = new TestInbox();
    const through = { ...endpoint, host: proxy.host, port: proxy.port };
    const first = await bench.run(place, inbox, through);
    await bench.stored(inbox, 10);
    await proxy.stop();
    expectTransientEnd(bench, await first.end);
    await first.stop();
    await bench.subject.write(place, bench.events(11, 20));
    const second = await bench.run(place, inbox);
    await bench.stored(inbox, 20);
    await second.stop();
  });

  it("fails when the server is killed, and goes on without a loss when it is back", async () => {
    const bench = run();
    const place = await bench.place();
    bench.network.keepPlaces?.();
    await bench.subject.write(place, bench.events(1, 10));
    const inbox = new TestInbox();
    const first = await bench.run(place, inbox);
    await bench.stored(inbox, 10);
    await bench.network.kill();
    expectTransientEnd(bench, await first.end);
    await first.stop();
    const refused = await bench.failures.failure(() => bench.open(place));
    expect(TRANSIENT).toContain(refused.class);
    await bench.network.restart();
    await bench.subject.write(place, bench.events(11, 20));
    const second = await bench.run(place, inbox);
    await bench.stored(inbox, 20);
    await second.stop();
  });

  it("stops when it is told to while the server hangs", async () => {
    const bench = run();
    const place = await bench.place();
    const { stop, inbox } = await bench.run(place);
    await bench.subject.write(place, bench.events(1, 1));
    await bench.stored(inbox, 1);
    bench.network.pause();
    try {
      await stop();
    } finally {
      bench.network.resume();
    }
  });

  it("does not open against a server that is silent or talks nonsense: within its time, at once when it is told to", async () => {
    const bench = run();
    await using silent = await startSilentServer();
    await using garbage = await startGarbageServer();
    const at = ({ host, port }: { host: string; port: number }) => ({ ...bench.network.endpoint, host, port });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 150);
    const ended: string[] = [];
    // The one that is left alone began first: if being told meant nothing, its own time would be up first.
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
    expect(nonsense.message).not.toContain("\u001b");
    await expectEventually(() => silent.open() + garbage.open() === 0, "no connection may be left");
  });

  it("leaves no connection behind", async (context) => {
    const bench = run();
    if (bench.network.unproxied) return context.skip(bench.network.unproxied);
    await using proxy = await startProxy(bench.network.endpoint);
    const place = await bench.place();
    const { stop } = await bench.run(place, new TestInbox(), {
      ...bench.network.endpoint,
      host: proxy.host,
      port: proxy.port,
    });
    expect(proxy.open()).toBeGreaterThan(0);
    await stop();
    await expectEventually(() => proxy.open() === 0, "no connection may be left");
  });
}
