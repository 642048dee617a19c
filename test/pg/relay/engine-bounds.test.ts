/** What keeps a relay within bounds: limits of its group, patience of a run that is to end, what counts as dead in it. */
import { describe, expect, it } from "vitest";
import { MemorySink, makePipeline, publish, startRelay, until } from "../../support/relay/running.ts";
import { openTide } from "../../support/tide-session.ts";

describe("tide.relay_limits", () => {
  it("bound the pipelines and the sessions of every relay of their group, and of no other", async () => {
    await using tide = await openTide();
    for (const name of ["a", "b", "c", "d"]) await makePipeline(tide, name);
    await tide.run(`insert into tide.relay_limits (relay_group_id, max_owned_pipelines) values ('default', 2);
      insert into tide.relay_limits (relay_group_id, max_connections) values ('few', 4)`);
    const owned = (events: readonly { type: string; event?: string }[]) =>
      events.filter((event) => event.type === "relay.ownership" && event.event === "acquired").length;
    await using bounded = startRelay(tide, new MemorySink().parts());
    await using few = startRelay(tide, new MemorySink().parts(), { group: "few" });
    await using free = startRelay(tide, new MemorySink().parts(), { group: "other" });
    await until("the unbounded one has all", () => owned(free.events) === 4);
    await until("the others have theirs", () => owned(bounded.events) === 2 && owned(few.events) >= 2);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(owned(bounded.events)).toBe(2);
    expect(owned(few.events)).toBeLessThan(4);
    // Raised, they count from the next look at the catalog on.
    await tide.run("update tide.relay_limits set max_owned_pipelines = 3 where relay_group_id = 'default'");
    bounded.reload();
    await until("one more is taken", () => owned(bounded.events) === 3);
  });
});

describe("a relay that nobody told", () => {
  it("reads on behind a page that ended before a large event", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const mebibytes = 2 ** 20;
    const sink = new MemorySink({ limits: { messageBytes: 16 * mebibytes } });
    await using relay = startRelay(tide, sink.parts());
    const asleep =
      "select count(*) from pg_locks where locktype = 'advisory' and classid = (hashtext('tide:asleep')::bigint & 4294967295)::oid";
    await until("it sleeps", async () => (await tide.one(asleep)) === "1");
    await tide.run(`begin; set local tide.notify = 'off';
      select tide.outbox_publish('orders', '{"n": 1}');
      select tide.outbox_publish('orders', to_jsonb(repeat('x', ${5 * mebibytes})));
      commit`);
    await until("both arrived", () => sink.delivered.length === 2);
    await relay.stop();
  });
});

describe("a relay that runs until idle", () => {
  it("gives up on a sink that stays away, says so, and has lost nothing", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "away", {
      retry: { backoff_ms: 20, max_backoff_ms: 50 },
      circuit_breaker: { enabled: false },
    });
    await makePipeline(tide, "well");
    await publish(tide, "away", 3);
    await publish(tide, "well", 3);
    const sink = new MemorySink({
      onOpen: (pipeline) => {
        if (pipeline === "away") throw new Error("connection refused");
      },
    });
    const relay = startRelay(tide, sink.parts(), { untilIdle: true, patienceMs: 700 });
    const { pipelines, delivered, deadLetters } = await relay.done;
    expect({ delivered, deadLetters }).toEqual({ delivered: 3, deadLetters: 0 });
    const away = pipelines.find(({ name }) => name === "away");
    expect(away?.state).toBe("failed");
    expect(away?.reason).toMatch(/^given up, nothing came through for 1 s: unknown: connection refused/);
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    await startRelay(tide, new MemorySink().parts(), { untilIdle: true }).done;
    expect(await tide.one("select sum(last_change_id) from tide.relay_consumer_offsets")).toBe("9");
  });

  it("is patient while anything comes through", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "slow", {
      batch_size: 1,
      retry: { backoff_ms: 20, max_backoff_ms: 50 },
      circuit_breaker: { enabled: false },
    });
    await publish(tide, "slow", 12);
    let tries = 0;
    const throttled = { outcome: "retry", class: "throttled", scope: "sink", reason: "slowly" } as const;
    const sink = new MemorySink({
      answer: async () => {
        await new Promise((resolve) => setTimeout(resolve, 60));
        tries += 1;
        return tries % 3 === 0 ? { outcome: "delivered" } : throttled;
      },
    });
    const { delivered } = await startRelay(tide, sink.parts(), { untilIdle: true, patienceMs: 700 }).done;
    expect(delivered).toBe(12);
  });

  it("counts a dead letter that was tried again in vain", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 1);
    const refused = { outcome: "reject", class: "protocol_rejection", scope: "message", reason: "no" } as const;
    const parts = new MemorySink({ answer: () => refused }).parts();
    expect((await startRelay(tide, parts, { untilIdle: true }).done).deadLetters).toBe(1);
    expect((await startRelay(tide, parts, { untilIdle: true }).done).deadLetters).toBe(0);
    await tide.run("select tide.relay_dlq_retry_all()");
    expect((await startRelay(tide, parts, { untilIdle: true }).done).deadLetters).toBe(1);
  });
});

describe("a fan-in by subject_hash", () => {
  it("keeps events of one subject in order and lets other subjects go on", async () => {
    await using tide = await openTide();
    for (const name of ["a", "b"]) await tide.rows("select tide.outbox_create($1)", name);
    await tide.run(
      `select tide.relay_set_fanin('all', array['a', 'b'], 'stdout', '{"merge_strategy": "subject_hash"}')`,
    );
    await publish(tide, "a", 5);
    await publish(tide, "b", 5);
    const orderKeys: (string | undefined)[] = [];
    const parts = new MemorySink().parts();
    const watched = {
      ...parts,
      openOutlet: (context: Parameters<typeof parts.openOutlet>[0]) => {
        orderKeys.push(context.pipeline.orderKey);
        return parts.openOutlet(context);
      },
    };
    expect((await startRelay(tide, watched, { untilIdle: true }).done).delivered).toBe(10);
    expect(orderKeys).toEqual(["subject", "subject"]);
  });
});
