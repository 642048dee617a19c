/** Outboxes: made, published to, swept without losing anything, divided, ended. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { availableMajors } from "../../support/cluster.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

interface Swept {
  outbox: string;
  retention_cutoff: string;
  safe_offset: number | null;
  participants: number;
  blockers: unknown[];
  eligible_in_batch: number;
  affected_rows: number;
  has_more: boolean;
  highest_deleted_id: number;
}

let tide: Tide;
beforeAll(async () => {
  tide = await openTide();
});
afterAll(() => tide?.[Symbol.asyncDispose]());

let number = 0;
/** A new outbox with `count` events that are older than its retention; gives its name and their ids. */
async function outboxWith(count: number, on: Tide = tide): Promise<{ name: string; ids: number[] }> {
  const name = `box_${++number}`;
  await on.run(`select tide.outbox_create('${name}')`);
  const rows = await on.rows(
    `select tide.outbox_publish_id($1, jsonb_build_object('n', n)) as id from generate_series(1, $2::int) as n`,
    name,
    String(count),
  );
  await on.rows(
    "update tide.tide_outbox_messages set created_at = now() - interval '30 hours' where outbox_name = $1",
    name,
  );
  return { name, ids: rows.map(({ id }) => Number(id)) };
}

async function sweep(name: string, { batch = 1000, dryRun = false, on = tide } = {}): Promise<Swept> {
  const answer = (await on.json("select tide.outbox_sweep($1, $2, $3)", name, String(batch), String(dryRun))) as {
    outboxes: Swept[];
  };
  const [first] = answer.outboxes;
  if (!first) throw new Error("nothing was swept");
  return first;
}

const left = async (name: string, on: Tide = tide): Promise<number> =>
  Number(await on.one("select count(*) from tide.tide_outbox_messages where outbox_name = $1", name));

/** A pipeline as it stands in the table; how it got there is tested with relay_set_outbox. */
const pipeline = (name: string, outbox: string, enabled = true): Promise<unknown> =>
  tide.rows(
    `insert into tide.relay_outbox_config (name, enabled, config)
     values ($1, $2, jsonb_build_object('source_type', 'outbox', 'source', jsonb_build_object('outbox', $3::text)))`,
    name,
    String(enabled),
    outbox,
  );

const position = (group: string, name: string, outbox: string, id: number): Promise<unknown> =>
  tide.rows("insert into tide.relay_consumer_offsets values ($1, $2, $3, $4)", group, name, outbox, String(id));

describe("making an outbox", () => {
  it("stores the defaults and the role that made it", async () => {
    await tide.run("select tide.outbox_create('plain-one')");
    const [row] = await tide.rows("select * from tide.tide_outbox_config where outbox_name = 'plain-one'");
    expect(row).toMatchObject({
      retention_hours: "24",
      inline_threshold: "10000",
      enabled: "t",
      owner: "postgres",
      partition_strategy: "none",
    });
    expect(await tide.one("select count(*) from tide.outbox_cleanup_state where outbox_name = 'plain-one'")).toBe("1");
  });

  it("a second one of the name is refused, or skipped when asked", async () => {
    await tide.run("select tide.outbox_create('twice')");
    expect(await tide.refused("select tide.outbox_create('twice')")).toMatchObject({
      message: "outbox already exists: twice",
      sqlstate: "42710",
      detail: "PGTIDE_OUTBOX_ALREADY_EXISTS",
    });
    expect(await tide.one("select tide.outbox_create_if_not_exists('twice')")).toBe("f");
    expect(await tide.one("select tide.outbox_create_if_not_exists('thrice')")).toBe("t");
  });

  it.each(["", "a b", "a.b", 'a"b', "a;b", "1a", "-a", "a\nb", "é", "x".repeat(64)])(
    "refuses the name %j",
    async (name) => {
      const error = await tide.refused("select tide.outbox_create($1)", name);
      expect(error).toMatchObject({ sqlstate: "22023", detail: "PGTIDE_INVALID_ARGUMENT" });
      expect(error.message).toMatch(/^invalid argument: /);
      expect(error.hint).toBeTruthy();
    },
  );

  it("takes hyphens and 63 characters", async () => {
    await tide.rows("select tide.outbox_create($1)", `order-${"x".repeat(57)}`);
  });

  it("refuses an unknown partition strategy and a negative retention", async () => {
    expect((await tide.refused("select tide.outbox_create('s', p_partition_strategy => 'hourly')")).sqlstate).toBe(
      "22023",
    );
    expect((await tide.refused("select tide.outbox_create('s', p_retention_hours => -1)")).sqlstate).toBe("22023");
  });
});

