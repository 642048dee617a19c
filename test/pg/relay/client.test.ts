/** The library for applications, with the real `pg` driver: events in the caller's transaction, effects exactly once. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { consume, type InboxEvent, PayloadEncryption, publish, publishBatch } from "../../../src/relay-api.ts";
import { startProxy, type TestProxy } from "../../conformance/relay/network.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

let cluster: TestCluster;
let database: string;
let pool: pg.Pool;

const poolAt = (host: string, port: number, max = 8) => {
  const made = new pg.Pool({ host, port, database, user: cluster.superuser, password: cluster.password, max });
  made.on("error", () => {});
  return made;
};

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
  const admin = await connectTo(cluster, { database });
  await installTide(admin);
  await admin.query("select tide.outbox_create('orders'), tide.outbox_create('sealed')");
  await admin.close();
  pool = poolAt(cluster.host, cluster.port);
});
afterAll(() => pool.end());

const messages = async (outbox: string) =>
  (
    await pool.query("select id, payload, headers from tide.tide_outbox_messages where outbox_name = $1 order by id", [
      outbox,
    ])
  ).rows;

describe("publishing", () => {
  it("belongs to the caller's transaction: committed with it, gone with it", async () => {
    const client = await pool.connect();
    await client.query("begin");
    await publish(client, "orders", { payload: { lost: true } });
    await client.query("rollback");
    await client.query("begin");
    const id = await publish(client, "orders", {
      payload: { total: 5, text: 'O\'Hara \u2028 "q" \\ 😀' },
      op: "insert",
      type: "order.created",
      key: "customer-7",
      headers: { trace: "t1", op: "overridden" },
    });
    await client.query("commit");
    client.release();
    expect(await messages("orders")).toEqual([
      {
        id: String(id),
        payload: { total: 5, text: 'O\'Hara \u2028 "q" \\ 😀' },
        headers: { op: "insert", event_type: "order.created", dedup_key: "customer-7", trace: "t1" },
      },
    ]);
  });

  it("of a batch gives the ids in order, and publishes all or none", async () => {
    const ids = await publishBatch(
      pool,
      "orders",
      Array.from({ length: 500 }, (_, number) => ({ payload: { number } })),
    );
    expect(ids).toEqual([...ids].sort((a, b) => Number(a - b)));
    const stored = (await messages("orders")).filter(({ payload }) => "number" in payload);
    expect(stored.map(({ id, payload }) => [BigInt(id), payload.number])).toEqual(
      ids.map((id, number) => [id, number]),
    );
    await expect(publishBatch(pool, "orders", [{ payload: 1 }, { payload: "\0" }])).rejects.toThrow();
    expect(await messages("orders")).toHaveLength(501);
    expect(await publishBatch(pool, "orders", [])).toEqual([]);
    await expect(publishBatch(pool, "orders", Array(10_001).fill({ payload: 1 }))).rejects.toThrow(RangeError);
  });

  it("names what a program can do something about", async () => {
    await expect(publish(pool, "nope", { payload: 1 })).rejects.toMatchObject({ code: "RELAY_OUTBOX_UNKNOWN" });
    await expect(publish(pool, "orders", { payload: undefined })).rejects.toThrow(TypeError);
    const outsider = await pool.connect();
    await outsider.query("drop role if exists client_outsider; create role client_outsider");
    await outsider.query("set role client_outsider");
    await expect(publish(outsider, "orders", { payload: 1 })).rejects.toMatchObject({ code: "RELAY_RIGHT_MISSING" });
    await outsider.query("reset role");
    await outsider.query("drop role client_outsider");
    outsider.release();
  });

  it("with encryption keeps the payload from the database, and only the outbox it was sealed for opens it", async () => {
    const old = new PayloadEncryption({ key: "11".repeat(32) });
    await publish(pool, "sealed", { payload: { card: "4111-canary" }, key: "k" }, { encryption: old });
    await publishBatch(pool, "sealed", [{ payload: { card: "4222-canary" } }], { encryption: old });
    const rotated = new PayloadEncryption({ key: "22".repeat(32), previous: ["11".repeat(32)] });
    const stored = await messages("sealed");
    expect(JSON.stringify(stored)).not.toContain("canary");
    const texts = stored.map(({ payload }) => JSON.stringify(payload));
    expect(texts.map((text) => JSON.parse(rotated.open(text, "sealed")))).toEqual([
      { card: "4111-canary" },
      { card: "4222-canary" },
    ]);
    expect(() => rotated.open(texts[0] ?? "", "orders")).toThrow("another outbox");
    const resealed = rotated.rotate(texts[0] ?? "", "sealed") ?? "";
    expect(JSON.parse(resealed).kid).toBe(rotated.keyId);
    expect(rotated.rotate(resealed, "sealed")).toBeUndefined();
    expect(() => old.open(resealed, "sealed")).toThrow("not configured");
  });
});

describe("consuming", () => {
  let number = 0;
  const inbox = async (count: number, { maxRetries = 3 } = {}) => {
    const name = `in${++number}`;
    await pool.query("select tide.inbox_create($1, p_max_retries => $2)", [name, maxRetries]);
    await deliver(name, count);
    await pool.query(`create table ${name}_effect (event_id text)`);
    return name;
  };
  const deliver = (name: string, count: number) =>
    pool.query(
      `insert into tide.${name}_inbox (event_id, source, payload, headers)
       select 'e' || i, 'test', jsonb_build_object('number', i), '{"h": 1}' from generate_series(1, $1) as i
           on conflict (event_id) do nothing`,
      [count],
    );
  const effects = async (name: string) =>
    (await pool.query(`select count(*)::int as all, count(distinct event_id)::int as distinct from ${name}_effect`))
      .rows[0];
  const pending = async (name: string) =>
    (
      await pool.query(
        `select event_id, retry_count, last_error, claimed_until from tide.${name}_inbox where processed_at is null order by id`,
      )
    ).rows;
  const record =
    (name: string) =>
    async ({ id }: InboxEvent, tx: { query(text: string, values?: unknown[]): Promise<unknown> }) => {
      await tx.query(`insert into ${name}_effect values ($1)`, [id]);
    };
  const connect = () => pool.connect();
  const never = new AbortController().signal;

  it("hands over what arrived, in order, and marks it in the handler's own transaction", async () => {
    const name = await inbox(45);
    const seen: InboxEvent<{ number: number }>[] = [];
    const summary = await consume<{ number: number }>({
      inbox: name,
      connect,
      signal: never,
      untilEmpty: true,
      handle: async (event, tx) => {
        seen.push(event);
        await record(name)(event, tx);
      },
    });
    expect(summary).toEqual({ handled: 45, failed: 0, superseded: 0 });
    expect(seen.map(({ payload }) => payload.number)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
    expect(seen[0]).toMatchObject({ id: "e1", source: "test", headers: { h: 1 }, attempt: 1 });
    expect(seen[0]?.receivedAt).toBeInstanceOf(Date);
    expect(await effects(name)).toEqual({ all: 45, distinct: 45 });
    await deliver(name, 45);
    expect(
      await consume({ inbox: name, connect, signal: never, untilEmpty: true, handle: record(name) }),
    ).toMatchObject({ handled: 0 });
  });

  it("leaves no effect of a handler that fails, tries again later, and lets a poisonous event be after max_retries", async () => {
    const name = await inbox(10, { maxRetries: 3 });
    const attempts: number[] = [];
    const failures: unknown[] = [];
    const run = () =>
      consume({
        inbox: name,
        connect,
        signal: never,
        untilEmpty: true,
        retryDelaySeconds: () => 0,
        onFailure: (_event, error) => failures.push(error),
        handle: async (event, tx) => {
          await record(name)(event, tx);
          if (event.id === "e4") {
            attempts.push(event.attempt);
            throw new Error("cannot digest this");
          }
        },
      });
    const summary = await run();
    expect(summary).toEqual({ handled: 9, failed: 3, superseded: 0 });
    expect(attempts).toEqual([1, 2, 3]);
    expect(failures).toHaveLength(3);
    expect(await effects(name)).toEqual({ all: 9, distinct: 9 });
    expect(await pending(name)).toEqual([
      { event_id: "e4", retry_count: 3, last_error: "cannot digest this", claimed_until: null },
    ]);
    expect(await run()).toEqual({ handled: 0, failed: 0, superseded: 0 });
  });

  it("waits before it tries an event again", async () => {
    const name = await inbox(1);
    const fail = async () => Promise.reject(new Error("later"));
    const first = await consume({ inbox: name, connect, signal: never, untilEmpty: true, handle: fail });
    expect(first.failed).toBe(1);
    expect((await pool.query(`select available_at > now() as waits from tide.${name}_inbox`)).rows).toEqual([
      { waits: true },
    ]);
  });

  it("tries a transaction again at once when the server undid it because of others", async () => {
    const name = await inbox(1);
    let calls = 0;
    const summary = await consume({
      inbox: name,
      connect,
      signal: never,
      untilEmpty: true,
      handle: async (event, tx) => {
        await record(name)(event, tx);
        if (++calls < 3) await tx.query("do $$ begin raise exception 'undone' using errcode = '40001'; end $$");
      },
    });
    expect(summary).toEqual({ handled: 1, failed: 0, superseded: 0 });
    expect(await effects(name)).toEqual({ all: 1, distinct: 1 });
  });

  it("undoes its own work when another consumer was first", async () => {
    const name = await inbox(1);
    const summary = await consume({
      inbox: name,
      connect,
      signal: never,
      untilEmpty: true,
      handle: async (event, tx) => {
        await record(name)(event, tx);
        await pool.query("select tide.inbox_mark_processed($1, $2)", [name, event.id]);
      },
    });
    expect(summary).toEqual({ handled: 0, failed: 0, superseded: 1 });
    expect(await effects(name)).toEqual({ all: 0, distinct: 0 });
  });

  it("stops after the event in hand and gives the rest of its claims back without an attempt", async () => {
    const name = await inbox(20);
    const stop = new AbortController();
    const summary = await consume({
      inbox: name,
      connect,
      signal: stop.signal,
      handle: async (event, tx) => {
        await record(name)(event, tx);
        if (event.id === "e5") stop.abort();
      },
    });
    expect(summary.handled).toBe(5);
    const left = await pending(name);
    expect(left).toHaveLength(15);
    expect(left.every(({ retry_count, claimed_until }) => retry_count === 0 && claimed_until === null)).toBe(true);
  });

  it("[R-20] lets an event that kills every connection come to an end, and handles the others", async () => {
    const name = await inbox(6, { maxRetries: 3 });
    const errors: unknown[] = [];
    let kills = 0;
    const summary = await consume({
      inbox: name,
      // A connection of its own, without a pool.
      connect: async () => {
        const { host, port, superuser: user, password } = cluster;
        const client = new pg.Client({ host, port, user, password, database });
        await client.connect();
        return client;
      },
      signal: never,
      untilEmpty: true,
      retryDelaySeconds: () => 0,
      onError: (error) => errors.push(error),
      handle: async (event, tx) => {
        await record(name)(event, tx);
        if (event.id === "e2") {
          kills++;
          await tx.query("select pg_terminate_backend(pg_backend_pid())");
        }
      },
    });
    expect(summary).toEqual({ handled: 5, failed: 3, superseded: 0 });
    expect([kills, errors.length]).toEqual([3, 3]);
    expect(await effects(name)).toEqual({ all: 5, distinct: 5 });
    const [left] = await pending(name);
    expect(left).toMatchObject({ event_id: "e2", retry_count: 3 });
    expect(left.last_error).toContain("connection was lost");
  });

  it("refuses options out of their bounds", async () => {
    const options = { inbox: "x", connect, signal: never, handle: async () => {} };
    await expect(consume({ ...options, concurrency: 0 })).rejects.toThrow(RangeError);
    await expect(consume({ ...options, batchSize: 1_001 })).rejects.toThrow(RangeError);
    await expect(consume({ ...options, leaseSeconds: 0.5 })).rejects.toThrow(RangeError);
  });

  it("[relay 5.3b] has 3,000 delivered events take effect exactly once, however often connections are cut", async () => {
    const name = await inbox(1_500, { maxRetries: 50 });
    await using proxy: TestProxy = await startProxy({ host: cluster.host, port: cluster.port });
    const cut = poolAt(proxy.host, proxy.port);
    const done = new AbortController();
    let cuts = 0;
    const cutting = (async () => {
      while (!done.signal.aborted) {
        proxy.cutAfter(4_000 + Math.floor(Math.random() * 20_000));
        await new Promise((resolve) => setTimeout(resolve, 40));
        proxy.heal();
        cuts++;
      }
    })();
    const errors: unknown[] = [];
    const working = consume({
      inbox: name,
      connect: () => cut.connect(),
      signal: done.signal,
      concurrency: 3,
      batchSize: 10,
      leaseSeconds: 5,
      pollIntervalMs: 20,
      retryDelaySeconds: () => 0,
      onError: (error) => errors.push(error),
      handle: record(name),
    });
    // The same events again, as a sender that heard no answer delivers them, and as many new ones.
    for (let count = 100; count <= 3_000; count += 100) {
      await deliver(name, count);
      await deliver(name, Math.ceil(count / 2));
    }
    while ((await pending(name)).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    done.abort();
    const summary = await working;
    await cutting;
    await cut.end();
    expect(await effects(name)).toEqual({ all: 3_000, distinct: 3_000 });
    // How many cuts meet work that is under way is chance; some must, or nothing was tried.
    expect(errors.length).toBeGreaterThan(2);
    expect(cuts).toBeGreaterThan(20);
    expect(summary.handled).toBeLessThanOrEqual(3_000);
  });
});
