/** Reverse pipelines on a real server: what a source hands over is in the inbox once, or a dead letter, or comes again. */
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { Session } from "../../../src/pg/session.ts";
import { Intake } from "../../../src/relay/engine/intake.ts";
import { incomingReader, letterReader } from "../../../src/relay/engine/read-incoming.ts";
import { reverseWorker } from "../../../src/relay/engine/reverse.ts";
import type { PipelineEvent, WorkerContext } from "../../../src/relay/engine/worker.ts";
import native from "../../../src/relay/formats/native.ts";
import { readPipeline } from "../../../src/relay/pipeline/read.ts";
import type { Incoming } from "../../../src/relay/sources/source.ts";
import { dueInboxLetters } from "../../../src/relay/store/inbox.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { freePort } from "../../support/free-port.ts";
import { installTide } from "../../support/tide.ts";

const KEY = { group: "g", tenant: "default", direction: "reverse", pipeline: "in" } as const;
const LEASE_MS = 60_000;

let cluster: TestCluster;
let database: string;
let admin: Session;

beforeAll(async () => {
  cluster = await startCluster();
  database = await cluster.createDatabase();
  admin = await connectTo(cluster, { database });
  await installTide(admin);
  await admin.query("select tide.inbox_create('mail')");
});
afterAll(async () => {
  await admin.close();
  await cluster.stop();
});
beforeEach(async () => {
  await admin.script('truncate tide."mail_inbox"; delete from tide.relay_dlq');
});

const decode = (body: Buffer, subject: string) => native.decode?.(body, { body: "relay" }, subject) ?? [];

/** A worker's context over a session of its own that owns the pipeline. */
async function owned(changes: { dlq?: boolean; input?: PassThrough; untilIdle?: boolean } = {}) {
  const session = await connectTo(cluster, { database });
  const [row] = await session.rows(
    "select epoch from tide.relay_lease_acquire('g', 'default', 'reverse', 'in', 't', 'l', $1, true)",
    [String(LEASE_MS)],
  );
  const events: PipelineEvent[] = [];
  const states: string[] = [];
  let tail: Promise<unknown> = Promise.resolve();
  const end = new AbortController();
  const stop = new AbortController();
  const config = {
    source_type: "stdin",
    source: {},
    sink_type: "inbox",
    sink: { inbox: "mail" },
    dlq: { enabled: changes.dlq ?? true },
  };
  const pipeline = await readPipeline({
    name: "in",
    direction: "reverse",
    enabled: true,
    config: JSON.stringify(config),
    tenant: "default",
    wireFormat: "native",
    owner: null,
  });
  const context: WorkerContext = {
    options: {
      group: "g",
      tenant: undefined,
      only: undefined,
      label: "test",
      maxOwnedPipelines: 1,
      maxConnections: 5,
      discoveryIntervalMs: 1_000,
      takeoverIntervalMs: 1_000,
      leaseMs: LEASE_MS,
      drainTimeoutMs: 1_000,
      sweepIntervalMs: 0,
      untilIdle: changes.untilIdle ?? false,
      addresses: { allow: [] },
      secretRoots: [],
      environment: {},
      allowInsecure: false,
      allowInlineSecrets: false,
      openDatabase: () => connectTo(cluster, { database }),
      resolveDatabase: () => Promise.reject(new Error("not wanted here")),
      streams: { input: changes.input ?? new PassThrough(), output: new PassThrough() },
      clock: systemClock,
      signal: stop.signal,
      random: () => 0,
      report: () => undefined,
    },
    pipeline,
    lease: {
      epoch: BigInt(row?.[0] ?? 0),
      leaseMs: LEASE_MS,
      use: (work) => {
        const result = tail.then(() => work(session));
        tail = result.catch(() => undefined);
        return result;
      },
      isHeld: () => !end.signal.aborted,
      extended: () => undefined,
      lose: () => end.abort(),
    },
    voice: {
      report: (event) => events.push(event),
      state: (state) => states.push(state),
      error: () => undefined,
    },
    stop: stop.signal,
    end: end.signal,
  };
  const intake = new Intake({
    context: { ...context, clock: systemClock },
    key: KEY,
    inbox: "mail",
    read: incomingReader(decode, "stdin"),
  });
  return { context, intake, events, states, session, stop, [Symbol.asyncDispose]: () => session.close() };
}

