/**
 * A relay that is killed at every step of its loop, and one that is frozen while it owns a pipeline. What was promised in
 * spite of it: nothing is lost, dead letters are written once, and an owner that was replaced delivers nothing.
 */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RELAY_STEPS } from "../../../src/relay/engine/options.ts";
import { compileSources } from "../../support/compiled-sources.ts";
import { startChild } from "../../support/relay/child.ts";
import { MemorySink, makePipeline, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

let compiled: string;
beforeAll(() => {
  compiled = compileSources();
});
afterAll(() => rm(compiled, { recursive: true, force: true }));

const EVENTS = 60;

async function withEvents(tide: Tide): Promise<void> {
  await makePipeline(tide, "orders");
  await publish(tide, "orders", EVENTS - 1);
  await tide.rows(`select tide.outbox_publish('orders', '{"n": ${EVENTS}, "bad": true}')`);
}

const BAD = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "bad" } as const;

describe("a relay that is killed", () => {
  it.each(RELAY_STEPS)("[R-11] at the step %s loses nothing and writes each dead letter once", async (step) => {
    await using tide = await openTide();
    await withEvents(tide);
    await using child = startChild(compiled, tide, { killAt: { step, at: 1 } });
    if (step === "lease_released") {
      await until("it delivered", () => child.delivered.length >= EVENTS - 1);
      child.signal("SIGTERM");
    }
    expect(await child.ended).toBe("SIGKILL");
    const sink = new MemorySink({
      answer: ({ message }) => (message.payload.includes("bad") ? BAD : { outcome: "delivered" }),
    });
    await using relay = startRelay(tide, sink.parts());
    const keys = () => new Set([...child.delivered, ...sink.keys]);
    await until("everything arrived", () => keys().size === EVENTS - 1);
    await until(
      "the end is recorded",
      async () => (await tide.one("select last_change_id from tide.relay_consumer_offsets")) === String(EVENTS),
    );
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("1");
    // What comes again begins where the position stood: no gap, and in order.
    expect(sink.keys).toEqual([...sink.keys].sort((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1])));
    await relay.stop();
  });
});

describe("[relay 5.4] an owner that is frozen", () => {
  it("is replaced when its lease has run out, and delivers nothing more when it goes on", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await using child = startChild(compiled, tide, { leaseMs: 2_000 });
    await until("it owns the pipeline", () => child.events.some(({ event }) => event === "acquired"));
    const publishing = new AbortController();
    const publisher = keepPublishing(tide, publishing.signal);
    await until("it delivers", () => child.delivered.length > 20);
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts(), { leaseMs: 2_000, takeoverIntervalMs: 300 });
    child.signal("SIGSTOP");
    // The frozen one can neither give anything back nor answer: only its lease can end.
    await until("the other delivers", () => sink.delivered.length > 0);
    const before = child.delivered.length;
    child.signal("SIGCONT");
    await until("the frozen one noticed", () => child.events.some(({ event }) => event === "lost"));
    await new Promise((resolve) => setTimeout(resolve, 500));
    publishing.abort();
    const published = await publisher;
    await until("everything arrived", () => new Set([...child.delivered, ...sink.keys]).size === published);
    expect(child.delivered.length - before).toBe(0);
    expect(await tide.one("select owner_label from tide.relay_leases")).toBe("test");
    await relay.stop();
  });
});

async function keepPublishing(tide: Tide, signal: AbortSignal): Promise<number> {
  await using own = await tide.another();
  let count = 0;
  while (!signal.aborted) {
    await own.rows("select tide.outbox_publish('orders', '{\"n\": 1}')");
    count += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return count;
}
