/** NATS beyond what every connector promises: ways to prove who one is, what a stream refuses, who else is dialled. */
import { DiscardPolicy, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { addressPolicy } from "../../../src/net/address-guard.ts";
import type { ConnectorContext } from "../../../src/relay/connector.ts";
import type { ConnectorFailure } from "../../../src/relay/failures.ts";
import type { Delivery } from "../../../src/relay/message.ts";
import sink from "../../../src/relay/sinks/nats.ts";
import source from "../../../src/relay/sources/nats.ts";
import type { Incoming } from "../../../src/relay/sources/source.ts";
import { connectorContext, deliveries, delivery, readConfig } from "../../conformance/relay/connector.ts";
import { startSilentServer } from "../../conformance/relay/network.ts";
import { expectEventually, newPlace, settled } from "../../conformance/relay/subject.ts";
import { NATS, type NatsBroker, startNats, startNatsImpostor } from "../../support/brokers/nats.ts";
import { makeAccounts } from "../../support/brokers/nats-accounts.ts";
import { createAuthority, issue } from "../../support/certificates.ts";
import { needs } from "../../support/needs.ts";

type Settings = Record<string, unknown>;

const openSink = async (settings: Settings, context: Partial<ConnectorContext> = {}) =>
  await sink.open(readConfig(sink, settings), connectorContext(context));

/** Opens, sends, closes. */
async function send(settings: Settings, batch: readonly Delivery[], context: Partial<ConnectorContext> = {}) {
  const opened = await openSink({ subject_template: "{outbox}", ...settings }, context);
  try {
    return await opened.send(batch, new AbortController().signal);
  } finally {
    await opened.close();
  }
}

async function failureOf(attempt: Promise<unknown>): Promise<ConnectorFailure> {
  const end = await settled(attempt);
  if (end.status === "fulfilled") throw new Error("it must fail");
  expect(end.reason).toMatchObject({ name: "ConnectorFailure" });
  return end.reason;
}

/** Lets a test's own client in, over TLS or without. */
async function administer(broker: NatsBroker, authenticator: Authenticator, tls: object | null) {
  const nc = await connect({ servers: `127.0.0.1:${broker.port}`, authenticator, tls });
  return { nc, manager: await jetstreamManager(nc), close: () => nc.close() };
}

async function makeStream(
  broker: NatsBroker,
  authenticator: Authenticator,
  more: Partial<StreamConfig> = {},
  tls = {},
) {
  const { manager, close } = await administer(broker, authenticator, { ca: broker.ca, ...tls });
  const name = newPlace();
  await manager.streams.add({ name, subjects: [`${name}.>`], ...more });
  await close();
  return name;
}

const isAlive = (answer: Promise<unknown>) =>
  answer.then(
    () => true,
    () => false,
  );

/** The server says why and closes at once; where its reset overtakes the reason, all we hear is that it is gone. */
const REFUSED_CERTIFICATE = /^(authentication|unavailable)$/;
const DELIVERED = { outcome: "delivered" };

beforeEach(needs(NATS.isThere, NATS.reason));

describe("NATS is told who we are by", () => {
  it("a token, in the configuration or in the URL", async () => {
    const authorization = (password: string) => `authorization { token: ${JSON.stringify(password)} }`;
    await using broker = await startNats({ authorization });
    const stream = await makeStream(broker, tokenAuthenticator(broker.password));
    const batch = [delivery(1, { subject: `${stream}.a` })];
    const tls = { tls_ca_file: broker.ca };
    const { port, password } = broker;
    expect(await send({ ...tls, url: `tls://127.0.0.1:${port}`, token: password }, batch)).toEqual([DELIVERED]);
    const url = `tls://${encodeURIComponent(password)}@127.0.0.1:${port}`;
    expect(await send({ ...tls, url }, batch)).toEqual([DELIVERED]);
    const failure = await failureOf(send({ ...tls, url: `tls://127.0.0.1:${port}`, token: "another-token" }, batch));
    expect(failure.class).toBe("authentication");
    expect(failure.message).not.toContain("another-token");
  });

  it("the seed of an nkey", async () => {
    const user = nkeys.createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    const authorization = () => `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`;
    await using broker = await startNats({ authorization });
    const stream = await makeStream(broker, nkeyAuthenticator(user.getSeed()));
    const settings = { url: `tls://127.0.0.1:${broker.port}`, tls_ca_file: broker.ca };
    const batch = [delivery(1, { subject: `${stream}.a` })];
    expect(await send({ ...settings, nkey: `${seed}\n` }, batch)).toEqual([DELIVERED]);
    const other = new TextDecoder().decode(nkeys.createUser().getSeed());
    expect((await failureOf(send({ ...settings, nkey: other }, batch))).class).toBe("authentication");
    const broken = await failureOf(send({ ...settings, nkey: "SUNOSEEDATALL" }, batch));
    expect(broken).toMatchObject({ class: "invalid_config", message: '"nkey" holds no valid seed' });
  });

  it("a credentials file", async () => {
    const accounts = makeAccounts();
    await using broker = await startNats({ authorization: () => accounts.settings });
    const stream = await makeStream(broker, credsAuthenticator(new TextEncoder().encode(accounts.credentials)));
    const settings = { url: `tls://127.0.0.1:${broker.port}`, tls_ca_file: broker.ca };
    const batch = [delivery(1, { subject: `${stream}.a` })];
    expect(await send({ ...settings, credentials_file: accounts.credentials }, batch)).toEqual([DELIVERED]);
    const strangers = makeAccounts();
    const failure = await failureOf(send({ ...settings, credentials_file: strangers.credentials }, batch));
    expect(failure.class).toBe("authentication");
    expect(failure.message).not.toContain(strangers.seed);
  });

  it("[R-03] never a file that the configuration names by a path", async () => {
    const settings = { url: "tls://127.0.0.1:1" };
    for (const field of ["credentials_file", "tls_ca_file"]) {
      const failure = await failureOf(send({ ...settings, [field]: "/etc/passwd" }, []));
      expect(failure).toMatchObject({ class: "invalid_config" });
      expect(failure.message).toContain(field);
    }
  });

  it("a client certificate, where the server asks for one", async () => {
    await using broker = await startNats({ tls: "verify: true" });
    const client = await issue({ commonName: "relay", usage: "client" }, broker.authority);
    const stranger = await issue({ commonName: "relay", usage: "client" }, await createAuthority("stranger"));
    const authenticator = usernamePasswordAuthenticator(broker.user, broker.password);
    const stream = await makeStream(broker, authenticator, {}, { cert: client.certificate, key: client.key });
    const settings = {
      url: `tls://127.0.0.1:${broker.port}`,
      username: broker.user,
      password: broker.password,
      tls_ca_file: broker.ca,
    };
    const batch = [delivery(1, { subject: `${stream}.a` })];
    const shown = { tls_client_cert: client.certificate, tls_client_key: client.key };
    expect(await send({ ...settings, ...shown }, batch)).toEqual([DELIVERED]);
    expect((await failureOf(send(settings, batch))).class).toMatch(REFUSED_CERTIFICATE);
    const wrong = { tls_client_cert: stranger.certificate, tls_client_key: stranger.key };
    expect((await failureOf(send({ ...settings, ...wrong }, batch))).class).toMatch(REFUSED_CERTIFICATE);
  });

  it("one way only, each with all its parts", async () => {
    const cases: Settings[] = [
      { token: "a-token", username: "u", password: "a-password" },
      { username: "u" },
      { password: "a-password" },
      { tls_client_cert: "-----BEGIN CERTIFICATE-----" },
    ];
    for (const settings of cases) {
      expect((await failureOf(send({ url: "tls://127.0.0.1:1", ...settings }, []))).class).toBe("invalid_config");
    }
  });
});

describe("[R-19] NATS without TLS", () => {
  it("needs both the pipeline's and the process's word", async () => {
    await using broker = await startNats({ isPlain: true });
    const settings = { url: `nats://127.0.0.1:${broker.port}`, username: broker.user, password: broker.password };
    const authenticator = usernamePasswordAuthenticator(broker.user, broker.password);
    const { manager, close } = await administer(broker, authenticator, null);
    await manager.streams.add({ name: "S", subjects: ["S.>"] });
    await close();
    const batch = [delivery(1, { subject: "S.a" })];
    const refused = [
      [{ ...settings }, { allowInsecure: true }],
      [{ ...settings, allow_insecure: true }, { allowInsecure: false }],
      [{ ...settings, url: `127.0.0.1:${broker.port}` }, { allowInsecure: true }],
    ] as const;
    for (const [given, context] of refused) {
      expect((await failureOf(send(given, batch, context))).class).toBe("invalid_config");
    }
    const permitted = { ...settings, allow_insecure: true };
    expect(await send(permitted, batch, { allowInsecure: true })).toEqual([DELIVERED]);
  });

  it("gets no credentials from a pipeline that asks for TLS", async () => {
    await using broker = await startNats({ isPlain: true });
    const settings = { url: `tls://127.0.0.1:${broker.port}`, username: broker.user, password: broker.password };
    const failure = await failureOf(send(settings, []));
    expect(failure).toMatchObject({ class: "tls_verification" });
    expect(failure.message).toContain("offers no TLS");
  });
});

describe("[R-01] NATS servers", () => {
  it("that the cluster advertises are never dialled, also when the configured one is gone", async () => {
    await using trap = await startSilentServer();
    await using broker = await startNats({ settings: `client_advertise: "127.0.0.1:${trap.port}"` });
    const stream = await makeStream(broker, usernamePasswordAuthenticator(broker.user, broker.password));
    const opened = await openSink({
      url: `tls://127.0.0.1:${broker.port}`,
      username: broker.user,
      password: broker.password,
      tls_ca_file: broker.ca,
      subject_template: "{outbox}",
      publish_timeout_ms: 500,
    });
    const one = [delivery(1, { subject: `${stream}.a` })];
    expect(await opened.send(one, new AbortController().signal)).toEqual([DELIVERED]);
    await broker.kill();
    expect((await settled(opened.send(one, new AbortController().signal))).status === "fulfilled").toBe(false);
    await opened.close();
    expect(trap.accepted()).toBe(0);
  });

  it("are dialled by what their name resolves to when it is dialled", async () => {
    await using broker = await startNats();
    const answers = ["127.0.0.1", "10.0.0.1"];
    const resolveName = async () => [{ address: answers.shift() ?? "10.0.0.1", family: 4 }];
    const addresses = addressPolicy({ rules: { allow: ["127.0.0.1/32"] }, wish: undefined, resolveName });
    const settings = {
      url: `tls://localhost:${broker.port}`,
      username: broker.user,
      password: broker.password,
      tls_ca_file: broker.ca,
    };
    expect(await send(settings, [], { addresses })).toEqual([]);
    expect((await failureOf(send(settings, [], { addresses }))).class).toBe("ssrf_rejected");
  });

  it("are tried in the order of the URL until one answers", async () => {
    await using broker = await startNats();
    const settings = { username: broker.user, password: broker.password, tls_ca_file: broker.ca };
    const url = `tls://127.0.0.1:1, tls://127.0.0.1:${broker.port}`;
    expect(await send({ ...settings, url }, [])).toEqual([]);
  });

  it("leave connections of others in the process as they were: those come back by themselves", async () => {
    await using broker = await startNats();
    const { port, user, password, ca } = broker;
    const servers = `127.0.0.1:${port}`;
    const others = await connect({ servers, user, pass: password, tls: { ca }, reconnectTimeWait: 50 });
    const settings = { url: `tls://127.0.0.1:${port}`, username: user, password, tls_ca_file: ca };
    expect(await send(settings, [])).toEqual([]);
    await broker.kill();
    await failureOf(send(settings, []));
    await broker.restart();
    await expectEventually(() => isAlive(others.flush()), "it must be connected again");
    await others.close();
  });

  it("that greet at length or in another way are left", async () => {
    const certificate = await issue({ commonName: "localhost", names: ["127.0.0.1"] });
    await using chatty = await startNatsImpostor(certificate, { connect_urls: ["x".repeat(100_000)] });
    const failure = await failureOf(send({ url: `tls://127.0.0.1:${chatty.port}` }, []));
    expect(failure.message).toContain("does not greet as NATS does");
  });
});

describe("a NATS stream", () => {
  let broker: NatsBroker;
  let settings: Settings;
  const authenticator = () => usernamePasswordAuthenticator(broker.user, broker.password);
  const stream = (more: Partial<StreamConfig> = {}) => makeStream(broker, authenticator(), more);

  async function stateOf(name: string) {
    const { manager, close } = await administer(broker, authenticator(), { ca: broker.ca });
    const { state } = await manager.streams.info(name);
    await close();
    return state;
  }

  beforeAll(async () => {
    if (!NATS.isThere) return;
    const authorization = (password: string) => `authorization { users: [
      { user: relay, password: ${JSON.stringify(password)} }
      { user: narrow, password: narrow-password, permissions: { publish: { allow: ["*.allowed", "_INBOX.>"] } } }
    ] }`;
    broker = await startNats({ authorization });
    settings = {
      url: `tls://127.0.0.1:${broker.port}`,
      username: broker.user,
      password: broker.password,
      tls_ca_file: broker.ca,
    };
  });
  afterAll(() => broker?.stop());

  it("keeps one copy of what is sent twice", async () => {
    const name = await stream();
    const batch = deliveries(1, 50, { subject: `${name}.a` });
    await send(settings, batch);
    expect(await send(settings, batch)).toEqual(batch.map(() => DELIVERED));
    expect((await stateOf(name)).messages).toBe(50);
  });

  it("[R-08] is not steered by headers of an event", async () => {
    const name = await stream({ allow_rollup_hdrs: true });
    const forged = {
      "nats-rollup": "all",
      "Nats-Msg-Id": "forged",
      "NATS-Expected-Last-Sequence": "99",
      "x-kept": "yes",
    };
    const batch = [
      ...deliveries(1, 3, { subject: `${name}.a` }),
      delivery(4, { subject: `${name}.a`, headers: forged }),
      delivery(5, { subject: `${name}.a`, headers: forged }),
    ];
    expect(await send(settings, batch)).toEqual(batch.map(() => DELIVERED));
    expect((await stateOf(name)).messages).toBe(5);
  });

  it("[R-08] is the only taker: subjects of the system and of others' answers are refused", async () => {
    const name = await stream();
    const hostile = [
      "$JS.API.STREAM.DELETE.x",
      `$JS.API.STREAM.PURGE.${name}`,
      "_INBOX.abc.1",
      "_R_.x",
      `${name}..a`,
      `${name}.`,
    ];
    const dispositions = await send(
      settings,
      hostile.map((subject, id) => delivery(id, { subject })),
    );
    for (const disposition of dispositions) {
      expect(disposition).toMatchObject({ outcome: "reject", class: "invalid_destination", scope: "message" });
    }
  });

  it("that is not there makes a dead letter of that message, or stops a pipeline whose messages all go there", async () => {
    const name = await stream();
    const [known, unknown, after] = await send(settings, [
      delivery(1, { subject: `${name}.a` }),
      delivery(2, { subject: `${newPlace()}.a` }),
      delivery(3, { subject: `${name}.a` }),
    ]);
    expect([known, after]).toEqual([DELIVERED, DELIVERED]);
    expect(unknown).toMatchObject({ outcome: "reject", class: "invalid_destination", scope: "message" });
    const fixed = { ...settings, subject: `${newPlace()}.a` };
    expect((await failureOf(openSink(fixed))).class).toBe("invalid_destination");
  });

  it("may be closed to the user for some subjects: those are refused, the others go through", async () => {
    const name = await stream();
    const narrow = { ...settings, username: "narrow", password: "narrow-password" };
    const allowed = delivery(1, { subject: `${name}.allowed` });
    const denied = delivery(2, { subject: `${name}.denied` });
    const [first, second, third] = await send(narrow, [allowed, denied, delivery(3, { subject: `${name}.allowed` })]);
    expect([first, third]).toEqual([DELIVERED, DELIVERED]);
    expect(second).toMatchObject({ outcome: "reject", class: "authorization", scope: "message" });
    const fixed = { ...narrow, subject: `${name}.denied`, subject_template: undefined };
    const [alone] = await send(fixed, [delivery(4, { subject: `${name}.denied` })]);
    expect(alone).toMatchObject({ outcome: "reject", class: "authorization", scope: "sink" });
  });

  it("that is full asks for patience, and nothing counts against the message", async () => {
    const name = await stream({ max_msgs: 2, discard: DiscardPolicy.New });
    const [, , third] = await send(settings, deliveries(1, 3, { subject: `${name}.a` }));
    expect(third).toMatchObject({ outcome: "retry", class: "throttled", scope: "sink" });
  });

  it("that takes small messages refuses a large one alone", async () => {
    const name = await stream({ max_msg_size: 1_000 });
    const body = "x".repeat(2_000);
    const batch = [delivery(1, { subject: `${name}.a` }), delivery(2, { subject: `${name}.a`, body })];
    expect(await send(settings, batch)).toMatchObject([
      DELIVERED,
      { outcome: "reject", class: "message_too_large", scope: "message" },
    ]);
  });

  it("of another name than the configured one takes nothing", async () => {
    const name = await stream();
    const batch = [delivery(1, { subject: `${name}.a` })];
    const [disposition] = await send({ ...settings, stream: "another" }, batch);
    expect(disposition).toMatchObject({ outcome: "reject", class: "invalid_destination" });
    expect(await send({ ...settings, stream: name }, batch)).toEqual([DELIVERED]);
  });

  it("gets no more at once than max_in_flight, and all of it in order", async () => {
    const name = await stream();
    const batch = deliveries(1, 300, { subject: `${name}.a` });
    expect(await send({ ...settings, max_in_flight: 1 }, batch)).toEqual(batch.map(() => DELIVERED));
    expect((await stateOf(name)).messages).toBe(300);
  });

  it("says that JetStream is away where it is not enabled", async () => {
    await using bare = await startNats({ isWithoutJetstream: true });
    const failure = await failureOf(
      openSink({
        url: `tls://127.0.0.1:${bare.port}`,
        username: bare.user,
        password: bare.password,
        tls_ca_file: bare.ca,
        subject: "a.b",
      }),
    );
    expect(failure).toMatchObject({ class: "unavailable" });
  });

  describe("as a source", () => {
    interface Reading {
      events: Incoming[];
      stop(): Promise<void>;
    }

    /** Reads `name` until stopped; `deliver` may fail or take its time. */
    async function read(
      name: string,
      more: Settings = {},
      before: (batch: readonly Incoming[]) => Promise<void> = async () => {},
    ): Promise<Reading> {
      const abort = new AbortController();
      const config = readConfig(source, { ...settings, stream: name, ...more });
      const opened = await source.open(config, connectorContext({ signal: abort.signal }));
      const events: Incoming[] = [];
      const running = opened.run(async (batch) => {
        await before(batch);
        events.push(...batch);
        return batch.map(({ eventId = "" }) => ({ outcome: "stored" as const, eventId }));
      });
      running.catch(() => {});
      return {
        events,
        async stop() {
          abort.abort();
          await running;
          await opened.close();
        },
      };
    }

    const numbers = (events: readonly Incoming[]) => events.map(({ body }) => JSON.parse(body.toString("utf8")).number);
    const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

    it("keeps its order while the inbox fails", async () => {
      const name = await stream();
      await send(settings, deliveries(1, 40, { subject: `${name}.a` }));
      let left = 2;
      const reading = await read(name, { batch_size: 10 }, async () => {
        if (left-- > 0) throw new Error("the database is away");
      });
      await expectEventually(() => reading.events.length >= 40, "all must be stored");
      expect(numbers(reading.events)).toEqual(upTo(40));
      await reading.stop();
    });

    it("is not given again what an inbox takes long to store", async () => {
      const name = await stream();
      await send(settings, deliveries(1, 20, { subject: `${name}.a` }));
      const reading = await read(
        name,
        { ack_wait_secs: 1, batch_size: 10 },
        () => new Promise((resolve) => setTimeout(resolve, 1_600)),
      );
      await expectEventually(() => reading.events.length >= 20, "all must be stored");
      await reading.stop();
      expect(numbers(reading.events)).toEqual(upTo(20));
    });

    it("shares the stream with readers of the same group and pipeline, each event once", async () => {
      const name = await stream();
      const [one, two] = [await read(name, { batch_size: 5 }), await read(name, { batch_size: 5 })];
      await send(settings, deliveries(1, 200, { subject: `${name}.a` }));
      await expectEventually(() => one.events.length + two.events.length >= 200, "all must be stored");
      expect([...numbers(one.events), ...numbers(two.events)].sort((a, b) => a - b)).toEqual(upTo(200));
      await one.stop();
      await two.stop();
    });

    it("reads the subjects it is told to, from now on when it is told so, with ids made of stream and sequence", async () => {
      const name = await stream();
      await send(settings, [delivery(1, { subject: `${name}.a` })]);
      const reading = await read(name, { subject: `${name}.a`, deliver_policy: "new", event_id: "sequence" });
      await send(settings, [delivery(2, { subject: `${name}.b` }), delivery(3, { subject: `${name}.a` })]);
      await expectEventually(() => reading.events.length >= 1, "one must be stored");
      expect(reading.events.map(({ eventId, subject }) => [eventId, subject])).toEqual([[`${name}:3`, `${name}.a`]]);
      await reading.stop();
    });

    it("finds the stream by the subject when none is named, and says when there is none or more than one", async () => {
      const name = await stream();
      await send(settings, [delivery(1, { subject: `${name}.a` }), delivery(2, { subject: `${name}.b` })]);
      const reading = await read(name, { stream: undefined, subject: `${name}.a` });
      await expectEventually(() => reading.events.length >= 1, "one must be stored");
      expect(reading.events.map(({ eventId, subject }) => [eventId, subject])).toEqual([
        ["outbox_orders:1:0", `${name}.a`],
      ]);
      await reading.stop();
      await stream();
      const open = (subject: string) => source.open(readConfig(source, { ...settings, subject }), connectorContext());
      expect((await failureOf(open(newPlace()))).class).toBe("invalid_destination");
      expect(await failureOf(open(">"))).toMatchObject({
        class: "invalid_config",
        message: expect.stringContaining('"stream"'),
      });
      expect(source.config(z).safeParse(settings).success).toBe(false);
    });

    it("does not open where there is no such stream, or the consumer is of another kind", async () => {
      const open = (more: Settings) => source.open(readConfig(source, { ...settings, ...more }), connectorContext());
      expect((await failureOf(open({ stream: newPlace() }))).class).toBe("invalid_destination");
      const name = await stream();
      const { manager, close } = await administer(broker, authenticator(), { ca: broker.ca });
      await manager.consumers.add(name, { durable_name: "pushed", deliver_subject: "x.y", ack_policy: "none" });
      await close();
      expect((await failureOf(open({ stream: name, durable_name: "pushed" }))).class).toBe("invalid_config");
    });

    it("ends with a failure when its consumer is deleted", async () => {
      const name = await stream();
      const config = readConfig(source, { ...settings, stream: name, durable_name: "gone" });
      const opened = await source.open(config, connectorContext());
      const running = settled(opened.run(async () => []));
      const { manager, close } = await administer(broker, authenticator(), { ca: broker.ca });
      await manager.consumers.delete(name, "gone");
      await close();
      expect(await running).toMatchObject({
        status: "rejected",
        reason: { name: "ConnectorFailure", class: "unavailable" },
      });
      await opened.close();
    });
  });
});
