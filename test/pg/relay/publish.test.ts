/** Publishing on real servers: what is refused, who is told, and that no reader ever passes by an event. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ServerError, type Session } from "../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { installTide } from "../../support/tide.ts";

const PUBLISH = "select tide.outbox_publish_id($1, $2, $3)";
const PAGE = "select id from tide.relay_page($1, $2, $3, $4)";

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let database: string;
  let admin: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { max_prepared_transactions: "4" } });
    database = await cluster.createDatabase();
    admin = await open();
    await installTide(admin);
    await admin.query("select tide.outbox_create('orders'), tide.outbox_create('mails')");
  });
  afterAll(async () => {
    await admin.close();
    await cluster.stop();
  });

  const open = (changes: Record<string, unknown> = {}) => connectTo(cluster, { database, ...changes });

  const publish = async (session: Session, outbox = "orders", payload = "{}"): Promise<bigint> => {
    const [row] = await session.rows(PUBLISH, [outbox, payload, "{}"]);
    return BigInt(row?.[0] ?? 0);
  };

  const idsAfter = async (after: bigint, outbox = "orders", limit = 1_000): Promise<bigint[]> => {
    const rows = await admin.rows(PAGE, [outbox, String(after), String(limit), "4000000"]);
    return rows.map(([id]) => BigInt(id ?? 0));
  };

  const last = async (): Promise<bigint> => {
    const [row] = await admin.rows("select coalesce(max(id), 0) from tide.tide_outbox_messages");
    return BigInt(row?.[0] ?? 0);
  };

  const failure = async (work: Promise<unknown>): Promise<ServerError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ServerError);
    return error as ServerError;
  };

  it("[relay 3.1] refuses an unknown and a disabled outbox, a NULL payload and headers that are no object", async () => {
    await admin.query("select tide.outbox_create('off'), tide.outbox_disable('off')");
    const cases = [
      { values: ["nope", "{}", "{}"], sqlstate: "42704", message: "outbox not found: nope" },
      { values: [null, "{}", "{}"], sqlstate: "42704", message: "outbox not found: NULL" },
      { values: ["off", "{}", "{}"], sqlstate: "55000", message: "invalid argument: outbox 'off' is disabled" },
      { values: ["orders", null, "{}"], sqlstate: "22023", message: "invalid argument: payload is NULL" },
      { values: ["orders", "{}", "[]"], sqlstate: "22023", message: "invalid argument: headers are no JSON object" },
    ];
    for (const { values, ...expected } of cases) {
      const { sqlstate, message, detail, hint } = await failure(admin.rows(PUBLISH, values));
      expect({ sqlstate, message }).toEqual(expected);
      expect(detail).toMatch(/^PGTIDE_/);
      expect(hint).toBeTruthy();
    }
    expect(await admin.rows("select tide.outbox_publish('orders', '{}')")).toHaveLength(1);
  });

  it("publishes many in the order given, with headers, and refuses the whole lot when one is malformed", async () => {
    const before = await last();
    const messages = 'array[\'{"payload": 1}\', \'{"payload": {"n": 2}, "headers": {"op": "insert"}}\']::jsonb[]';
    const [row] = await admin.rows(`select array_to_json(tide.outbox_publish_batch('orders', ${messages}))`);
    const ids: number[] = JSON.parse(row?.[0] ?? "");
    const rows = await admin.rows(
      "select payload, headers from tide.tide_outbox_messages where id = any ($1::bigint[]) order by id",
      [`{${ids.join(",")}}`],
    );
    expect(rows).toEqual([
      ["1", "{}"],
      ['{"n": 2}', '{"op": "insert"}'],
    ]);
    for (const bad of ['{"headers": {}}', '{"payload": 1, "header": {}}', '{"payload": 1, "headers": 7}', "7"]) {
      const text = `select tide.outbox_publish_batch('orders', array['{"payload": 1}', '${bad}']::jsonb[])`;
      expect((await failure(admin.rows(text))).sqlstate).toBe("22023");
    }
    expect(await idsAfter(before)).toHaveLength(2);
    expect(await admin.rows("select tide.outbox_publish_batch('orders', '{}')")).toEqual([["{}"]]);
  });

  it("[relay 5.3] holds back what was given an id after an open transaction's, and nothing else, and waits for nobody", async () => {
    await using slow = await open();
    await slow.script("begin");
    const before = await last();
    const early = await publish(slow);
    const late = await publish(admin);
    const other = await publish(admin, "mails");
    expect(await idsAfter(before)).toEqual([]);
    expect(await idsAfter(before, "mails")).toEqual([other]);
    const [held] = await admin.rows("select process_id, above_id from tide.relay_holders('orders')");
    expect(held).toEqual([String(slow.processId), String(early - 1n)]);
    await slow.script("commit");
    expect(await idsAfter(before)).toEqual([early, late]);
  });

  it("[relay 5.3] a transaction that is rolled back holds nothing any more; so does a savepoint", async () => {
    await using slow = await open();
    const before = await last();
    await slow.script("begin; savepoint s");
    await publish(slow);
    const behind = await publish(admin);
    expect(await idsAfter(before)).toEqual([]);
    await slow.script("rollback to s");
    expect(await idsAfter(before)).toEqual([behind]);
    const again = await publish(slow);
    const third = await publish(admin);
    expect(await idsAfter(before)).toEqual([behind]);
    await slow.script("commit");
    expect(await idsAfter(before)).toEqual([behind, again, third]);
  });

  it("[relay 5.3] a prepared transaction holds until it is settled, also over a restart of its session", async () => {
    const before = await last();
    const preparing = await open();
    await preparing.script("begin; set local tide.notify = 'off'");
    const early = await publish(preparing);
    await preparing.script("prepare transaction 'waiting'");
    await preparing.close();
    const late = await publish(admin);
    expect(await idsAfter(before)).toEqual([]);
    const [held] = await admin.rows("select prepared, since is not null from tide.relay_holders('orders')");
    expect(held).toEqual(["waiting", "t"]);
    await admin.script("commit prepared 'waiting'");
    expect(await idsAfter(before)).toEqual([early, late]);
  });

  it("[relay 5.3] rows inserted past the functions hold too, for every outbox", async () => {
    await using slow = await open();
    const before = await last();
    await slow.script("begin");
    await slow.query(
      "insert into tide.tide_outbox_messages (outbox_name, payload, headers) values ('orders', '1', '{}')",
    );
    await publish(admin, "mails");
    expect(await idsAfter(before, "mails")).toEqual([]);
    await slow.script("commit");
    expect(await idsAfter(before, "mails")).toHaveLength(1);
    expect(await idsAfter(before)).toHaveLength(1);
  });

  it("a transaction of 20,000 events takes two locks", async () => {
    await using many = await open();
    await many.script("begin");
    await many.query("select count(tide.outbox_publish_id('mails', '{}')) from generate_series(1, 20000)");
    const [row] = await many.rows(
      "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
    );
    expect(row).toEqual(["2"]);
    await many.script("rollback");
  });

  it("[relay 5.3b] tells listeners at commit while nobody is awake, not while everybody is, and when one sleeps", async () => {
    await using first = await open();
    await using second = await open();
    await using listener = await open();
    const heard: string[] = [];
    listener.onNotification(({ channel, payload }) => heard.push(`${channel} ${payload}`));
    await listener.script("listen tide_outbox_new");
    const told = async (): Promise<number> => {
      heard.length = 0;
      await publish(admin);
      await listener.query("select 1");
      return heard.length;
    };
    expect(await told()).toBe(1);
    await first.rows("select tide.relay_wake('orders')");
    expect(await told()).toBe(0);
    await second.rows("select tide.relay_sleep('orders')");
    expect(await told()).toBe(1);
    await second.rows("select tide.relay_wake('orders')");
    expect(await told()).toBe(0);
    await first.close();
    // Whoever took the mark over is gone; the other takes it when it next looks around.
    expect(await told()).toBe(1);
    await second.rows("select tide.relay_wake('orders')");
    expect(await told()).toBe(0);
    await second.rows("select tide.relay_sleep('orders')");
    expect(await told()).toBe(1);
  });

  it("[relay 5.3b] one notification stands for transactions that overlap; after them the next one tells again", async () => {
    await using first = await open();
    await using second = await open();
    await using listener = await open();
    const heard: string[] = [];
    listener.onNotification(({ payload }) => heard.push(payload));
    await listener.script("listen tide_outbox_new");
    const told = async () => {
      await listener.query("select 1");
      return heard.splice(0).length;
    };
    await first.script("begin");
    await publish(first);
    await publish(second);
    expect(await told()).toBe(0);
    await first.script("commit");
    expect(await told()).toBe(1);
    await publish(second);
    expect(await told()).toBe(1);
    await first.script("begin; savepoint s");
    await publish(first);
    await first.script("rollback to s");
    await publish(second);
    expect(await told()).toBe(1);
    await first.script("rollback");
  });

  it("tide.notify = off publishes without NOTIFY, always with it", async () => {
    await using listener = await open();
    const heard: string[] = [];
    listener.onNotification(({ payload }) => heard.push(payload));
    await listener.script("listen tide_outbox_new");
    await admin.script("set tide.notify = 'off'");
    await publish(admin);
    await listener.query("select 1");
    expect(heard).toEqual([]);
    await admin.script("set tide.notify = 'always'");
    await listener.rows("select tide.relay_wake('orders')");
    await publish(admin);
    await listener.query("select 1");
    expect(heard).toEqual(["orders"]);
    await admin.script("reset tide.notify");
  });
});
