/** What a relay makes of a bad neighbourhood: forged notifications, open transactions, a server that goes away, little memory. */
import { describe, expect, it } from "vitest";
import { DELIVERED } from "../../../src/relay/message.ts";
import { startCluster } from "../../support/cluster.ts";
import {
  jsonText,
  MemorySink,
  makePipeline,
  positionOf,
  publish,
  startRelay,
  until,
} from "../../support/relay/running.ts";
import { openTide } from "../../support/tide-session.ts";

const DAY_MS = 24 * 3_600_000;

describe("[R-16] forged notifications", () => {
  it("cost a look and nothing else, and are repeated nowhere", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("it runs", () =>
      relay.events.some((event) => event.type === "relay.state" && event.state === "running"),
    );
    await tide.rows(
      `select pg_notify(channel, payload)
         from unnest(array['tide_outbox_new', 'tide_relay_config']) as channel,
              lateral (select case when n % 4 = 0 then 'orders' else repeat('canary ' || n, 1 + n % 900) end as payload
                         from generate_series(1, 200) as n) as payloads`,
    );
    await publish(tide, "orders", 3);
    await until("the events arrived", () => sink.delivered.length === 3);
    const looks = relay.events.filter(({ type }) => type === "relay.reconciled").length;
    expect(looks).toBeLessThan(60);
    const said = jsonText(relay.events);
    expect(said).toContain("relay.reconciled");
    expect(said).not.toContain("canary");
    await relay.stop();
  });
});

describe("[relay 5.3] an open transaction that has published", () => {
  it("holds later events back, is named, and lets them go when it is rolled back", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const holder = await tide.another();
    await holder.run("begin; select tide.outbox_publish('orders', '{\"n\": 0}')");
    await publish(tide, "orders", 2);
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("it is named", () => relay.events.some(({ type }) => type === "relay.held"));
    expect(relay.events.find(({ type }) => type === "relay.held")).toMatchObject({
      pipeline: "orders",
      processId: holder.session.processId,
    });
    expect(sink.delivered).toEqual([]);
    await holder.run("rollback");
    await until("they are let go, though nobody told", () => sink.delivered.length === 2);
    await holder.session.close();
    await relay.stop();
  });
});

describe("a server that goes away", () => {
  it("interrupts delivery and loses nothing", async () => {
    await using cluster = await startCluster();
    const tide = await openTide({ cluster });
    await makePipeline(tide, "orders");
    const sink = new MemorySink();
    const relay = startRelay(tide, sink.parts());
    await publish(tide, "orders", 50);
    await until("the first arrived", () => sink.delivered.length === 50);
    await tide.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
    );
    await publish(tide, "orders", 50, 51);
    await until("the others arrived too", () => new Set(sink.keys).size === 100);
    await until("the position is at the end", async () => (await positionOf(tide, "orders")) === 100n);
    expect(relay.events.some((event) => event.type === "relay.ownership" && event.event === "lost")).toBe(true);
    await relay.stop();
    await tide.session.close();
  });
});

describe("a wall clock that jumps", () => {
  it("changes neither waits nor ownership: events arrive, failed ones are tried again in time, once each", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { retry: { backoff_ms: 20, max_backoff_ms: 50 } });
    const failed = new Set<string>();
    const sink = new MemorySink({
      answer: ({ message }) => {
        if (failed.has(message.dedupKey)) return DELIVERED;
        failed.add(message.dedupKey);
        return { outcome: "retry", class: "unavailable", scope: "message", reason: "not yet" };
      },
    });
    let offsetMs = 0;
    const clock = { now: () => new Date(Date.now() + offsetMs), monotonicMs: () => performance.now() };
    await using relay = startRelay(tide, sink.parts(), { clock, leaseMs: 1_000 });
    for (const [index, jumpMs] of [DAY_MS, -DAY_MS, 0].entries()) {
      offsetMs = jumpMs;
      await publish(tide, "orders", 20);
      await until("all have arrived", () => sink.delivered.length === 20 * (index + 1));
    }
    expect(new Set(sink.keys).size).toBe(60);
    const ownership = relay.events.filter(({ type }) => type === "relay.ownership");
    expect(ownership).toMatchObject([{ event: "acquired" }]);
    await relay.stop();
  });
});

describe("events of a megabyte", () => {
  it("are read a few at a time, so that memory is bounded", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await tide.rows(
      "select tide.outbox_publish('orders', jsonb_build_object('n', n, 'x', repeat('y', 900000))) from generate_series(1, 60) as n",
    );
    let onTheirWay = 0;
    let most = 0;
    const sink = new MemorySink({
      limits: { batchMessages: 1 },
      answerAll: async (batch) => {
        onTheirWay += batch.length;
        most = Math.max(most, onTheirWay);
        await new Promise((resolve) => setTimeout(resolve, 2));
        onTheirWay -= batch.length;
        return batch.map(() => ({ outcome: "delivered" }));
      },
    });
    await using relay = startRelay(tide, sink.parts());
    await until("all arrived", () => sink.delivered.length === 60);
    const pages = relay.events.flatMap((event) =>
      event.type === "relay.polled" && event.messages > 0 ? [event.messages] : [],
    );
    expect(Math.max(...pages)).toBeLessThanOrEqual(5);
    expect(most).toBe(1);
    await relay.stop();
  });
});
