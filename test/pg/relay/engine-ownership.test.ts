/** Which relay runs which pipeline: taking, handing over, sharing, and what the catalog and files change. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { RelayEvent } from "../../../src/relay/engine/events.ts";
import { connectTo } from "../../support/connection.ts";
import {
  MemorySink,
  makePipeline,
  publish,
  type RunningRelay,
  setPipeline,
  startRelay,
  until,
} from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const opened: Tide[] = [];
let tide: Tide;
beforeEach(async () => {
  tide = await openTide();
  opened.push(tide);
});
afterAll(() => Promise.all(opened.map((one) => one[Symbol.asyncDispose]())));

function owns({ events }: RunningRelay): string[] {
  const owned = new Set<string>();
  for (const event of events) {
    if (event.type !== "relay.ownership") continue;
    if (event.event === "acquired") owned.add(event.pipeline);
    else if (event.event !== "denied") owned.delete(event.pipeline);
  }
  return [...owned].sort();
}

const statesOf = ({ events }: { events: RelayEvent[] }, pipeline: string): string[] =>
  events.flatMap((event) => (event.type === "relay.state" && event.pipeline === pipeline ? [event.state] : []));

describe("two relays of one group", () => {
  it("share the pipelines, and one takes over what the other gives back", async () => {
    for (const name of ["a", "b", "c", "d"]) await makePipeline(tide, name);
    const sink = new MemorySink();
    await using one = startRelay(tide, sink.parts());
    await until("the first has all", () => owns(one).length === 4);
    await using two = startRelay(tide, sink.parts());
    await until("they share", () => owns(one).length === 2 && owns(two).length === 2);
    await two.stop();
    await until("the first has all again", () => owns(one).length === 4);
    for (const name of ["a", "b", "c", "d"]) await publish(tide, name, 5);
    await until("everything arrived", () => sink.delivered.length === 20);
    await one.stop();
    expect(new Set(sink.keys).size).toBe(20);
  });

  it("[relay 5.4] hand over without waiting for the lease when the owner's session is gone", async () => {
    await makePipeline(tide, "orders");
    const sink = new MemorySink();
    let isBroken = false;
    const sessions: { close(): Promise<void> }[] = [];
    await using one = startRelay(tide, sink.parts(), {
      leaseMs: 600_000,
      openDatabase: async () => {
        if (isBroken) throw new Error("the network is gone");
        const session = await connectTo(tide.cluster, { database: tide.database });
        sessions.push(session);
        return session;
      },
    });
    await until("the first owns it", () => owns(one).length === 1);
    await using two = startRelay(tide, sink.parts(), { takeoverIntervalMs: 200 });
    isBroken = true;
    await Promise.all(sessions.map((session) => session.close()));
    await until("the second owns it", () => owns(two).length === 1);
    await publish(tide, "orders", 3);
    await until("events go on", () => sink.delivered.length === 3);
  });
});

describe("relays of different groups", () => {
  it("each deliver everything", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 10);
    const [first, second] = [new MemorySink(), new MemorySink()];
    await startRelay(tide, first.parts(), { untilIdle: true, group: "one" }).done;
    await startRelay(tide, second.parts(), { untilIdle: true, group: "two" }).done;
    expect(first.keys).toEqual(second.keys);
    expect(first.keys).toHaveLength(10);
  });
});

describe("[R-17] somebody who squats on a pipeline's lock", () => {
  it("does not keep it from being delivered", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 3);
    const other = await tide.another();
    await other.rows("select pg_advisory_lock(hashtext('default'), hashtext('default:forward:orders'))");
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("the events arrived", () => sink.delivered.length === 3);
    expect(await tide.one("select has_lock from tide.relay_leases")).toBe("f");
    await other.session.close();
    await until(
      "the lock is taken when it is free",
      async () => (await tide.one("select has_lock from tide.relay_leases")) === "t",
    );
    await relay.stop();
  });
});

/** Looks by itself in ten minutes: whatever happens before was told. */
const NEVER_LOOKS = { takeoverIntervalMs: 600_000, discoveryIntervalMs: 600_000 };