describe("ending and switching an outbox", () => {
  it("drops events, groups and positions with it", async () => {
    const { name } = await outboxWith(3);
    await tide.run(`select tide.create_consumer_group('g_${name}', '${name}'); select tide.outbox_drop('${name}')`);
    expect(await left(name)).toBe(0);
    expect(await tide.one("select count(*) from tide.tide_consumer_groups where outbox_name = $1", name)).toBe("0");
  });

  it("says when there is none, unless told not to", async () => {
    for (const call of [
      "outbox_drop('none')",
      "outbox_enable('none')",
      "outbox_disable('none')",
      "outbox_status('none')",
    ]) {
      expect(await tide.refused(`select tide.${call}`)).toMatchObject({
        message: "outbox not found: none",
        sqlstate: "42704",
        detail: "PGTIDE_OUTBOX_NOT_FOUND",
      });
    }
    await tide.run("select tide.outbox_drop('none', true)");
  });

  it("a disabled one takes no events until it is enabled", async () => {
    const { name } = await outboxWith(0);
    await tide.run(`select tide.outbox_disable('${name}')`);
    expect((await tide.refused("select tide.outbox_publish($1, '{}')", name)).message).toBe(
      `invalid argument: outbox '${name}' is disabled`,
    );
    await tide.run(`select tide.outbox_enable('${name}'); select tide.outbox_publish('${name}', '{}')`);
  });

  it("waits for a transaction that publishes, and then there is nothing left of it", async () => {
    const { name } = await outboxWith(1);
    await using publisher = await tide.another();
    await publisher.run(`begin; select tide.outbox_publish('${name}', '{}')`);
    const dropped = tide.run(`select tide.outbox_drop('${name}')`);
    const isBlocked =
      "select count(*) from pg_catalog.pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await expect.poll(() => publisher.one(isBlocked)).toBe("1");
    await publisher.run("commit");
    await dropped;
    expect(await left(name)).toBe(0);
  });
});

