/** The forward loop against a real database: what arrives, in which order, and what is recorded of it. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
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

describe("a relay with the catalogue's own parts", () => {
  it("transforms, filters and writes to the sink that the pipeline names, and sends nothing in a dry run", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { transform: { filter: "n > `2`", payload: "{number: n}" } });
    await makePipeline(tide, "tried", { dry_run: true });
    await publish(tide, "orders", 4);
    await publish(tide, "tried", 3);
    const output = new PassThrough();
    const streams = { input: process.stdin, output };
    const summary = await startRelay(tide, catalogueParts, { untilIdle: true, streams }).done;
    output.end();
    const lines = (await text(output)).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).payload)).toEqual([{ number: 3 }, { number: 4 }]);
    expect(summary.deadLetters).toBe(0);
    expect(await positionOf(tide, "orders")).toBe(4n);
    expect(await positionOf(tide, "tried")).toBe(7n);
  });

  it("says what is wrong with a reference that has no value, and goes on with the others", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "good");
    const config = { url: "tls://127.0.0.1:4222", subject: "x", token: "${env:NOT_SET_ANYWHERE}" };
    await makePipeline(tide, "bad", { sink_type: "nats", config });
    await publish(tide, "good", 1);
    const output = new PassThrough();
    const streams = { input: process.stdin, output };
    const summary = await startRelay(tide, catalogueParts, { untilIdle: true, streams }).done;
    expect(summary.delivered).toBe(1);
    expect(summary.pipelines).toContainEqual(
      expect.objectContaining({ name: "bad", state: "failed", reason: expect.stringContaining("NOT_SET_ANYWHERE") }),
    );
  });
});

describe("a relay that runs until idle", () => {
  it("gives up a pipeline whose worker fails again and again, and says why", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 1);
    await tide.run("drop function tide.relay_page(text, bigint, integer, integer)");
    const summary = await startRelay(tide, new MemorySink().parts(), { untilIdle: true, random: () => 0.01 }).done;
    expect(summary.pipelines).toMatchObject([
      { name: "orders", state: "failed", reason: expect.stringContaining("relay_page") },
    ]);
  });
});