describe("a changed catalog", () => {
  it("[relay 5.5] starts, restarts and stops workers when it is told, not at the next look", async () => {
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts(), NEVER_LOOKS);
    await until("it looked", () => relay.events.some(({ type }) => type === "relay.reconciled"));
    await makePipeline(tide, "orders");
    await until("a new one runs", () => owns(relay).length === 1);
    const restarts = () => statesOf(relay, "orders").filter((state) => state === "starting").length;
    await setPipeline(tide, "orders", "orders", { batch_size: 7 });
    await until("it restarted", () => restarts() === 2);
    await publish(tide, "orders", 20);
    await until("with the new configuration", () => sink.batches.some((batch) => batch.length === 7));
    await tide.rows("select tide.relay_disable('orders')");
    await until("it stopped", () => owns(relay).length === 0);
    await tide.rows("select tide.relay_enable('orders')");
    await until("it runs again", () => owns(relay).length === 1);
    await tide.rows("select tide.relay_delete('orders')");
    await until("it is gone", () => owns(relay).length === 0);
  });

  it("one invalid pipeline fails alone, and recovers when it is corrected", async () => {
    await makePipeline(tide, "good");
    await makePipeline(tide, "broken");
    await tide.rows(
      "update tide.relay_outbox_config set config = config || '{\"no_such_key\": 1}' where name = 'broken'",
    );
    const sink = new MemorySink();
    await using relay = startRelay(tide, sink.parts());
    await until("the good one runs", () => owns(relay).includes("good"));
    const failed = relay.events.find((event) => event.type === "relay.state" && event.state === "failed");
    expect(failed).toMatchObject({ pipeline: "broken", code: "PGTIDE_PIPELINE_INVALID" });
    await until("status says so", async () => {
      const state = await tide.one("select health from tide.relay_pipeline_status where pipeline_id = 'broken'");
      return state === "permanently_failed";
    });
    await setPipeline(tide, "broken", "broken");
    await until("the corrected one runs", () => owns(relay).includes("broken"));
  });

  it("a file with a secret that changes restarts only the pipeline that refers to it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "pgkeep-relay-"));
    try {
      const file = join(directory, "token");
      await writeFile(file, "first");
      await makePipeline(tide, "plain");
      await makePipeline(tide, "secret", {
        sink_type: "nats",
        config: { url: "tls://127.0.0.1:4222", subject: "x", token: `\${file:${file}}` },
      });
      const sink = new MemorySink();
      await using relay = startRelay(tide, sink.parts(), { secretRoots: [directory] });
      await until("both run", () => owns(relay).length === 2);
      await writeFile(file, "second one");
      await until("it restarted", () => statesOf(relay, "secret").filter((state) => state === "starting").length === 2);
      expect(statesOf(relay, "plain").filter((state) => state === "starting")).toHaveLength(1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("is read again when somebody asks for it, notified or not", async () => {
    await using relay = startRelay(tide, new MemorySink().parts(), NEVER_LOOKS);
    await until("it looked", () => relay.events.some(({ type }) => type === "relay.reconciled"));
    await tide.run("alter table tide.relay_outbox_config disable trigger user");
    await tide.rows("select tide.outbox_create('quiet')");
    await tide.rows(
      `insert into tide.relay_outbox_config (name, config)
       values ('quiet', '{"schema_version": 1, "source_type": "outbox", "source": {"outbox": "quiet"}, "sink_type": "stdout", "sink": {}}')`,
    );
    relay.reload();
    await until("it runs", () => owns(relay).length === 1);
  });

  it("switches a pipeline on again when its pause is over", async () => {
    await makePipeline(tide, "orders", { auto_resume_after: "1 second" });
    await tide.rows("select tide.relay_pause('orders', 'somebody was afraid', 'transient')");
    const started = performance.now();
    await using relay = startRelay(tide, new MemorySink().parts());
    await until("it runs again", () => owns(relay).length === 1);
    expect(performance.now() - started).toBeGreaterThan(500);
  });

  it("only the tenant's pipelines are run where a relay is for one", async () => {
    await makePipeline(tide, "ours");
    await makePipeline(tide, "theirs");
    await tide.rows("update tide.relay_outbox_config set tenant_name = 'acme' where name = 'ours'");
    await using relay = startRelay(tide, new MemorySink().parts(), { tenant: "acme" });
    await until("ours runs", () => owns(relay).length === 1);
    expect(owns(relay)).toEqual(["ours"]);
  });

  it("no more pipelines are owned than the process may", async () => {
    for (const name of ["a", "b", "c"]) await makePipeline(tide, name);
    await using relay = startRelay(tide, new MemorySink().parts(), { maxOwnedPipelines: 2 });
    await until("two run", () => owns(relay).length === 2);
    await until("it looked again", () => relay.events.filter(({ type }) => type === "relay.reconciled").length > 4);
    expect(owns(relay)).toHaveLength(2);
  });
});

describe("shutting down", () => {
  it.each([
    ["30 s", 30_000],
    ["longer than timers count", 600 * 3_600_000],
  ])("waits for what is on its way and records it, when it may take %s", async (_limit, drainTimeoutMs) => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 10);
    let isSending = false;
    const sink = new MemorySink({
      answerAll: async (batch) => {
        isSending = true;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return batch.map(() => ({ outcome: "delivered" }));
      },
    });
    const relay = startRelay(tide, sink.parts(), { drainTimeoutMs });
    await until("it sends", () => isSending);
    const summary = await relay.stop();
    expect(summary).toMatchObject({ delivered: 10, forced: [] });
    expect(await tide.one("select last_change_id from tide.relay_consumer_offsets")).toBe("10");
    expect(await tide.one("select owner_token from tide.relay_leases")).toBeNull();
  });

  it("ends by force what does not drain, and says which", async () => {
    await makePipeline(tide, "orders");
    await publish(tide, "orders", 10);
    let isSending = false;
    const sink = new MemorySink({
      answerAll: () => {
        isSending = true;
        return new Promise(() => {});
      },
    });
    const relay = startRelay(tide, sink.parts(), { drainTimeoutMs: 200 });
    await until("it sends", () => isSending);
    expect((await relay.stop()).forced).toEqual(["orders"]);
  });
});
