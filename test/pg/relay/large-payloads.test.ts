/** Payloads that lie beside their row: a relay sends them whole, and what was taken over from pg_tide goes with its message. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { makePipeline, startRelay } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

/** Payloads in the order in which a relay wrote them. */
async function relayed(tide: Tide): Promise<unknown[]> {
  const output = new PassThrough();
  const written = text(output);
  await startRelay(tide, catalogueParts, { untilIdle: true, streams: { input: process.stdin, output } }).done;
  output.end();
  const lines = (await written).split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line).payload);
}

const deadLetters = (tide: Tide) =>
  tide.rows("select error_kind, error_message, payload from tide.relay_dlq where not resolved order by id");

const UNREADABLE = "the payload is larger than 8 MiB, or lies in a large object or in pieces that cannot be read";

describe("a relay", () => {
  it("[relay 5.6] sends a large payload whole, with its numbers as they were, in its place among the others", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const large = `{"n": 2, "exact": 1.10, "text": "${"é".repeat(300_000)}"}`;
    await tide.run("select tide.outbox_publish('orders', '{\"n\": 1}')");
    await tide.rows("select tide.outbox_publish_large('orders', $1::jsonb, 'k', 1000)", large);
    await tide.run("select tide.outbox_publish('orders', '{\"n\": 3}')");
    expect(await tide.one("select payload from tide.relay_page('orders', 1, 1, 1000)")).toBe(
      await tide.one("select $1::jsonb::text", large),
    );
    expect(await relayed(tide)).toEqual([{ n: 1 }, JSON.parse(large), { n: 3 }]);
    expect(await deadLetters(tide)).toEqual([]);
  });

  it("[R-20] passes by payloads that nobody can write out, also when they are tried again", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    // 1.2 GB as text, which the server refuses to make; 360 MB, which no string of ours holds; and headers of that kind.
    await tide.run(`select tide.outbox_publish('orders', '{"n": 1}');
      select tide.outbox_publish('orders', to_jsonb(repeat(chr(1), 200000000)));
      select tide.outbox_publish('orders', to_jsonb(repeat(chr(1), 60000000)));
      select tide.outbox_publish('orders', '{}', jsonb_build_object('h', repeat(chr(1), 9000000)));
      select tide.outbox_publish('orders', to_jsonb(repeat('x', 500000)));
      select tide.outbox_publish('orders', '{"n": 2}')`);
    expect(await relayed(tide)).toEqual([{ n: 1 }, "x".repeat(500_000), { n: 2 }]);
    const tooLarge = ["decode", UNREADABLE];
    const told = async () => (await deadLetters(tide)).map((row) => [row.error_kind, row.error_message]);
    expect(await told()).toEqual([tooLarge, tooLarge, tooLarge]);
    await tide.run("select tide.relay_dlq_retry_all()");
    expect(await relayed(tide)).toEqual([]);
    expect(await told()).toEqual([tooLarge, tooLarge, tooLarge]);
    // Gigabytes are made and read: seconds on a machine of its own, minutes on one that is shared.
  }, 600_000);

  it("makes a dead letter of an envelope that stands for nothing, and stops for none", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    const forged = [
      { _cc: true, size: 10, oid: "4294967295" },
      { _cc: true, size: 10, oid: "9999999999" },
      { _cc: true, size: 10, blob: 3 },
      { _cc: true, size: 1e12, blob: 3 },
      { _cc: true, size: "many", blob: 3 },
    ];
    for (const envelope of forged) {
      await tide.rows("select tide.outbox_publish('orders', $1::jsonb)", JSON.stringify(envelope));
    }
    const binary = await tide.one("select lo_from_bytea(0, '\\xff00')");
    await tide.rows(
      "select tide.outbox_publish('orders', jsonb_build_object('_cc', true, 'size', 2, 'oid', $1::text))",
      binary,
    );
    await tide.run("select tide.outbox_publish('orders', '{\"_cc\": true, \"n\": 1}')");
    expect(await relayed(tide)).toEqual([{ _cc: true, n: 1 }]);
    const letters = await deadLetters(tide);
    expect(letters.map(({ error_kind: kind, error_message: message }) => [kind, message])).toEqual(
      Array.from({ length: forged.length + 1 }, () => ["decode", UNREADABLE]),
    );
  });

  it("sends a dead letter's payload when it can be read by then", async () => {
    await using tide = await openTide();
    await makePipeline(tide, "orders");
    await tide.run("select tide.outbox_publish('orders', jsonb_build_object('_cc', true, 'size', 9, 'oid', '77777'))");
    expect(await relayed(tide)).toEqual([]);
    await tide.run(`select lo_from_bytea(77777, '{"n": 1}'); select tide.relay_dlq_retry_all()`);
    expect(await relayed(tide)).toEqual([{ n: 1 }]);
    expect(await deadLetters(tide)).toEqual([]);
  });
});

