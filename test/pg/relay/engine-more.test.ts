/** Replays, pipelines that wait for others, several outboxes into one sink. */
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { RelayOptions } from "../../../src/relay/engine/options.ts";
import { runReplay } from "../../../src/relay/engine/replay.ts";
import { connectTo } from "../../support/connection.ts";
import { MemorySink, makePipeline, positionOf, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const opened: Tide[] = [];
let tide: Tide;
beforeEach(async () => {
  tide = await openTide();
  opened.push(tide);
});
afterAll(() => Promise.all(opened.map((one) => one[Symbol.asyncDispose]())));

const nOf = (delivery: { message: { payload: string } }): number => JSON.parse(delivery.message.payload).n;

describe("[relay 6] a replay", () => {
  const options = (): RelayOptions => ({
    group: "default",
    tenant: undefined,
    only: undefined,
    label: "replay",
    maxOwnedPipelines: 1,
    maxConnections: 5,
    discoveryIntervalMs: 30_000,
    takeoverIntervalMs: 300,
    leaseMs: 3_000,
    drainTimeoutMs: 5_000,
    sweepIntervalMs: 0,
    untilIdle: true,
    addresses: { allow: [] },
    secretRoots: [],
    environment: {},
    allowInsecure: false,
    allowInlineSecrets: false,
    openDatabase: () => connectTo(tide.cluster, { database: tide.database }),
    resolveDatabase: () => Promise.reject(new Error("none")),
    streams: { input: process.stdin, output: process.stdout },
    clock: systemClock,
    signal: new AbortController().signal,
    random: Math.random,
    report: () => undefined,
  });
  const replay = (sink: MemorySink, fromId: bigint, toId: bigint) =>
    runReplay(options(), { pipeline: "orders", fromId, toId, batchSize: 10 }, sink.parts());

  it("delivers exactly the range, under the same ids, and leaves the live position alone", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 100);
    const live = new MemorySink();
    await startRelay(tide, live.parts(), { untilIdle: true }).done;
    const again = new MemorySink();
    expect(await replay(again, 20n, 59n)).toMatchObject({ delivered: 40 });
    expect(again.delivered.map(nOf)).toEqual(Array.from({ length: 40 }, (_, index) => 20 + index));
    expect(again.keys).toEqual(live.keys.slice(19, 59));
    expect(await positionOf(tide, "orders")).toBe(100n);
    expect(await positionOf(tide, "orders", "replay:orders")).toBe(59n);
    const third = new MemorySink();
    await replay(third, 1n, 3n);
    expect(third.delivered.map(nOf)).toEqual([1, 2, 3]);
  });

  it("is refused for what cannot be replayed, before anything is sent", async () => {
    await makePipeline(tide, "orders");
    const sink = new MemorySink();
    await expect(replay(sink, 1n, 5n)).rejects.toMatchObject({ code: "RELAY_REPLAY_REFUSED" });
    await publish(tide, "orders", 5);
    await tide.rows("select tide.relay_disable('orders')");
    await expect(replay(sink, 1n, 5n)).rejects.toThrow('pipeline "orders" is disabled');
    await tide.rows("select tide.relay_delete('orders')");
    await expect(replay(sink, 1n, 5n)).rejects.toMatchObject({ code: "RELAY_PIPELINE_UNKNOWN" });
    expect(sink.delivered).toEqual([]);
  });

  it("does not take the dead letters that the live pipeline is asked to repeat", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 3);
    const bad = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "no" } as const;
    const sink = new MemorySink({ answer: (delivery) => (nOf(delivery) === 2 ? bad : { outcome: "delivered" }) });
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    await tide.rows("update tide.relay_dlq set retried_at = now()");
    const again = new MemorySink();
    await replay(again, 1n, 1n);
    expect(again.delivered.map(nOf)).toEqual([1]);
    expect(await tide.one("select resolved from tide.relay_dlq")).toBe("f");
  });
});

describe("a pipeline that waits for another", () => {
  it("delivers only when the other has delivered everything", async () => {
    for (const name of ["first", "second"]) await makePipeline(tide, name);
    await tide.rows("select tide.relay_pipeline_dep_add('first', 'second', 'on_idle')");
    await publish(tide, "first", 50);
    await publish(tide, "second", 5);
    const order: string[] = [];
    const sink = new MemorySink({
      limits: { batchMessages: 5 },
      answer: async (_delivery, pipeline) => {
        if (pipeline === "first") await new Promise((resolve) => setTimeout(resolve, 2));
        order.push(pipeline);
        return { outcome: "delivered" };
      },
    });
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(order).toHaveLength(55);
    expect(order.indexOf("second")).toBeGreaterThanOrEqual(50);
  });
});