describe("[relay 3.1] a sweep", () => {
  it("without readers deletes by age alone", async () => {
    const { name, ids } = await outboxWith(3);
    await tide.rows("select tide.outbox_publish($1, '{}')", name);
    const swept = await sweep(name);
    expect(swept).toMatchObject({ affected_rows: 3, participants: 0, safe_offset: null, highest_deleted_id: ids[2] });
    expect(Date.parse(swept.retention_cutoff)).toBeGreaterThan(Date.now() - 25 * 3_600_000);
    expect(await left(name)).toBe(1);
  });

  it("keeps what a pipeline without a position has not delivered, also when it is disabled", async () => {
    const { name } = await outboxWith(3);
    await pipeline(`p_${name}`, name, false);
    const swept = await sweep(name);
    expect(swept).toMatchObject({ affected_rows: 0, participants: 1, safe_offset: 0 });
    expect(swept.blockers).toEqual([{ type: "pipeline", name: `p_${name}`, enabled: false, safe_offset: 0 }]);
    expect(await left(name)).toBe(3);
  });

  it("goes as far as the slowest of pipelines, relay groups and consumer groups, replays left aside", async () => {
    const { name, ids } = await outboxWith(5);
    const [first = 0, second = 0, third = 0, fourth = 0] = ids;
    await pipeline(`a_${name}`, name);
    await pipeline(`b_${name}`, name);
    await position("default", `a_${name}`, name, fourth);
    await position("second", `a_${name}`, name, third);
    await position("default", `b_${name}`, name, fourth);
    await position(`replay:b_${name}`, `b_${name}`, name, first);
    await tide.run(`select tide.create_consumer_group('c_${name}', '${name}');
      select tide.commit_offset('c_${name}', 'one', ${second})`);
    expect(await sweep(name)).toMatchObject({ affected_rows: 2, participants: 3, safe_offset: second });
    await tide.run(`select tide.commit_offset('c_${name}', 'one', ${fourth})`);
    expect(await sweep(name)).toMatchObject({ affected_rows: 1, safe_offset: third });
    expect(await left(name)).toBe(2);
  });

  it("counts fan-ins, and pipelines that read through a consumer group where that group is", async () => {
    const { name, ids } = await outboxWith(3);
    await tide.run(
      `insert into tide.relay_fanin_config (name, outbox_names, sink_type) values ('f_${name}', '{${name}}', 'stdout')`,
    );
    expect(await sweep(name)).toMatchObject({ affected_rows: 0, participants: 1 });
    await position("default", `f_${name}`, name, ids[2] ?? 0);
    await tide.run(`
      select tide.create_consumer_group('g_${name}', '${name}');
      select tide.commit_offset('g_${name}', 'one', ${ids[1]});
      insert into tide.relay_outbox_config (name, config) values ('p_${name}',
        '{"source_type": "outbox", "source": {"outbox": "${name}", "consumer_group": "g_${name}"}}')`);
    expect(await sweep(name)).toMatchObject({ affected_rows: 2, participants: 3 });
  });

  it("stops while a consumer works on a lease", async () => {
    const { name } = await outboxWith(3);
    await tide.run(`select tide.create_consumer_group('l_${name}', '${name}');
      select * from tide.poll_outbox('l_${name}', 'one', 2)`);
    expect(await sweep(name)).toMatchObject({ affected_rows: 0, blockers: [{ type: "active_lease" }] });
  });

  it("works in batches in order of ids, and a dry run deletes nothing", async () => {
    const { name, ids } = await outboxWith(5);
    const tried = await sweep(name, { batch: 2, dryRun: true });
    expect(tried).toMatchObject({ eligible_in_batch: 2, affected_rows: 0, has_more: true, highest_deleted_id: 0 });
    expect(await sweep(name, { batch: 2 })).toMatchObject({
      affected_rows: 2,
      has_more: true,
      highest_deleted_id: ids[1],
    });
    expect(await sweep(name, { batch: 3 })).toMatchObject({
      affected_rows: 3,
      has_more: false,
      highest_deleted_id: ids[4],
    });
  });

  it.each([0, -1, 10_001])("refuses a batch of %i", async (batch) => {
    expect(await tide.refused("select tide.outbox_sweep(null, $1)", String(batch))).toMatchObject({
      sqlstate: "22023",
    });
  });

  it("skips rows that somebody holds, and two at once delete each row once", async () => {
    const { name } = await outboxWith(20);
    await using holder = await tide.another();
    await using other = await tide.another();
    await holder.run(
      `begin; select from tide.tide_outbox_messages where outbox_name = '${name}' order by id limit 5 for update`,
    );
    const both = await Promise.all([sweep(name, { batch: 10 }), sweep(name, { batch: 10, on: other })]);
    expect(both.reduce((sum, { affected_rows }) => sum + affected_rows, 0)).toBe(15);
    await holder.run("commit");
    expect(await sweep(name)).toMatchObject({ affected_rows: 5 });
  });

  it("[R-11] beside publishers, a consumer and a relay deletes nothing that is not settled", async () => {
    const { name } = await outboxWith(0);
    await tide.run(`update tide.tide_outbox_config set retention_hours = 0 where outbox_name = '${name}';
      select tide.create_consumer_group('g_${name}', '${name}')`);
    const total = 400;
    const publishers = Array.from({ length: 4 }, async (_, publisher) => {
      await using session = await tide.another();
      for (let n = 0; n < total / 4; n++) {
        await session.run(
          `begin; select tide.outbox_publish('${name}', '{"p": ${publisher}, "n": ${n}}'); select pg_sleep(${n % 5 ? 0 : 0.004}); commit`,
        );
      }
    });
    let isDone = false;
    const sweeper = (async () => {
      await using session = await tide.another();
      while (!isDone) await sweep(name, { on: session });
    })();
    const seen = new Set<string>();
    await using consumer = await tide.another();
    const all = Promise.all(publishers);
    for (let empty = 0; seen.size < total && empty < 2_000; ) {
      const rows = await consumer.rows(
        "select outbox_id, payload->>'p' || ':' || (payload->>'n') as key from tide.poll_outbox($1, 'one', 50)",
        `g_${name}`,
      );
      for (const { key } of rows) {
        expect(seen.has(key ?? "")).toBe(false);
        seen.add(key ?? "");
      }
      const last = rows.at(-1)?.outbox_id;
      if (last) await consumer.rows("select tide.commit_offset($1, 'one', $2)", `g_${name}`, last);
      else empty++;
    }
    await all;
    isDone = true;
    await sweeper;
    expect(seen.size).toBe(total);
    await sweep(name);
    expect(await left(name)).toBe(0);
  });

  it("the older name sweeps once and counts", async () => {
    const { name } = await outboxWith(3);
    expect(await tide.one("select tide.outbox_truncate_delivered($1)", name)).toBe("3");
  });
});

