/** From an application's transaction through transforms, formats and sinks of this package, and back out of an inbox. */
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { consume, PayloadEncryption, publish, publishBatch } from "../../../src/relay-api.ts";
import { jsonText, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const KEY = "ab".repeat(32);

function poolOf({ cluster, database }: Tide): pg.Pool {
  const { host, port, superuser: user, password } = cluster;
  return new pg.Pool({ host, port, user, password, database, max: 4 });
}

async function pipeline(tide: Tide, document: Record<string, unknown>): Promise<void> {
  await tide.rows("select tide.relay_set_outbox_v2($1::jsonb)", JSON.stringify(document));
}

/** One pipeline's secrets: a directory that the process allows, with a key in it. */
function secrets(): { root: string; key: string } {
  const root = mkdtempSync(join(tmpdir(), "pgkeep-secrets-"));
  const key = join(root, "payload.key");
  writeFileSync(key, `${KEY}\n`);
  chmodSync(key, 0o600);
  return { root, key };
}

describe("an event of an application", () => {
  it("is opened, filtered, cut to what is asked for, addressed, stored once, and handled once", async () => {
    await using tide = await openTide();
    const pool = poolOf(tide);
    const { root, key } = secrets();
    await tide.rows("select tide.outbox_create('orders'), tide.inbox_create('shop')");
    await pipeline(tide, {
      name: "to-shop",
      outbox: "orders",
      sink_type: "inbox",
      config: { inbox: "shop" },
      encryption: { key_path: key },
      transform: { filter: "payload.total >= `100`", payload: "{id: id, total: total, kind: op}" },
      routing: {
        rules: [{ match_field: "kind", match_value: "delete", subject: "gone.{payload.id}" }],
        default_template: "kept.{header.region}",
      },
    });
    const encryption = new PayloadEncryption({ key: KEY });
    const events = Array.from({ length: 200 }, (_, index) => ({
      payload: { id: index, total: index, card: "4111-canary" },
      op: index % 2 === 0 ? ("delete" as const) : ("insert" as const),
      headers: { region: "eu" },
    }));
    await publishBatch(pool, "orders", events, { encryption });
    await publish(pool, "orders", { payload: "canary, not an order" });
    await using relay = startRelay(tide, catalogueParts, { secretRoots: [root] });
    await until("all are stored", async () => (await tide.one("select count(*) from tide.shop_inbox")) === "100");
    await until(
      "all are settled",
      async () => (await tide.one("select last_change_id from tide.relay_consumer_offsets")) === "201",
    );
    await relay.stop();
    expect(await tide.rows("select source, payload::text from tide.shop_inbox order by id limit 2")).toEqual([
      { source: "gone.100", payload: '{"id": 100, "kind": "delete", "total": 100}' },
      { source: "kept.eu", payload: '{"id": 101, "kind": "insert", "total": 101}' },
    ]);
    // Left out is settled, not dead; a text has no total, so it was left out too.
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    expect(jsonText(relay.events)).not.toContain("canary");

    await pool.query("create table public.handled (id int)");
    const summary = await consume<{ id: number }>({
      inbox: "shop",
      connect: () => pool.connect(),
      signal: new AbortController().signal,
      untilEmpty: true,
      handle: async ({ payload }, tx) => {
        await tx.query("insert into public.handled values ($1)", [payload.id]);
      },
    });
    expect(summary).toEqual({ handled: 100, failed: 0, superseded: 0 });
    expect(await tide.one("select count(distinct id) from public.handled")).toBe("100");
    await pool.end();
  });

  it("[R-20][R-21] that cannot be shaped is a dead letter alone, and its text says nothing of it", async () => {
    await using tide = await openTide();
    const pool = poolOf(tide);
    await tide.rows("select tide.outbox_create('orders'), tide.inbox_create('shop')");
    await pipeline(tide, {
      name: "to-shop",
      outbox: "orders",
      sink_type: "inbox",
      config: { inbox: "shop" },
      transform: { filter: "abs(n) > `0`" },
    });
    await publishBatch(
      pool,
      "orders",
      Array.from({ length: 100 }, (_, index) => ({ payload: { n: index === 50 ? "canary" : index + 1 } })),
    );
    await using relay = startRelay(tide, catalogueParts);
    await until("the others arrived", async () => (await tide.one("select count(*) from tide.shop_inbox")) === "99");
    await until("it is a dead letter", async () => (await tide.one("select count(*) from tide.relay_dlq")) === "1");
    await relay.stop();
    const [letter] = await tide.rows("select error_kind, error_message, payload::text from tide.relay_dlq");
    expect(letter).toMatchObject({ error_kind: "decode", payload: '{"n": "canary"}' });
    expect(letter?.error_message).toContain("expression failed");
    expect(letter?.error_message).not.toContain("canary");
    await pool.end();
  });

  it("goes into a file of the operator's directory as CloudEvents, and nowhere else", async () => {
    await using tide = await openTide();
    const pool = poolOf(tide);
    const directory = mkdtempSync(join(tmpdir(), "pgkeep-files-"));
    const path = join(directory, "events.jsonl");
    await tide.rows("select tide.outbox_create('orders')");
    await pipeline(tide, {
      name: "to-file",
      outbox: "orders",
      sink_type: "file",
      config: { path: "${env:OUT}" },
      wire_format: "cloudevents",
    });
    await publishBatch(pool, "orders", [{ payload: { n: 1 } }, { payload: { n: 2 } }]);
    const environment = { OUT: path };
    await using refused = startRelay(tide, catalogueParts, { environment });
    await until("it fails", () =>
      refused.events.some((event) => event.type === "relay.state" && event.state === "failed"),
    );
    await refused.stop();
    expect(() => readFileSync(path)).toThrow();
    await using relay = startRelay(tide, catalogueParts, { environment, fileRoots: [directory], untilIdle: true });
    expect(await relay.done).toMatchObject({ delivered: 2, deadLetters: 0 });
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { specversion: "1.0", type: "io.pgtide.event", id: "1", data: { n: 1 } },
      { specversion: "1.0", id: "2", data: { n: 2 } },
    ]);
    await pool.end();
  });

  it("comes in by standard input in Debezium's form, once per line however often it is sent", async () => {
    await using tide = await openTide();
    await tide.rows("select tide.inbox_create('arrivals')");
    await tide.rows(
      "select tide.relay_set_inbox_v2($1::jsonb)",
      JSON.stringify({ name: "arrive", inbox: "arrivals", source: "stdin", config: {}, wire_format: "debezium" }),
    );
    const input = new PassThrough();
    await using relay = startRelay(tide, catalogueParts, { streams: { input, output: new PassThrough() } });
    const line = (op: string, id: number) =>
      `${JSON.stringify({ op, before: op === "d" ? { id } : null, after: op === "d" ? null : { id }, source: { db: "erp", table: "items" } })}\n`;
    input.write(`${line("c", 1) + line("d", 1) + line("c", 1)}null\nnonsense\n`);
    await until("all are there", async () => (await tide.one("select count(*) from tide.arrivals_inbox")) === "2");
    await until(
      "nonsense is a dead letter",
      async () => (await tide.one("select count(*) from tide.relay_dlq")) === "1",
    );
    expect(
      await tide.rows("select source, payload::text, headers ->> 'op' as op from tide.arrivals_inbox order by id"),
    ).toEqual([
      { source: "erp.items", payload: '{"id": 1}', op: "insert" },
      { source: "erp.items", payload: '{"id": 1}', op: "delete" },
    ]);
    await relay.stop();
  });
});