/** pg_tide's two tables and what its outbox_publish_large left: an object of the publisher's, open to pg_read_all_data. */
const OLD = `
create schema tide;
create table tide.tide_outbox_config (outbox_name text primary key, retention_hours int not null default 24,
  inline_threshold int not null default 10000, enabled boolean not null default true,
  created_at timestamptz not null default now());
create table tide.tide_outbox_messages (
  id bigint generated always as identity primary key,
  outbox_name text not null references tide.tide_outbox_config on delete cascade,
  payload jsonb not null, headers jsonb not null default '{}', created_at timestamptz not null default now(),
  consumed_at timestamptz, consumer_group text);
insert into tide.tide_outbox_config (outbox_name) values ('orders');
insert into tide.tide_outbox_messages (outbox_name, payload, created_at)
  select 'orders', jsonb_build_object('_cc', true, 'oid', o.oid::text, 'size', 8, 'dedup_key', ''), now() - interval '9 days'
    from (select lo_from_bytea(0, convert_to(format('{"n": %s}', n), 'UTF8')) as oid
            from generate_series(1, 3) as n) as o;
do $$ declare v_object record; begin
  for v_object in select oid from pg_largeobject_metadata loop
    execute format('grant select on large object %s to pg_read_all_data', v_object.oid);
  end loop;
end $$;`;

const adopted = () => openTide({ before: OLD, roles: true });

const objects = (tide: Tide) => tide.one("select count(*) from pg_largeobject_metadata");

describe("large objects of messages that were taken over", () => {
  it("are sent by a relay without rights on them, and left alone by it", async () => {
    await using tide = await adopted();
    await makePipeline(tide, "orders");
    await tide.run("set role tide_relay");
    const rows = await tide.rows("select payload from tide.relay_page('orders', 0, 10, 100000)");
    expect(rows.map(({ payload }) => payload)).toEqual(['{"n": 1}', '{"n": 2}', '{"n": 3}']);
    await tide.run("reset role");
    expect(await relayed(tide)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await objects(tide)).toBe("3");
  });

  it("go with their messages in a sweep and when the outbox goes", async () => {
    await using tide = await adopted();
    await tide.run("select tide.outbox_sweep('orders', 2, true)");
    expect(await objects(tide)).toBe("3");
    await tide.run("select tide.outbox_sweep('orders', 2)");
    expect(await objects(tide)).toBe("1");
    await tide.run("select tide.outbox_drop('orders')");
    expect(await objects(tide)).toBe("0");
  });

  it("[R-15] nobody gets another's large object read or removed by naming it in an event", async () => {
    await using tide = await adopted();
    const theirs = await tide.one("select lo_from_bytea(0, 'secret')");
    await tide.run(`alter large object ${theirs} owner to tide_owner;
      grant select on large object ${theirs} to pg_read_all_data`);
    await tide.rows(
      "select tide.outbox_publish('orders', jsonb_build_object('_cc', true, 'size', 6, 'oid', $1::text))",
      theirs,
    );
    await tide.run("update tide.tide_outbox_messages set created_at = now() - interval '9 days'");
    await tide.run("set role tide_relay");
    expect(await tide.one("select payload::jsonb ->> 'oid' from tide.relay_page('orders', 3, 10, 100000)")).toBe(
      theirs,
    );
    await tide.run("reset role; select tide.outbox_sweep('orders')");
    expect(await tide.one("select count(*) from tide.tide_outbox_messages")).toBe("0");
    expect(await tide.rows("select oid from pg_largeobject_metadata")).toEqual([{ oid: theirs }]);
  });

  it("stay when they are not pg_tide's", async () => {
    await using tide = await openTide();
    expect(await tide.one("select count(*) from tide.meta where key = 'adopted_through'")).toBe("0");
    const oid = await tide.one("select lo_from_bytea(0, '{}')");
    await tide.run("select tide.outbox_create('orders')");
    await tide.rows(
      "insert into tide.tide_outbox_messages (outbox_name, payload) values ('orders', jsonb_build_object('_cc', true, 'size', 2, 'oid', $1::text))",
      oid,
    );
    await tide.run("select tide.outbox_drop('orders')");
    expect(await objects(tide)).toBe("1");
  });
});
