/** The forward loop against a real database: what arrives, in which order, and what is recorded of it. */
import { describe, expect, it } from "vitest";
import { MemorySink, makePipeline, positionOf, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide } from "../../support/tide-session.ts";

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ n: from + index }));

describe("a relay with one pipeline", () => {
  it("delivers what was published before it came and after, in order, and records where it stands", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 2_500);
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("the first events arrived", () => sink.delivered.length === 2_500);
    await publish(tide, "orders", 10, 2_501);
    await until("the later events arrived", () => sink.delivered.length === 2_510);
    expect(sink.payloads).toEqual(numbers(1, 2_510));
    await until("the position is recorded", async () => (await positionOf(tide, "orders")) === 2_510n);
    const summary = await relay.stop();
    expect(summary).toMatchObject({ delivered: 2_510, deadLetters: 0, forced: [] });
  });
});
