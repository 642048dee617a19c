/** What the forward loop does when a sink refuses: retries, dead letters, halves, order, the circuit breaker. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectorFailure } from "../../../src/relay/failures.ts";
import { DELIVERED, type Disposition } from "../../../src/relay/message.ts";
import { MemorySink, makePipeline, positionOf, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const FAST = { max_retries: 2, backoff_ms: 5, max_backoff_ms: 20 };
const bad: Disposition = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "bad shape" };
const later: Disposition = { outcome: "retry", class: "unavailable", scope: "message", reason: "try later" };
const away: Disposition = { outcome: "retry", class: "unavailable", scope: "sink", reason: "nobody is there" };
const denied: Disposition = { outcome: "reject", class: "authentication", scope: "sink", reason: "wrong password" };

let tide: Tide;
let count = 0;
beforeAll(async () => {
  tide = await openTide();
});
afterAll(() => tide[Symbol.asyncDispose]());

/** A pipeline of its own with `events` published. */
async function pipelineWith(events: number, config: Record<string, unknown> = {}): Promise<string> {
  const name = `p${++count}`;
  await makePipeline(tide, name, { retry: FAST, ...config });
  await publish(tide, name, events);
  return name;
}

const nOf = (delivery: { message: { payload: string } }): number => JSON.parse(delivery.message.payload).n;
const deadOf = (pipeline: string) =>
  tide.rows(
    "select payload ->> 'n' as n, error_kind, error_message, attempt_count, resolved, dedup_key, source_name, sink_name from tide.relay_dlq where pipeline_name = $1 order by id",
    pipeline,
  );
const lastId = (outbox: string) =>
  tide
    .one("select max(id) from tide.tide_outbox_messages where outbox_name = $1", outbox)
    .then((id) => BigInt(id ?? 0));

describe("a message that the sink refuses for good", () => {
  it("[R-20] goes to the dead letters alone, with the sink's reason, and the position passes it", async () => {
    const name = await pipelineWith(100);
    const sink = new MemorySink({ answer: (delivery) => (nOf(delivery) === 37 ? bad : DELIVERED) });
    const summary = await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(summary).toMatchObject({ delivered: 99, deadLetters: 1 });
    expect(await deadOf(name)).toMatchObject([
      {
        n: "37",
        error_kind: "sink_permanent",
        error_message: "protocol_rejection: bad shape",
        resolved: "f",
        source_name: name,
        sink_name: "memory",
      },
    ]);
    expect(await positionOf(tide, name)).toBe(await lastId(name));
  });

  it("is found by halves when the sink refuses batches as a whole", async () => {
    const name = await pipelineWith(100);
    const sink = new MemorySink({
      answerAll: async (batch) => batch.map(() => (batch.some((delivery) => nOf(delivery) === 61) ? bad : DELIVERED)),
    });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered).toHaveLength(99);
    expect((await deadOf(name)).map(({ n }) => n)).toEqual(["61"]);
    expect(sink.batches.length).toBeLessThan(20);
  });

  it("that is larger than the sink takes is never sent", async () => {
    const name = await pipelineWith(3);
    await tide.rows("select tide.outbox_publish($1, jsonb_build_object('n', 4, 'x', repeat('a', 5000)))", name);
    const sink = new MemorySink();
    const parts = sink.parts();
    const openOutlet: typeof parts.openOutlet = async (context) => {
      const outlet = await parts.openOutlet(context);
      return {
        ...outlet,
        shape: (message) =>
          message.payload.length > 4_000
            ? { kind: "failed", deadLetter: "sink_permanent", reason: "the message is too large" }
            : outlet.shape(message),
      };
    };
    await startRelay(tide, { ...parts, openOutlet }, { untilIdle: true, only: [name] }).done;
    expect(sink.delivered.map(nOf)).toEqual([1, 2, 3]);
    expect(await deadOf(name)).toMatchObject([{ n: "4", error_message: "the message is too large" }]);
  });

  it("stops a pipeline without dead letters, visibly, and is never dropped", async () => {
    const name = await pipelineWith(5, { dlq: { enabled: false } });
    const sink = new MemorySink({ answer: (delivery) => (nOf(delivery) === 3 ? bad : DELIVERED) });
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    await until("it has failed", () =>
      relay.events.some((event) => event.type === "relay.state" && event.state === "failed"),
    );
    await relay.stop();
    expect(await deadOf(name)).toEqual([]);
    expect(await positionOf(tide, name)).toBeLessThan(await lastId(name));
  });
});