const event = (body: string, eventId?: string, headers: Record<string, string> = {}): Incoming => ({
  body: Buffer.from(body),
  eventId,
  subject: "orders",
  headers,
});

const inbox = () => admin.query('select event_id, source, payload, headers from tide."mail_inbox" order by id');
const letters = () =>
  admin.query("select dedup_key, error_kind, payload, error_message, resolved from tide.relay_dlq order by id");
const ended = new AbortController().signal;

describe("the intake", () => {
  it("stores payloads byte for byte, with ids, sources and headers, and knows what was there before", async () => {
    await using run = await owned();
    const outcomes = await run.intake.deliver(
      [event("1.25", "a", { x: "y" }), event('{"n": 12345678901234567890}')],
      ended,
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["stored", "stored"]);
    const again = await run.intake.deliver([event("2", "a"), event("3", "b"), event("4", "b")], ended);
    expect(again.map(({ outcome }) => outcome)).toEqual(["duplicate", "stored", "duplicate"]);
    const rows = await inbox();
    expect(rows[0]).toEqual({ event_id: "a", source: "orders", payload: "1.25", headers: '{"x": "y"}' });
    expect(rows[1]).toMatchObject({ payload: '{"n": 12345678901234567890}' });
    expect(rows[1]?.event_id).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("makes one transaction of what arrives while another is on its way", async () => {
    await using run = await owned();
    const calls = Array.from({ length: 300 }, (_, n) => run.intake.deliver([event(`${n}`, `e${n}`)], ended));
    await Promise.all(calls);
    expect(await inbox()).toHaveLength(300);
    const stored = run.events.filter(({ type }) => type === "relay.stored");
    expect(stored.length).toBeLessThan(5);
  });

  it("[R-20] keeps what cannot be decoded as a dead letter, with its bytes, and stores the others", async () => {
    await using run = await owned();
    const outcomes = await run.intake.deliver([event("1", "a"), event("{broken", "b"), event("3", "c")], ended);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["stored", "rejected", "stored"]);
    expect(await inbox()).toHaveLength(2);
    const [letter] = await letters();
    expect(letter).toMatchObject({ dedup_key: "b", error_kind: "decode", resolved: "f" });
    const { _raw } = JSON.parse(letter?.payload ?? "{}");
    expect(Buffer.from(_raw, "base64").toString()).toBe("{broken");
  });

  it("[R-20] finds the one event of a batch that the database refuses, and it alone becomes a dead letter", async () => {
    await using run = await owned();
    await admin.script("alter table tide.\"mail_inbox\" add constraint never check (payload <> '57')");
    const events = Array.from({ length: 100 }, (_, n) => event(`${n}`, `e${n}`));
    const outcomes = await run.intake.deliver(events, ended);
    expect(outcomes.filter(({ outcome }) => outcome === "stored")).toHaveLength(99);
    expect(outcomes[57]).toMatchObject({ outcome: "rejected" });
    expect(await inbox()).toHaveLength(99);
    expect(await letters()).toMatchObject([{ dedup_key: "e57", error_kind: "inbox_permanent" }]);
    await admin.script('alter table tide."mail_inbox" drop constraint never');
  });

  it("[R-08] takes ids, subjects and headers that no database could hold", async () => {
    await using run = await owned();
    const hostile = ["a\0b", "\ud800", "x".repeat(5_000), "", "' or 1=1 --", "line\nbreak"];
    const events = hostile.map((id, n) => ({ ...event(`${n}`, id, { "x\0": "\0\ud800" }), subject: `${id}${id}` }));
    const outcomes = await run.intake.deliver(events, ended);
    expect(outcomes.every(({ outcome }) => outcome === "stored")).toBe(true);
    const rows = await inbox();
    expect(rows).toHaveLength(hostile.length);
    expect(rows.map((row) => row.event_id)).toContain("' or 1=1 --");
    expect(rows.every((row) => (row.source ?? "").length <= 1_000)).toBe(true);
  });

  it("stores nothing and tells the source when the pipeline belongs to somebody else", async () => {
    await using run = await owned();
    await admin.query("select tide.relay_lease_acquire('g', 'default', 'reverse', 'in', 'other', 'l', 60000, true)");
    await expect(run.intake.deliver([event("1", "a")], ended)).rejects.toThrow(/another relay/);
    expect(await inbox()).toEqual([]);
    expect(run.context.end.aborted).toBe(true);
  });

  it("fails what waits, and everything later, when the database is gone", async () => {
    await using run = await owned();
    const pending = run.intake.deliver([event("1", "a")], ended).catch(() => undefined);
    await admin.query("select pg_terminate_backend($1::int)", [String(run.session.processId)]);
    await pending;
    await expect(run.intake.deliver([event("2", "b")], ended)).rejects.toThrow();
    expect(run.intake.failure).toBeDefined();
  });

  it("refuses the batch instead of losing an event when dead letters are off", async () => {
    await using run = await owned({ dlq: false });
    await expect(run.intake.deliver([event("1", "a"), event("{", "b")], ended)).rejects.toThrow(/no dead letters/);
    expect(await inbox()).toEqual([]);
  });
});

describe("[relay 3.6] dead letters of a reverse pipeline", () => {
  it("are stored when they are tried again after an edit, and stay with the reason when nothing was mended", async () => {
    await using run = await owned();
    await run.intake.deliver([event("{broken", "b"), event("[1", "c")], ended);
    await admin.query("update tide.relay_dlq set retried_at = now()");
    await admin.query("update tide.relay_dlq set payload = '{\"mended\": true}' where dedup_key = 'b'");
    const read = letterReader(decode, "stdin");
    for (const letter of await dueInboxLetters(admin, "in", 10)) await run.intake.redeliver(letter.id, read(letter));
    expect(await inbox()).toMatchObject([{ event_id: "b", payload: '{"mended": true}' }]);
    expect(await letters()).toMatchObject([
      { dedup_key: "b", resolved: "t" },
      { dedup_key: "c", resolved: "f" },
    ]);
    expect(await dueInboxLetters(admin, "in", 10)).toEqual([]);
  });
});

describe("the worker", () => {
  it("stores what comes until its source has no more, and ends when it runs until idle", async () => {
    const input = new PassThrough();
    await using run = await owned({ input, untilIdle: true });
    const worker = reverseWorker(run.context).run();
    input.end(Array.from({ length: 1_200 }, (_, n) => `{"n":${n}}\n`).join(""));
    await worker;
    expect(await inbox()).toHaveLength(1_200);
    expect(run.states).toContain("running");
  });

  it("stops when told, with everything stored that it took", async () => {
    const input = new PassThrough();
    await using run = await owned({ input });
    const worker = reverseWorker(run.context).run();
    input.write('{"n":1}\n{"n":2}\n');
    await expect.poll(() => inbox()).toHaveLength(2);
    run.stop.abort();
    await worker;
  });

  it.each([
    [{ retry: { backoff_ms: 60, max_backoff_ms: 100 } }, [60, 100, 100]],
    [{ retry: { backoff_ms: 60 }, max_poll_backoff_ms: 80 }, [60, 80, 80]],
    [{ retry: { backoff_ms: 0 }, max_poll_backoff_ms: 70 }, [50, 70, 70]],
  ])("opens a source that is away again after the pipeline's own waits: %j", async (pace, expected) => {
    await using run = await owned();
    const source = { url: `nats://127.0.0.1:${await freePort()}`, stream: "S", allow_insecure: true };
    const config = JSON.stringify({ source_type: "nats", source, sink: { inbox: "mail" }, ...pace });
    const row = { name: "in", direction: "reverse", enabled: true, tenant: "default", wireFormat: "native" } as const;
    const waits: (number | undefined)[] = [];
    const worker = reverseWorker({
      ...run.context,
      options: { ...run.context.options, addresses: { allow: ["127.0.0.0/8"] }, allowInsecure: true, random: () => 1 },
      pipeline: await readPipeline({ ...row, config, owner: null }),
      voice: {
        ...run.context.voice,
        state: (state, detail) => {
          if (state === "retrying") waits.push(detail?.nextRetryMs);
        },
      },
    }).run();
    await expect.poll(() => waits.length).toBeGreaterThan(2);
    run.stop.abort();
    await worker;
    expect(waits.slice(0, 3)).toEqual(expected);
  });

  it("goes over to its keeper with the database's failure", async () => {
    const input = new PassThrough();
    await using run = await owned({ input });
    const worker = reverseWorker(run.context).run();
    await expect.poll(() => run.states).toContain("running");
    await admin.query("select pg_terminate_backend($1::int)", [String(run.session.processId)]);
    input.write('{"n":1}\n');
    await expect(worker).rejects.toThrow();
  });
});