describe("looking at an outbox", () => {
  it("pending falls as positions grow", async () => {
    const { name, ids } = await outboxWith(3);
    const pending = () =>
      tide.rows("select pending_count, max_id from tide.outbox_pending where outbox_name = $1", name);
    expect(await pending()).toEqual([{ pending_count: "3", max_id: String(ids[2]) }]);
    await pipeline(`p_${name}`, name);
    await position("default", `p_${name}`, name, ids[1] ?? 0);
    expect(await pending()).toEqual([{ pending_count: "1", max_id: String(ids[2]) }]);
    const [lag] = await tide.rows("select lag from tide.relay_pipeline_lag where pipeline_id = $1", `p_${name}`);
    expect(lag).toEqual({ lag: "1" });
  });

  it("the status is the row of the view, under both names", async () => {
    const { name, ids } = await outboxWith(3);
    await pipeline(`p_${name}`, name);
    await position("default", `p_${name}`, name, ids[0] ?? 0);
    expect(await tide.json("select tide.outbox_status($1)", name)).toMatchObject({
      outbox_name: name,
      retained_rows: 3,
      pending_messages: 2,
      total_messages: 3,
      participant_count: 1,
      safe_offset: ids[0],
      eligible_rows: 1,
      blockers: [{ name: `p_${name}`, enabled: true, safe_offset: ids[0] }],
      highest_deleted_id: 0,
      storage_layout: "heap",
    });
    const same = `select to_jsonb(s) = to_jsonb(r) from tide.outbox_status as s
        join tide.outbox_retention_status as r using (outbox_name) where outbox_name = $1`;
    expect(await tide.one(same, name)).toBe("t");
  });

  it("a preview of a replay honours its limit and says what was delivered", async () => {
    const { name, ids } = await outboxWith(4);
    await pipeline(`p_${name}`, name);
    await position("default", `p_${name}`, name, ids[1] ?? 0);
    const rows = await tide.json(
      "select tide.relay_replay_preview($1, $2, $3, 2)",
      name,
      String(ids[1]),
      String(ids[3]),
    );
    expect(rows).toMatchObject([
      { id: ids[1], outbox_name: name, payload: { n: 2 }, headers: {}, consumed: true },
      { id: ids[2], consumed: false },
    ]);
  });

  it("confirms deliveries by receipts", async () => {
    const { name, ids } = await outboxWith(2);
    await tide.rows(
      "insert into tide.relay_delivery_receipts (pipeline_name, outbox_name, message_id) select 'p', $1, unnest($2::bigint[])",
      name,
      `{${ids},${ids[0]}}`,
    );
    const [row] = await tide.rows("select * from tide.outbox_delivery_confirm($1)", name);
    expect(row).toMatchObject({ confirmed_count: "2", latest_delivered_at: expect.any(String) });
  });

  it("confirms deliveries by receipts of whole steps, without what became a dead letter", async () => {
    const { name, ids } = await outboxWith(5);
    const [first, , third, fourth] = ids;
    await tide.rows(
      "insert into tide.relay_delivery_receipts (pipeline_name, outbox_name, first_id, message_id, messages) values ('p', $1, $2, $3, 4)",
      name,
      String(first),
      String(fourth),
    );
    await tide.rows(
      "insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, error_message, error_kind, outbox_id) values ('forward', 'p', '', '', 'k', '{}', '', 'decode', $1)",
      String(third),
    );
    const [row] = await tide.rows("select * from tide.outbox_delivery_confirm($1)", name);
    expect(row).toMatchObject({ confirmed_count: "3" });
    await tide.rows("delete from tide.relay_dlq");
  });
});

