/** Owning, reading and recording in the database: who owns a pipeline, what a page holds, that an old owner changes nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

const MAJORS = availableMajors().filter((major) => major === 14 || major === 18);
const KEY = ["g", "default", "forward", "p"];

describe.each(MAJORS)("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let database: string;
  let admin: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    database = await cluster.createDatabase();
    admin = await open();
    await installTide(admin);
    await admin.query("select tide.outbox_create('orders'), tide.inbox_create('mail')");
  });
  afterAll(async () => {
    await admin.close();
    await cluster.stop();
  });
  beforeEach(async () => {
    await admin.script(
      "delete from tide.relay_leases; delete from tide.relay_consumer_offsets; delete from tide.relay_dlq",
    );
  });

  const open = () => connectTo(cluster, { database });

  const acquire = async (token: string, hasLock: boolean, leaseMs = 60_000) => {
    const values = [...KEY, token, `relay ${token}`, String(leaseMs), String(hasLock)];
    const [row] = await admin.rows("select * from tide.relay_lease_acquire($1, $2, $3, $4, $5, $6, $7, $8)", values);
    const [acquired, epoch, heldBy, expiresInMs] = row ?? [];
    return { acquired: acquired === "t", epoch, heldBy, expiresInMs: Number(expiresInMs) };
  };

  const renew = async (epoch: string | null | undefined, hasLock = true) => {
    const values = [...KEY, epoch ?? null, "60000", String(hasLock)];
    const [row] = await admin.rows("select tide.relay_lease_renew($1, $2, $3, $4, $5, $6, $7)", values);
    return row?.[0] === "t";
  };

  const commit = async (
    epoch: string | null | undefined,
    position: number | null,
    { dead, settled, receipts }: { dead?: unknown; settled?: unknown; receipts?: unknown } = {},
  ) => {
    const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
    const values = [...KEY, epoch ?? null, "60000", "orders", position === null ? null : String(position)];
    const text = "select tide.relay_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    const [row] = await admin.rows(text, [...values, json(dead), json(settled), json(receipts)]);
    return row?.[0] ?? null;
  };

  const letter = (key: string) => ({
    outbox_id: 1,
    dedup_key: key,
    subject: "orders.insert",
    payload: { n: 1 },
    headers: { a: "b" },
    created_at: "2026-01-02T03:04:05.123456Z",
    error_message: "refused",
    error_kind: "sink_permanent",
    attempt_count: 3,
    sink_name: "webhook",
    order_key: "k",
  });

  describe("[relay 5.4] a lease", () => {
    it("that ends far in the future, because the clock was set back, is nobody's for ever", async () => {
      const first = await acquire("a", true);
      const far = "update tide.relay_leases set expires_at = now() + interval '1 day'";
      await admin.query(far);
      // Whoever lives and works takes its own anew.
      expect(await commit(first.epoch, 1)).toBe("1");
      expect(await acquire("b", false)).toMatchObject({ acquired: false });
      await admin.query(far);
      expect(await acquire("b", false)).toMatchObject({ acquired: true, epoch: "2" });
      expect(await commit(first.epoch, 2)).toBeNull();
    });

    it("is one owner's until it has run out, and each owner's epoch is higher", async () => {
      const first = await acquire("a", true);
      expect(first).toMatchObject({ acquired: true, epoch: "1" });
      const second = await acquire("b", false);
      expect(second).toMatchObject({ acquired: false, epoch: "1", heldBy: "relay a" });
      expect(second.expiresInMs).toBeGreaterThan(50_000);
      await admin.query("update tide.relay_leases set expires_at = now() - interval '1 s'");
      expect(await acquire("b", false)).toMatchObject({ acquired: true, epoch: "2" });
      expect(await renew(first.epoch)).toBe(false);
      expect(await renew("2")).toBe(true);
    });

    it("goes at once to whoever holds the lock that its owner held: that one's session is gone", async () => {
      await acquire("a", true);
      expect(await acquire("b", true)).toMatchObject({ acquired: true, epoch: "2" });
    });

    it("[R-17] is not taken by a lock alone from an owner that never got the lock", async () => {
      await acquire("a", false);
      expect(await acquire("b", true)).toMatchObject({ acquired: false, heldBy: "relay a" });
      await renew("1", true);
      expect(await acquire("b", true)).toMatchObject({ acquired: true });
    });

    it("is free at once when it was given back, and its old owner cannot renew it", async () => {
      await acquire("a", false);
      await admin.rows("select tide.relay_lease_release($1, $2, $3, $4, $5)", [...KEY, "1"]);
      expect(await renew("1")).toBe(false);
      expect(await acquire("b", false)).toMatchObject({ acquired: true, epoch: "2" });
    });
  });

  describe("[relay 5.4] a write with an old epoch", () => {
    it("changes nothing: no position, no dead letter, nothing settled, no inbox row, no longer lease", async () => {
      await acquire("a", true);
      expect(await commit("1", 10)).toBe("10");
      await commit("1", 10, { dead: [letter("k1")] });
      await acquire("b", true);
      const lease = await admin.query("select expires_at from tide.relay_leases");
      const [row] = await admin.query("select id from tide.relay_dlq");
      const late = { dead: [letter("k2")], settled: [{ id: Number(row?.id), ok: true }] };
      expect(await commit("1", 99, late)).toBeNull();
      expect(await commit("1", null, late)).toBeNull();
      const stored = await admin.rows(
        "select stored from tide.relay_store('g', 'default', 'p', 1, 60000, 'mail', '[{\"event_id\": \"e\"}]')",
      );
      expect(stored).toEqual([]);
      expect(await admin.query("select last_change_id from tide.relay_consumer_offsets")).toEqual([
        { last_change_id: "10" },
      ]);
      expect(await admin.query("select dedup_key, resolved from tide.relay_dlq")).toEqual([
        { dedup_key: "k1", resolved: "f" },
      ]);
      expect(await admin.query("select expires_at from tide.relay_leases")).toEqual(lease);
    });

    it("waits for a takeover that is on its way and then changes nothing", async () => {
      await acquire("a", true);
      await using other = await open();
      await other.script("begin");
      await other.rows("select * from tide.relay_lease_acquire('g', 'default', 'forward', 'p', 'b', 'b', 60000, true)");
      const late = commit("1", 99);
      await other.script("commit");
      expect(await late).toBeNull();
    });
  });

  describe("[relay 5.2] a position", () => {
    it("never goes back, and is written together with dead letters or not at all", async () => {
      await acquire("a", true);
      expect(await commit("1", 10)).toBe("10");
      expect(await commit("1", 5)).toBe("10");
      const broken = [{ ...letter("k"), error_kind: "no such kind" }];
      await expect(commit("1", 20, { dead: broken })).rejects.toThrow(/error_kind/);
      expect(await commit("1", null)).toBe("10");
    });

    it("keeps a dead letter once, however often it is written while unresolved", async () => {
      await acquire("a", true);
      await commit("1", 1, { dead: [letter("k"), letter("other")] });
      await commit("1", 1, { dead: [letter("k")] });
      const rows = await admin.query(
        "select dedup_key, relay_mode, pipeline_name, payload, headers, attempt_count, order_key, created_at at time zone 'UTC' as at from tide.relay_dlq order by id",
      );
      expect(rows).toHaveLength(2);
      expect(rows[0]).toEqual({
        dedup_key: "k",
        relay_mode: "forward",
        pipeline_name: "p",
        payload: '{"n": 1}',
        headers: '{"a": "b"}',
        attempt_count: "3",
        order_key: "k",
        at: "2026-01-02 03:04:05.123456",
      });
    });

    it("[relay 3.6] settles what was delivered again: resolved on success, waiting for somebody on failure", async () => {
      await acquire("a", true);
      await commit("1", 1, { dead: [letter("good"), letter("bad"), letter("quiet")] });
      await admin.query("update tide.relay_dlq set retried_at = now() where dedup_key <> 'quiet'");
      const due = await admin.query("select id, dedup_key from tide.relay_due_dead_letters('p', 'forward', 10)");
      expect(due.map((row) => row.dedup_key)).toEqual(["good", "bad"]);
      const [good, bad] = due.map((row) => Number(row.id));
      const settled = [
        { id: good, ok: true },
        { id: bad, ok: false, error_message: "again" },
      ];
      await commit("1", null, { settled });
      const rows = await admin.query(
        "select dedup_key, resolved, resolved_by, retried_at is null as waits, attempt_count, error_message from tide.relay_dlq order by id limit 2",
      );
      expect(rows).toEqual([
        {
          dedup_key: "good",
          resolved: "t",
          resolved_by: "relay",
          waits: "f",
          attempt_count: "4",
          error_message: "refused",
        },
        { dedup_key: "bad", resolved: "f", resolved_by: null, waits: "t", attempt_count: "4", error_message: "again" },
      ]);
      expect(await admin.query("select tide.relay_due_dead_letters('p', 'forward', 10)")).toEqual([]);
      const history =
        "select action, reason from tide.relay_dlq_history where dlq_id = any ($1::bigint[]) order by dlq_id";
      expect(await admin.query(history, [`{${good},${bad}}`])).toEqual([
        { action: "redelivered", reason: null },
        { action: "failed", reason: "again" },
      ]);
    });

    it("writes a receipt for each step: from where the last one ended to the position", async () => {
      await acquire("a", true);
      await commit("1", 7, { receipts: { sink_type: "nats", messages: 4 } });
      await commit("1", 9, { receipts: { sink_type: "nats", messages: 2 } });
      const rows = await admin.query(
        "select pipeline_name, outbox_name, first_id, message_id, messages, sink_type from tide.relay_delivery_receipts order by id",
      );
      const common = { pipeline_name: "p", outbox_name: "orders", sink_type: "nats" };
      expect(rows).toEqual([
        { ...common, first_id: "1", message_id: "7", messages: "4" },
        { ...common, first_id: "8", message_id: "9", messages: "2" },
      ]);
    });
  });

  describe("[relay 5.3b] a page", () => {
    const page = (after: bigint, limit: number, bytes: number) =>
      admin.rows("select * from tide.relay_page('orders', $1, $2, $3)", [String(after), String(limit), String(bytes)]);

    it("gives events byte for byte, in order, up to its limits, and always at least one", async () => {
      await admin.query("truncate tide.tide_outbox_messages cascade");
      const payloads = ['{"a": "ä", "n": 12345678901234567890.10}', '"text"', "[]"];
      for (const payload of payloads) await admin.query("select tide.outbox_publish('orders', $1)", [payload]);
      const all = await page(0n, 10, 1_000_000);
      expect(all.map(([, payload]) => payload)).toEqual(payloads);
      expect(all[0]?.[3]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(await page(0n, 2, 1_000_000)).toEqual(all.slice(0, 2));
      expect(await page(0n, 10, 54)).toEqual(all.slice(0, 2));
      expect(await page(0n, 10, 1)).toEqual(all.slice(0, 1));
      expect(await page(BigInt(all[2]?.[0] ?? 0), 10, 1_000_000)).toEqual([]);
    });

    it("is refused where snapshots are older than statements", async () => {
      await admin.script("begin isolation level repeatable read");
      await expect(page(0n, 1, 1)).rejects.toThrow(/READ COMMITTED/);
      await admin.script("rollback");
    });

    it("leaves everything it gave on disk, also from publishers that do not wait for it", async () => {
      await using publisher = await open();
      await publisher.script("set synchronous_commit = off");
      for (let round = 0; round < 20; round++) {
        await publisher.query("select tide.outbox_publish('orders', '{}')");
        // Where the log stood when the event was there to be read.
        const [{ lsn } = { lsn: null }] = await publisher.query("select pg_current_wal_insert_lsn() as lsn");
        expect((await page(0n, 1_000, 4_000_000)).length).toBeGreaterThan(0);
        const [row] = await admin.query("select pg_current_wal_flush_lsn() >= $1::pg_lsn as flushed", [lsn ?? null]);
        expect(row).toEqual({ flushed: "t" });
      }
    });
  });

  describe("[relay 3.4] storing received events", () => {
    const store = async (rows: unknown, epoch = "1") => {
      const text = "select stored from tide.relay_store('g', 'default', 'p', $1, 60000, 'mail', $2)";
      const [row] = await admin.rows(text, [epoch, JSON.stringify(rows)]);
      return JSON.parse(row?.[0] ?? "null");
    };

    it("gives the ids that were new, each once, and keeps what was there", async () => {
      await admin.rows("select tide.relay_lease_acquire('g', 'default', 'reverse', 'p', 't', 'l', 60000, true)");
      const event = (id: string, n: number) => ({ event_id: id, source: "s", payload: { n }, headers: {} });
      expect(await store([event("a", 1), event("b", 2), event("a", 3)])).toEqual(["a", "b"]);
      expect(await store([event("b", 9), event("c", 4)])).toEqual(["c"]);
      const rows = await admin.query('select event_id, payload from tide."mail_inbox" order by id');
      expect(rows).toEqual([
        { event_id: "a", payload: '{"n": 1}' },
        { event_id: "b", payload: '{"n": 2}' },
        { event_id: "c", payload: '{"n": 4}' },
      ]);
    });
  });
});
