/**
 * Backlogs, which a relay reads by plain statements up to where everything is settled: nothing that is open is passed by,
 * nothing that is not durable is sent, and rows of every size arrive whole and in order.
 */
import { describe, expect, it } from "vitest";
import { MemorySink, makePipeline, positionOf, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide } from "../../support/tide-session.ts";

describe("[relay 5.3] a backlog", () => {
  it("arrives whole and in order: small, compressed, large, claimed and escaped payloads among each other", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const sink = new MemorySink();
    await publish(tide, "orders", 2_500);
    await tide.run(`
      select tide.outbox_publish('orders', jsonb_build_object('text', repeat('x', 3000)));
      select tide.outbox_publish('orders', '{"n": 1}', jsonb_build_object('h', repeat('y', 3000)));
      select tide.outbox_publish('orders', jsonb_build_object('text', repeat(md5('a'), 20000)));
      select tide.outbox_publish_large('orders', jsonb_build_object('text', repeat('z', 20000)), 'k', 1000);
      select tide.outbox_publish('orders', jsonb_build_object('text', repeat(chr(1), 1500)))`);
    await publish(tide, "orders", 20_000, 2_506);
    const reads: string[] = [];
    const relay = startRelay(tide, sink.parts(), { untilIdle: true, report: ({ type }) => reads.push(type) });
    await relay.done;
    const committed = await tide.rows(
      "select id, tide.outbox_payload(id)::text as payload, headers::text from tide.tide_outbox_messages order by id",
    );
    const arrived = sink.delivered.map(({ message }) => ({
      id: String(message.id),
      payload: message.payload,
      headers: message.headers,
    }));
    expect(arrived).toHaveLength(22_505);
    expect(arrived).toEqual(committed);
    expect(await positionOf(tide, "orders")).toBe(22_505n);
  });

  it("ends before a transaction that is open, however much was published after it", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await using slow = await tide.another();
    await publish(tide, "orders", 3_500);
    await slow.run("begin; select tide.outbox_publish('orders', '{\"slow\": true}')");
    await publish(tide, "orders", 3_500, 3_502);
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("what came before has arrived", () => sink.delivered.length === 3_500);
    expect(await tide.one("select tide.relay_settled('orders')")).toBe("3500");
    await slow.run("commit");
    await until("the rest has arrived", () => sink.delivered.length === 7_001);
    expect(sink.delivered.map(({ message }) => Number(message.id))).toEqual(
      Array.from({ length: 7_001 }, (_, index) => index + 1),
    );
    await relay.stop();
  });

  it("is durable up to what counts as settled, also where publishers do not wait for the disk", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await tide.run("set synchronous_commit = off");
    for (let round = 0; round < 20; round++) {
      await publish(tide, "orders", 10);
      const written = await tide.one("select pg_current_wal_insert_lsn()");
      expect(await tide.one("select tide.relay_settled('orders')")).toBe(String(10 * (round + 1)));
      expect(await tide.one("select pg_current_wal_flush_lsn() >= $1::pg_lsn", written)).toBe("t");
    }
  });

  it("stops at the event whose fields have changed, although later pages are on their way", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders", { on_schema_change: "pause" });
    await publish(tide, "orders", 2_200);
    await tide.run("select tide.outbox_publish('orders', '{\"other\": 1}')");
    await publish(tide, "orders", 4_000, 2_202);
    const sink = new MemorySink();
    await startRelay(tide, sink.parts(), { untilIdle: true }).done;
    expect(sink.delivered).toHaveLength(2_200);
    expect(await positionOf(tide, "orders")).toBe(2_200n);
  });
});