describe("a message that the sink asks to repeat", () => {
  it("is repeated, keeps later messages of its key behind it, and arrives", async () => {
    const name = await pipelineWith(20, { order_key: "dedup" });
    let refusals = 0;
    const sink = new MemorySink({
      orderKeyOf: ({ payload }) => String(JSON.parse(payload).n % 3),
      lanes: 4,
      limits: { batchMessages: 4 },
      answer: (delivery) => (nOf(delivery) === 2 && ++refusals <= 2 ? later : DELIVERED),
    });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(refusals).toBe(3);
    const ofKey = (key: number) => sink.delivered.map(nOf).filter((n) => n % 3 === key);
    for (const key of [0, 1]) expect(ofKey(key)).toEqual([...ofKey(key)].sort((a, b) => a - b));
    expect([...ofKey(2)].sort((a, b) => a - b)).toEqual([2, 5, 8, 11, 14, 17, 20]);
    expect(await deadOf(name)).toEqual([]);
  });

  it("becomes a dead letter after the last repetition", async () => {
    const name = await pipelineWith(3);
    const sink = new MemorySink({ answer: (delivery) => (nOf(delivery) === 2 ? later : DELIVERED) });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(await deadOf(name)).toMatchObject([{ n: "2", error_kind: "max_retries_exceeded", attempt_count: "3" }]);
  });
});

describe("a sink that is away", () => {
  it("[relay 5.2] counts against no message: everything arrives when it is back", async () => {
    const name = await pipelineWith(50, {
      circuit_breaker: { enabled: true, failure_threshold: 3, success_threshold: 1, half_open_timeout_seconds: 1 },
    });
    let calls = 0;
    const sink = new MemorySink({
      answerAll: async (batch) => (++calls <= 4 ? batch.map(() => away) : batch.map(() => DELIVERED)),
    });
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    await until("everything arrived", () => sink.delivered.length === 50);
    const summary = await relay.stop();
    expect(summary).toMatchObject({ delivered: 50, deadLetters: 0 });
    const states = relay.events.flatMap((event) => (event.type === "relay.state" ? [event.state] : []));
    expect(states).toContain("retrying");
    expect(states).toContain("breaker_open");
    expect(states.at(-2)).toMatch(/running|idle/);
  });

  it("is opened again after it was lost", async () => {
    const name = await pipelineWith(10);
    let calls = 0;
    const sink = new MemorySink({
      answerAll: async (batch) => {
        if (++calls === 1) throw new ConnectorFailure("unavailable", "the connection broke");
        return batch.map(() => DELIVERED);
      },
    });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered).toHaveLength(10);
    expect(sink.opened).toBe(2);
  });

  it("that refuses everybody fails the pipeline and makes no dead letters", async () => {
    const name = await pipelineWith(10, { retry: { ...FAST, max_backoff_ms: 200 } });
    let isAllowed = false;
    const sink = new MemorySink({ answer: () => (isAllowed ? DELIVERED : denied) });
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    await until("it has failed", () =>
      relay.events.some(
        (event) =>
          event.type === "relay.state" && event.state === "failed" && event.code === "PGTIDE_CONNECTOR_AUTHENTICATION",
      ),
    );
    isAllowed = true;
    await until("everything arrived", () => sink.delivered.length === 10);
    expect(await deadOf(name)).toEqual([]);
  });

  it("makes dead letters of what arrives while the breaker is open where the pipeline wants that", async () => {
    const name = await pipelineWith(30, {
      circuit_breaker: { enabled: true, failure_threshold: 1, half_open_timeout_seconds: 60, on_open: "dlq" },
    });
    const sink = new MemorySink({ answer: () => away });
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    await until("all are dead letters", async () => (await deadOf(name)).length === 30);
    expect(await deadOf(name)).toMatchObject(Array(30).fill({ error_kind: "max_retries_exceeded" }));
    await relay.stop();
  });
});