describe("large payloads", () => {
  it("lie beside the row in pieces, come back whole, and go with the row", async () => {
    const { name } = await outboxWith(0);
    const text = Array.from({ length: 90_000 }, (_, n) => n * 7919).join("é");
    const payload = JSON.stringify({ text });
    await tide.rows("select tide.outbox_publish_large($1, $2::jsonb, 'key-1', 1000)", name, payload);
    const [row] = await tide.rows(
      "select id, payload, headers from tide.tide_outbox_messages where outbox_name = $1",
      name,
    );
    const envelope = JSON.parse(row?.payload ?? "{}");
    expect(envelope).toMatchObject({ _cc: true, dedup_key: "key-1", blob: expect.any(Number) });
    expect(envelope.size).toBeGreaterThan(262_144);
    expect(JSON.parse(row?.headers ?? "")).toEqual({ dedup_key: "key-1" });
    expect(JSON.parse((await tide.one("select tide.outbox_payload($1)", row?.id ?? "")) ?? "")).toEqual({ text });
    await tide.run(`select tide.outbox_drop('${name}')`);
    expect(await tide.one("select count(*) from tide.outbox_blobs where message_id = $1", row?.id ?? "")).toBe("0");
  });

  it("small ones are published as they are", async () => {
    const { name } = await outboxWith(0);
    await tide.rows(`select tide.outbox_publish_large($1, '{"a": 1}')`, name);
    expect(
      await tide.rows("select payload, headers from tide.tide_outbox_messages where outbox_name = $1", name),
    ).toEqual([{ payload: '{"a": 1}', headers: "{}" }]);
  });

  it("large objects of older versions are still read", async () => {
    const { name } = await outboxWith(0);
    const oid = await tide.one(`select lo_from_bytea(0, convert_to('{"old": true}', 'UTF8'))`);
    await tide.rows(
      "insert into tide.tide_outbox_messages (outbox_name, payload) values ($1, jsonb_build_object('_cc', true, 'oid', $2::text))",
      name,
      oid,
    );
    expect(
      await tide.one("select tide.outbox_payload(max(id)) from tide.tide_outbox_messages where outbox_name = $1", name),
    ).toBe('{"old": true}');
  });
});

describe("who may publish", () => {
  const role = "publisher_of_outbox_test";
  beforeAll(() =>
    tide.run(`create role ${role}; grant usage on schema tide to ${role};
    grant execute on function tide.outbox_publish to ${role}`),
  );
  const publishAs = (name: string) =>
    `begin; set local role ${role}; select tide.outbox_publish('${name}', '{}'); commit`;
  beforeEach(() => tide.run("rollback"));

  it("whoever may run the function, until the outbox has a list; then those on it", async () => {
    const { name } = await outboxWith(0);
    await tide.run(publishAs(name));
    await tide.run(`select tide.outbox_grant_publish('${name}', 'somebody-else')`);
    await expect(tide.run(publishAs(name))).rejects.toMatchObject({
      message: `role '${role}' is not authorized to publish to outbox '${name}'`,
      sqlstate: "42501",
      detail: "PGTIDE_PUBLISH_DENIED",
    });
    await tide.run(`rollback; select tide.outbox_grant_publish('${name}', '${role}')`);
    await tide.run(publishAs(name));
  });

  it("grants and revocations can be repeated, and each is noted once with who did it", async () => {
    const { name } = await outboxWith(0);
    for (const verb of ["grant", "grant", "revoke", "revoke"])
      await tide.run(`select tide.outbox_${verb}_publish('${name}', '${role}')`);
    expect(
      await tide.rows(
        "select action, target_role, performed_by from tide.tide_security_audit where target_object = $1 order by id",
        name,
      ),
    ).toEqual([
      { action: "GRANT_OUTBOX_PUBLISH", target_role: role, performed_by: "postgres" },
      { action: "REVOKE_OUTBOX_PUBLISH", target_role: role, performed_by: "postgres" },
    ]);
    expect((await tide.refused("select tide.outbox_grant_publish('none', $1)", role)).sqlstate).toBe("42704");
    expect((await tide.refused("select tide.outbox_grant_publish($1, '')", name)).sqlstate).toBe("22023");
  });

  it("the older way gives INSERT and is for administrators", async () => {
    const { name } = await outboxWith(0);
    await tide.run(`select tide.grant_publish('${role}', '${name}')`);
    await tide.run(
      `begin; set local role ${role}; insert into tide.tide_outbox_messages (outbox_name, payload) values ('${name}', '{}'); commit`,
    );
    await tide.run(`select tide.revoke_publish('${role}', '${name}')`);
    await expect(
      tide.run(
        `begin; set local role ${role}; insert into tide.tide_outbox_messages (outbox_name, payload) values ('${name}', '{}')`,
      ),
    ).rejects.toMatchObject({ sqlstate: "42501" });
    await tide.run(`rollback; grant execute on function tide.grant_publish(text, text) to ${role}`);
    await expect(
      tide.run(`begin; set local role ${role}; select tide.grant_publish('${role}', '${name}')`),
    ).rejects.toMatchObject({
      sqlstate: "42501",
      detail: "PGTIDE_AUTHORIZATION_FAILED",
    });
    await tide.run("rollback");
  });
});