describe("a fan-in", () => {
  async function fanIn(strategy: string): Promise<void> {
    for (const name of ["a", "b", "c"]) await tide.rows("select tide.outbox_create($1)", name);
    await tide.rows(
      "select tide.relay_set_fanin('all', array['a', 'b', 'c'], 'stdout', jsonb_build_object('merge_strategy', $1::text))",
      strategy,
    );
    for (const name of ["c", "b", "a"]) await publish(tide, name, 30);
  }

  it("delivers several outboxes, each with a position of its own", async () => {
    await fanIn("round_robin");
    const sink = new MemorySink();
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(new Set(sink.keys).size).toBe(90);
    const positions = await tide.rows("select outbox_name, last_change_id from tide.relay_consumer_offsets order by 1");
    expect(positions.map(({ outbox_name }) => outbox_name)).toEqual(["a", "b", "c"]);
    expect(positions.map(({ last_change_id }) => Number(last_change_id))).toEqual([90, 60, 30]);
    await publish(tide, "b", 1, 31);
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(sink.delivered).toHaveLength(91);
  });

  it("delivers the first outbox first where it has priority", async () => {
    await fanIn("priority");
    const sink = new MemorySink();
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    const outboxes = sink.delivered.map(({ message }) => message.outbox);
    expect(outboxes).toEqual([...outboxes].sort());
    expect(outboxes).toHaveLength(90);
  });

  it("gives a dead letter back to the outbox it came from", async () => {
    await fanIn("round_robin");
    let isMended = false;
    const bad = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "no" } as const;
    const sink = new MemorySink({
      answer: ({ message }) =>
        message.outbox === "b" && nOf({ message }) === 7 && !isMended ? bad : { outcome: "delivered" },
    });
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    isMended = true;
    await tide.rows("update tide.relay_dlq set retried_at = now()");
    await using relay = startRelay(tide, sink.parts());
    await until("it is resolved", async () => (await tide.one("select resolved from tide.relay_dlq")) === "t");
    expect(sink.keys.filter((key) => key === sink.keys.at(-1))).toHaveLength(1);
    expect(sink.delivered.at(-1)?.message.outbox).toBe("b");
    await relay.stop();
  });
});

describe("a backfill job", () => {
  it("delivers history again beside live events, and is completed", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 250);
    const sink = new MemorySink();
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    await tide.rows(
      "select tide.backfill_create('again', 'orders', 'orders', p_from_id => 101, p_to_id => 220, p_chunk_size => 50)",
    );
    await using relay = startRelay(tide, sink.parts());
    await publish(tide, "orders", 5, 251);
    await until(
      "it is completed",
      async () => (await tide.one("select status from tide.backfill_jobs")) === "completed",
    );
    await until("live events arrived", () => sink.delivered.length === 250 + 120 + 5);
    const counts = new Map<number, number>();
    for (const n of sink.delivered.map(nOf)) counts.set(n, (counts.get(n) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count === 2).map(([n]) => n)).toEqual(
      Array.from({ length: 120 }, (_, index) => 101 + index),
    );
    await until("they are recorded", async () => (await positionOf(tide, "orders")) === 255n);
    expect(await tide.one("select rows_processed from tide.backfill_jobs")).toBe("120");
    await relay.stop();
  });

  it("is delivered by a relay that runs until idle", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 20);
    await tide.rows("select tide.backfill_create('again', 'orders', 'orders', p_chunk_size => 7)");
    const sink = new MemorySink();
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(sink.delivered).toHaveLength(40);
    expect(await tide.one("select status from tide.backfill_jobs")).toBe("completed");
  });
});

describe("a pipeline whose turn never comes", () => {
  it("does not keep a relay that runs until idle from ending", async () => {
    for (const name of ["first", "second"]) await makePipeline(tide, name);
    await tide.rows("select tide.relay_pipeline_dep_add('first', 'second', 'on_offset_gte(1000)')");
    await publish(tide, "second", 1);
    const sink = new MemorySink();
    const summary = await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(sink.delivered).toEqual([]);
    expect(summary.forced).toEqual([]);
  });
});

describe("sweeping", () => {
  it("deletes what every pipeline has delivered and is old enough", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 20);
    await tide.rows("update tide.tide_outbox_messages set created_at = now() - interval '2 days' where id <= 15");
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts(), { sweepIntervalMs: 100 });
    await until(
      "old ones are gone",
      async () => (await tide.one("select count(*) from tide.tide_outbox_messages")) === "5",
    );
    expect(sink.delivered).toHaveLength(20);
    await relay.stop();
  });
});

describe("[R-14] the role tide_relay", () => {
  it("is enough to run pipelines, dead letters, backfills, sweeps and replays", async () => {
    const cluster = tide.cluster;
    const own = await openTide({ cluster, roles: true });
    opened.push(own);
    const role = `relay_${own.database}`;
    await own.run(`create role ${role} login password 'relay-password'; grant tide_relay to ${role}`);
    await makePipeline(own, "orders");
    await publish(own, "orders", 30);
    await own.rows("select tide.backfill_create('again', 'orders', 'orders')");
    const bad = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "no" } as const;
    let isMended = false;
    const sink = new MemorySink({
      answer: (delivery) => (nOf(delivery) === 2 && !isMended ? bad : { outcome: "delivered" }),
    });
    const openDatabase = () =>
      connectTo({ ...cluster, password: "relay-password" }, { database: own.database, user: role });
    const problems: unknown[] = [];
    await using relay = startRelay(own, sink.parts(), {
      openDatabase,
      sweepIntervalMs: 200,
      report: (event) => {
        if (event.type === "relay.error" && event.component !== "connector") problems.push(event);
      },
    });
    await until("everything arrived", () => sink.delivered.length === 58 || problems.length > 0);
    expect(problems).toEqual([]);
    await until(
      "the dead letter is written",
      async () => (await own.one("select count(*) from tide.relay_dlq")) === "1",
    );
    isMended = true;
    await own.rows("select tide.relay_dlq_retry_all()");
    await until(
      "the dead letter is resolved",
      async () => (await own.one("select bool_and(resolved) from tide.relay_dlq")) === "t",
    );
    await until(
      "status is written",
      async () => (await own.one("select count(*) from tide.relay_runtime_status")) === "1",
    );
    await relay.stop();
    expect(problems).toEqual([]);
  });
});