describe("dead letters that somebody asks to repeat", () => {
  it("[relay 3.6] are delivered again under their first id, and resolved", async () => {
    const name = await pipelineWith(3);
    let isMended = false;
    const sink = new MemorySink({ answer: (delivery) => (nOf(delivery) === 2 && !isMended ? bad : DELIVERED) });
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    await until("there is one", async () => (await deadOf(name)).length === 1);
    const [before] = await deadOf(name);
    await tide.rows("update tide.relay_dlq set retried_at = now() where pipeline_name = $1", name);
    await until("it was tried and refused again", async () => (await deadOf(name))[0]?.attempt_count === "2");
    isMended = true;
    await tide.rows("update tide.relay_dlq set retried_at = now() where pipeline_name = $1", name);
    await until("it is resolved", async () => (await deadOf(name))[0]?.resolved === "t");
    expect(sink.keys.at(-1)).toBe(before?.dedup_key);
    expect(sink.delivered.map(nOf)).toEqual([1, 3, 2]);
    await relay.stop();
  });

  it("are delivered by a relay that runs until idle", async () => {
    const name = await pipelineWith(2);
    let isMended = false;
    const sink = new MemorySink({ answer: () => (isMended ? DELIVERED : bad) });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    isMended = true;
    await tide.rows("update tide.relay_dlq set retried_at = now() where pipeline_name = $1", name);
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered.map(nOf)).toEqual([1, 2]);
    expect((await deadOf(name)).map(({ resolved }) => resolved)).toEqual(["t", "t"]);
  });
});

describe("order behind a dead letter", () => {
  const ofKey = ({ payload }: { payload: string }) => String(JSON.parse(payload).n % 2);

  it("lets later messages of the key go on by default", async () => {
    const name = await pipelineWith(6);
    const sink = new MemorySink({ orderKeyOf: ofKey, answer: (delivery) => (nOf(delivery) === 2 ? bad : DELIVERED) });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered.map(nOf)).toEqual([1, 3, 4, 5, 6]);
  });

  it("keeps them back until it is resolved, also over a restart, where the pipeline blocks", async () => {
    const name = await pipelineWith(6, { on_dead_letter: "block" });
    const sink = new MemorySink({
      orderKeyOf: ofKey,
      limits: { batchMessages: 1 },
      answer: (delivery) => (nOf(delivery) === 2 ? bad : DELIVERED),
    });
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered.map(nOf)).toEqual([1, 3, 5]);
    await using relay = startRelay(tide, sink.parts(), { only: [name] });
    // The position stands before 4: what was delivered behind it comes again.
    await until("the others came again", () => sink.delivered.length >= 4);
    await tide.rows("update tide.relay_dlq set resolved = true, resolved_at = now() where pipeline_name = $1", name);
    await until("the key goes on", () => sink.delivered.some((delivery) => nOf(delivery) === 6));
    expect(sink.delivered.map(nOf).filter((n) => n % 2 === 0)).toEqual([4, 6]);
    await until("the position passes", async () => (await positionOf(tide, name)) === (await lastId(name)));
    await relay.stop();
  });
});

describe("a rate limit", () => {
  it("spreads messages over time", async () => {
    const name = await pipelineWith(30, { rate_limit: { enabled: true, max_messages_per_second: 50, burst_size: 5 } });
    const sink = new MemorySink();
    const started = performance.now();
    await startRelay(tide, sink.parts(), { untilIdle: true, only: [name] }).done;
    expect(sink.delivered).toHaveLength(30);
    expect(performance.now() - started).toBeGreaterThan(450);
    expect(Math.max(...sink.batches.map((batch) => batch.length))).toBeLessThanOrEqual(6);
  });
});