describe("encryption", () => {
  it("notes the key's name, once per outbox, and takes known providers only", async () => {
    const { name } = await outboxWith(0);
    await tide.rows("select tide.outbox_encryption_config($1, 'local', 'one')", name);
    await tide.rows("select tide.outbox_encryption_config($1, 'aws', 'two', 'AES256GCM')", name);
    expect(
      await tide.rows("select kms_provider, key_id from tide.outbox_encryption_config where outbox_name = $1", name),
    ).toEqual([{ kms_provider: "aws", key_id: "two" }]);
    expect((await tide.refused("select tide.outbox_encryption_config($1, 'paper', 'x')", name)).sqlstate).toBe("22023");
    expect((await tide.refused("select tide.outbox_encryption_config('none', 'aws', 'x')")).sqlstate).toBe("42704");
  });
});

describe("looking after partitions", () => {
  it("[Q-10] gives up when a publisher does not end, and goes on beside those that do", async () => {
    await using divided = await openTide();
    const { name } = await outboxWith(10, divided);
    await divided.run("select tide.admin_convert_outbox_storage(20, 0, confirm_blocking_copy => true)");
    await using slow = await divided.another();
    await slow.run(`begin; select tide.outbox_publish('${name}', '{}') from generate_series(1, 30)`);
    expect(await divided.refused("select tide.outbox_maintain_partitions()")).toMatchObject({
      sqlstate: "55P03",
      message: expect.stringContaining("partitions are as they were"),
    });
    await slow.run("commit");
    let isDone = false;
    const publisher = (async () => {
      await using session = await divided.another();
      let count = 0;
      for (; !isDone; count++)
        await session.run(`begin; select tide.outbox_publish_large('${name}', to_jsonb(repeat('x', 3000)), 'k', 10);
          select tide.outbox_publish('${name}', '{}'); commit`);
      return count;
    })();
    for (let round = 0; round < 10; round++) {
      const kept = await divided.json("select tide.outbox_maintain_partitions(1)");
      expect(kept).toMatchObject({ too_full: [] });
    }
    isDone = true;
    const published = 2 * (await publisher);
    expect(await left(name, divided)).toBe(40 + published);
  });
});

describe("dividing the storage while applications publish", () => {
  it("makes them wait and loses nothing", async () => {
    await using divided = await openTide();
    const { name } = await outboxWith(500, divided);
    let isConverted = false;
    const publishers = Array.from({ length: 3 }, async (_, publisher) => {
      await using session = await divided.another();
      const ids: string[] = [];
      // A few more afterwards, over plans that were made for the old table.
      for (let rest = 20; rest > 0; rest -= isConverted ? 1 : 0)
        ids.push(
          (await session.one("select tide.outbox_publish_id($1, to_jsonb($2::int))", name, String(publisher))) ?? "",
        );
      return ids;
    });
    const readers = ["select * from tide.relay_page($1, 0, 10, 100000)", "select tide.outbox_sweep($1, 1, true)"].map(
      async (statement) => {
        await using session = await divided.another();
        while (!isConverted) await session.rows(statement, name);
        await session.rows(statement, name);
      },
    );
    await divided.run("select tide.admin_convert_outbox_storage(50, 1, confirm_blocking_copy => true)");
    isConverted = true;
    await Promise.all(readers);
    const ids = (await Promise.all(publishers)).flat();
    expect(new Set(ids).size).toBe(ids.length);
    const [found] = await divided.rows(
      "select count(*) as found from tide.tide_outbox_messages where id = any ($1::bigint[])",
      `{${ids}}`,
    );
    expect(found).toEqual({ found: String(ids.length) });
    expect(await left(name, divided)).toBe(500 + ids.length);
  });
});

describe.each(availableMajors())("dividing the storage by ids on PostgreSQL %i", (major) => {
  it("[relay 3.1] keeps rows, ids, pieces, rights and views, drains, premakes and drops", async () => {
    await using divided = await openTide({ major });
    const { name, ids } = await outboxWith(250, divided);
    await divided.rows("select tide.outbox_publish_large($1, to_jsonb(repeat('x', 5000)), 'k', 10)", name);
    await divided.run(`create role divider_${major}; grant select on tide.tide_outbox_messages to divider_${major}`);
    expect(await divided.json("select tide.outbox_maintain_partitions()")).toEqual({
      storage_layout: "heap",
      created: [],
      default_partition_rows: 0,
    });
    expect((await divided.refused("select tide.admin_convert_outbox_storage(100)")).message).toContain(
      "copies every message",
    );
    expect(
      await divided.json("select tide.admin_convert_outbox_storage(100, 1, confirm_blocking_copy => true)"),
    ).toMatchObject({ storage_layout: "id_range", rows_copied: 251, views_left: [] });

    expect(await left(name, divided)).toBe(251);
    expect(await divided.one("select count(*) from tide.tide_outbox_messages_v043_legacy")).toBe("251");
    expect(await divided.one("select count(*) from tide.outbox_blobs")).not.toBe("0");
    const next = await divided.one("select tide.outbox_publish_id($1, '{}')", name);
    expect(Number(next)).toBe((ids.at(-1) ?? 0) + 2);
    expect(await divided.one("select retained_rows from tide.outbox_status where outbox_name = $1", name)).toBe("252");
    expect(await divided.one("select storage_layout from tide.outbox_status where outbox_name = $1", name)).toBe(
      "id_range",
    );
    expect(
      await divided.one(`select has_table_privilege('divider_${major}', 'tide.tide_outbox_messages', 'select')`),
    ).toBe("t");
    expect(
      await divided.rows("select id from tide.relay_page($1, $2, 10, 100000)", name, String(ids.at(-1))),
    ).toHaveLength(2);

    // Past what was premade events land in the default child; maintenance makes theirs and moves them over.
    await divided.rows("select tide.outbox_publish_id($1, '{}') from generate_series(1, 300)", name);
    await divided.rows("select tide.outbox_publish_large($1, to_jsonb(repeat('y', 5000)), 'k', 10)", name);
    expect(Number(await divided.one("select count(*) from tide.tide_outbox_messages_default"))).toBeGreaterThan(100);
    const before = await divided.one(
      "select md5(string_agg(m::text, '' order by id)) from tide.tide_outbox_messages as m",
    );
    const pieces = await divided.one("select count(*) from tide.outbox_blobs");
    const kept = await divided.json("select tide.outbox_maintain_partitions(2)");
    expect(kept).toMatchObject({ storage_layout: "id_range", default_partition_rows: 0, too_full: [] });
    expect((kept as { drained: string[] }).drained.length).toBeGreaterThan(0);
    expect(
      await divided.one("select md5(string_agg(m::text, '' order by id)) from tide.tide_outbox_messages as m"),
    ).toBe(before);
    expect(await divided.one("select count(*) from tide.outbox_blobs")).toBe(pieces);

    await divided.rows("update tide.tide_outbox_messages set created_at = now() - interval '30 hours' where id < 350");
    await sweep(name, { on: divided });
    const planned = await divided.json("select tide.outbox_maintain_partitions(2, true)");
    expect(planned).toMatchObject({
      dropped: ["tide_outbox_messages_r0", "tide_outbox_messages_r1", "tide_outbox_messages_r2"],
    });
    expect(await divided.json("select tide.outbox_maintain_partitions(2)")).toMatchObject({
      dropped: ["tide_outbox_messages_r0", "tide_outbox_messages_r1", "tide_outbox_messages_r2"],
    });
    expect(await divided.one("select count(*) from tide.tide_outbox_messages where id < 350")).toBe("0");
    expect(await divided.rows("select distinct event_type from tide.tide_partition_events order by 1")).toEqual(
      ["converted", "created", "drained", "dropped"].map((event_type) => ({ event_type })),
    );
    expect(
      (await divided.refused("select tide.admin_convert_outbox_storage(confirm_blocking_copy => true)")).sqlstate,
    ).toBe("22023");
  });
});
