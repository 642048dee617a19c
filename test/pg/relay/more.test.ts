/** Order among pipelines, fan-in, backfill, shapes of events, receipts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("around pipelines on PostgreSQL %i", (major) => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide({ major });
    await tide.run(`select tide.outbox_create(n) from unnest(array['orders', 'refunds', 'history']) as n; select tide.inbox_create('payments');
      select tide.relay_set_outbox(n, 'orders', 'stdout') from unnest(array['a', 'b', 'c', 'd']) as n;
      select tide.relay_set_inbox('in', 'payments', p_source => 'stdin')`);
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const publish = (outbox: string, count = 1) =>
    tide.run(
      `select tide.outbox_publish('${outbox}', jsonb_build_object('n', g)) from generate_series(1, ${count}) as g`,
    );

  describe("dependencies", () => {
    const add = (...names: string[]) =>
      tide.one(`select tide.relay_pipeline_dep_add(${names.map((_, i) => `$${i + 1}`).join()})`, ...names);
    const ready = async (name: string) => (await tide.one("select tide.relay_dag_ready($1, 'g')", name)) === "t";
    const reach = (pipeline: string, id: string | null) =>
      tide.rows(
        `insert into tide.relay_consumer_offsets (relay_group_id, pipeline_id, outbox_name, last_change_id)
         values ('g', $1, 'orders', coalesce($2::bigint, (select max(id) from tide.tide_outbox_messages where outbox_name = 'orders')))
         on conflict (relay_group_id, pipeline_id, outbox_name) do update set last_change_id = excluded.last_change_id`,
        pipeline,
        id,
      );

    it("[relay 3.5] refuse themselves, cycles of any length, and policies that there are not", async () => {
      await add("a", "b");
      await add("b", "c");
      expect((await tide.refused("select tide.relay_pipeline_dep_add('a', 'a')")).message).toContain(
        "cannot wait for itself",
      );
      for (const [up, down, path] of [
        ["b", "a", "b -> a -> b"],
        ["c", "a", "c -> a -> b -> c"],
      ] as const) {
        expect((await tide.refused("select tide.relay_pipeline_dep_add($1, $2)", up, down)).message).toBe(
          `invalid argument: that would be a cycle: ${path}`,
        );
      }
      for (const policy of [
        "",
        "on_offset_gte()",
        "on_offset_gte(-1)",
        "on_offset_gte(1); drop",
        "ON_IDLE",
        "on_offset_gte(9999999999999999999)",
        null,
      ]) {
        expect((await tide.refused("select tide.relay_pipeline_dep_add('a', 'c', $1)", policy)).sqlstate).toBe("22023");
      }
      expect(await tide.rows("select * from tide.relay_dag_check()")).toEqual([]);
    });

    it("two changes at once cannot close a cycle together", async () => {
      await using other = await tide.another();
      const results = await Promise.allSettled([
        add("x1", "x2"),
        other.one("select tide.relay_pipeline_dep_add('x2', 'x1')"),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    });

    it("[relay 3.5] cycles that somebody wrote by hand are found, each once", async () => {
      await tide.run(`insert into tide.relay_pipeline_deps (upstream_pipeline, downstream_pipeline) values
        ('h1', 'h2'), ('h2', 'h3'), ('h3', 'h1'), ('h2', 'h1'), ('h0', 'h1'), ('self', 'self')`);
      expect((await tide.rows("select cycle_path from tide.relay_dag_check()")).map((row) => row.cycle_path)).toEqual([
        "{h1,h2,h1}",
        "{h1,h2,h3,h1}",
        "{self,self}",
      ]);
      await tide.run(
        "delete from tide.relay_pipeline_deps where upstream_pipeline like 'h%' or upstream_pipeline = 'self'",
      );
    });

    it("always holds nobody up", async () => {
      await publish("orders");
      expect(await ready("b")).toBe(true);
    });

    it("on_idle waits until the upstream has delivered everything", async () => {
      await add("a", "d", "on_idle");
      expect(await ready("d")).toBe(false);
      await reach("a", null);
      expect(await ready("d")).toBe(true);
      await publish("orders");
      expect(await ready("d")).toBe(false);
      expect(await tide.one("select tide.relay_pipeline_dep_drop('a', 'd')")).toBe("t");
      expect(await tide.one("select tide.relay_pipeline_dep_drop('a', 'd')")).toBe("f");
      expect(await ready("d")).toBe(true);
    });

    it("on_offset_gte waits until the upstream has delivered that event, and each group has its own", async () => {
      const last = Number(await tide.one("select max(id) from tide.tide_outbox_messages where outbox_name = 'orders'"));
      await reach("a", String(last));
      await add("a", "d", `on_offset_gte(${last})`);
      expect(await ready("d")).toBe(true);
      expect(await tide.one("select tide.relay_dag_ready('d', 'other group')")).toBe("f");
      await add("a", "d", `on_offset_gte(${last + 1})`);
      expect(await ready("d")).toBe(false);
      await tide.one("select tide.relay_pipeline_dep_drop('a', 'd')");
    });

    it("a reverse upstream is idle when its inbox is worked off; one that is gone holds nobody up", async () => {
      await add("in", "d", "on_idle");
      expect(await ready("d")).toBe(true);
      await tide.run("insert into tide.payments_inbox (event_id) values ('e')");
      expect(await ready("d")).toBe(false);
      await tide.run("select tide.inbox_mark_processed('payments', 'e')");
      expect(await ready("d")).toBe(true);
      await add("never-was", "d", "on_idle");
      expect(await ready("d")).toBe(true);
    });
  });

  describe("a fan-in", () => {
    const members = (name: string) =>
      tide.rows(
        "select place, outbox_name, merge_strategy, enabled, config, is_present from tide.relay_fanin_members($1)",
        name,
      );

    it("[relay 3.5] stores outboxes and one sink, and gives each member as a pipeline", async () => {
      await tide.run(
        `select tide.relay_set_fanin('all', array['refunds', 'orders'], 'nats', '{"url": "nats://n", "subject": "s", "merge_strategy": "priority", "batch_size": 5}')`,
      );
      const rows = await members("all");
      expect(rows.map(({ config, ...row }) => ({ ...row, config: JSON.parse(config ?? "") }))).toEqual(
        ["refunds", "orders"].map((outbox, index) => ({
          place: String(index + 1),
          outbox_name: outbox,
          merge_strategy: "priority",
          enabled: "t",
          is_present: "t",
          config: {
            schema_version: 1,
            source_type: "outbox",
            source: { outbox },
            sink_type: "nats",
            sink: { url: "nats://n", subject: "s" },
            batch_size: 5,
            dlq: { enabled: true },
          },
        })),
      );
      expect(await tide.json("select tide.relay_fanin_list()")).toMatchObject([
        { name: "all", outbox_names: ["refunds", "orders"], enabled: true },
      ]);
    });

    it("is switched, noted and deleted", async () => {
      expect(await tide.one("select tide.relay_fanin_disable('all')")).toBe("t");
      expect((await members("all"))[0]?.enabled).toBe("f");
      expect(await tide.one("select tide.relay_fanin_enable('all')")).toBe("t");
      expect(await tide.one("select tide.relay_fanin_enable('none')")).toBe("f");
      expect(await tide.one("select tide.relay_disable('all')")).toBe("t");
      expect((await members("all"))[0]?.enabled).toBe("f");
      await tide.one("select tide.relay_set_tenant('all', 'acme')");
      expect(await tide.one("select tenant_name from tide.relay_fanin_members('all') limit 1")).toBe("acme");
      await tide.one("select tide.relay_fanin_delete('all')");
      expect((await tide.refused("select tide.relay_fanin_delete('all')")).detail).toBe("PGTIDE_RELAY_NOT_FOUND");
      expect(
        (await tide.rows("select pipeline_type from tide.relay_config_history('all')")).map((row) => row.pipeline_type),
      ).toEqual(Array(6).fill("fanin"));
    });

    it.each([
      ["'f', array[]::text[], 'stdout'", "22023"],
      ["'f', null, 'stdout'", "22023"],
      ["'f', array['orders', 'orders'], 'stdout'", "22023"],
      ["'f', array['orders', null], 'stdout'", "22023"],
      ["'f', array['none'], 'stdout'", "42704"],
      ["'f', array[array['orders']], 'stdout'", "22023"],
      ["'f.g', array['orders'], 'stdout'", "22023"],
      ["'f', array['orders'], 'sqs'", "0A000"],
      ["'f', array['orders'], null", "22023"],
      [`'f', array['orders'], 'stdout', '{"merge_strategy": "odd"}'`, "22023"],
      [`'f', array['orders'], 'nats', '{"token": "literal"}'`, "22023"],
      ["'a', array['orders'], 'stdout'", "22023"],
      ["'f', array['orders'], 'stdout', '[]'", "22023"],
    ])("refuses (%s)", async (args, sqlstate) => {
      expect((await tide.refused(`select tide.relay_set_fanin(${args})`)).sqlstate).toBe(sqlstate);
    });

    it("shares no name with a pipeline, because it would share positions", async () => {
      await tide.run("select tide.relay_set_fanin('mine', array['orders'], 'stdout')");
      expect((await tide.refused("select tide.relay_set_outbox('mine', 'orders', 'stdout')")).sqlstate).toBe("22023");
    });
  });

  describe("a backfill job", () => {
    let first = 0;
    beforeAll(async () => {
      await publish("history", 10);
      first = Number(await tide.one("select min(id) from tide.tide_outbox_messages where outbox_name = 'history'"));
    });
    const create = (name: string, rest = "") => tide.one(`select tide.backfill_create('${name}', 'history'${rest})`);
    const next = async (worker = "w", session = tide) =>
      (await session.rows("select * from tide.backfill_next($1)", worker))[0];
    const advance = (job: Record<string, string | null> | undefined) =>
      tide.one(
        "select tide.backfill_advance($1, $2, $3, $4)",
        job?.job_id ?? "",
        job?.epoch ?? "",
        job?.upto_id ?? "",
        job?.chunk_rows ?? "",
      );
    const status = async (name: string) =>
      (await tide.json("select tide.backfill_status($1)", name)) as Record<string, unknown>;
    const end = (name: string) =>
      tide.run(`select tide.backfill_cancel('${name}'); select tide.backfill_delete('${name}')`);

    it("[relay 3.5] covers what was there, chunk by chunk, and then is completed", async () => {
      await create("all", ", p_chunk_size => 4");
      await publish("history", 3);
      expect(await status("all")).toMatchObject({ status: "pending", rows_total: 10, rows_processed: 0 });
      const taken: [string | null, string | null][] = [];
      for (let job = await next(); job; job = await next()) {
        taken.push([job.chunk_rows ?? null, job.upto_id ?? null]);
        expect(await advance(job)).toBe("t");
      }
      expect(taken).toEqual([
        ["4", String(first + 3)],
        ["4", String(first + 7)],
        ["2", String(first + 9)],
      ]);
      expect(
        await tide.rows(
          "select rows_processed, total_rows, pct_complete, estimated_completion, status from tide.backfill_progress('all')",
        ),
      ).toEqual([
        {
          rows_processed: "10",
          total_rows: "10",
          pct_complete: "100.0",
          estimated_completion: null,
          status: "completed",
        },
      ]);
    });

    it("keeps to its range, and one of nothing is completed at once", async () => {
      await create("range", `, p_from_id => ${first + 2}, p_to_id => ${first + 4}`);
      const job = await next();
      expect(job).toMatchObject({
        job_name: "range",
        after_id: String(first + 1),
        upto_id: String(first + 4),
        chunk_rows: "3",
      });
      await advance(job);
      expect(await status("range")).toMatchObject({ status: "completed" });
      await tide.one("select tide.backfill_create('empty', 'refunds')");
      expect(await next()).toBeUndefined();
      expect(await status("empty")).toMatchObject({ status: "completed", rows_total: 0 });
    });

    it("gives a chunk to one worker, and what was claimed too long to the next; the first then changes nothing", async () => {
      await create("fenced", ", p_chunk_size => 5");
      await using other = await tide.another();
      const [one, two] = await Promise.all([next("one"), next("two", other)]);
      const [owner, idle] = one ? [one, two] : [two, one];
      expect(idle).toBeUndefined();
      expect(await tide.one("select tide.backfill_keep($1, $2, 60)", owner?.job_id ?? "", owner?.epoch ?? "")).toBe(
        "t",
      );
      await tide.run(
        "update tide.backfill_jobs set claim_expires_at = now() - interval '1 second' where job_name = 'fenced'",
      );
      const second = await next("two");
      expect(second).toMatchObject({ upto_id: owner?.upto_id, epoch: String(Number(owner?.epoch) + 1) });
      expect(await advance(owner)).toBe("f");
      expect(await tide.one("select tide.backfill_keep($1, $2)", owner?.job_id ?? "", owner?.epoch ?? "")).toBe("f");
      expect(await tide.one("select tide.backfill_fail($1, $2, 'x')", owner?.job_id ?? "", owner?.epoch ?? "")).toBe(
        "f",
      );
      expect(await advance(second)).toBe("t");
      expect(await advance(second)).toBe("f");
      expect(await status("fenced")).toMatchObject({ rows_processed: 5, status: "running" });
      await end("fenced");
    });

    it("pauses after the chunk that is on its way, goes on where it stopped, and ends when cancelled", async () => {
      await create("paused", ", p_chunk_size => 5");
      const job = await next();
      await tide.one("select tide.backfill_pause('paused')");
      expect(await advance(job)).toBe("t");
      expect(await next()).toBeUndefined();
      expect(await status("paused")).toMatchObject({ status: "paused", rows_processed: 5 });
      expect((await tide.refused("select tide.backfill_pause('paused')")).message).toBe(
        'invalid argument: backfill job "paused" is paused',
      );
      await tide.one("select tide.backfill_resume('paused')");
      const rest = await next();
      expect(rest).toMatchObject({ after_id: job?.upto_id });
      await tide.one("select tide.backfill_cancel('paused')");
      expect(await advance(rest)).toBe("f");
      expect(await status("paused")).toMatchObject({ status: "failed", error_message: "cancelled", rows_processed: 5 });
      await tide.one("select tide.backfill_delete('paused')");
      expect((await tide.refused("select tide.backfill_status('paused')")).detail).toBe("PGTIDE_RELAY_NOT_FOUND");
    });

    it("fails with the worker's reason, and can go on", async () => {
      await create("failing");
      const job = await next();
      expect(
        await tide.one("select tide.backfill_fail($1, $2, 'sink is gone')", job?.job_id ?? "", job?.epoch ?? ""),
      ).toBe("t");
      expect(await status("failing")).toMatchObject({ status: "failed", error_message: "sink is gone" });
      await tide.one("select tide.backfill_resume('failing')");
      expect(await next()).toMatchObject({ job_name: "failing" });
      await end("failing");
    });

    it("waits between chunks when throttled, and tells its end only while there is a rate", async () => {
      await create("slow", ", p_chunk_size => 2, p_throttle_ms => 60000");
      const progress = async () =>
        (
          await tide.rows(
            "select pct_complete, estimated_completion > now() as later from tide.backfill_progress('slow')",
          )
        )[0];
      expect(await progress()).toEqual({ pct_complete: "0.00", later: null });
      await advance(await next());
      expect(await next()).toBeUndefined();
      expect(await progress()).toMatchObject({ later: "t" });
      await end("slow");
    });

    it("does not pass by an event whose transaction is still open", async () => {
      await using writer = await tide.another();
      await writer.run(`begin; select tide.outbox_publish('refunds', '{"late": true}')`);
      await tide.run(`select tide.outbox_publish('refunds', '{"early": true}')`);
      await tide.one("select tide.backfill_create('late', 'refunds')");
      expect(await next()).toBeUndefined();
      expect(await status("late")).toMatchObject({ status: "pending" });
      await writer.run("commit");
      await tide.run("update tide.backfill_jobs set next_chunk_at = null where job_name = 'late'");
      expect(await next()).toMatchObject({ chunk_rows: "2" });
      await end("late");
    });

    it.each([
      ["'x.y', 'history'", "22023"],
      ["'j', 'none'", "42704"],
      ["'j', 'history', 'none'", "42704"],
      ["'j', 'history', 'a'", "42704"],
      ["'j', 'history', p_from_id => -1", "22023"],
      ["'j', 'history', p_from_id => 5, p_to_id => 4", "22023"],
      ["'j', 'history', p_chunk_size => 0", "22023"],
      ["'j', 'history', p_chunk_size => 100001", "22023"],
      ["'j', 'history', p_throttle_ms => -1", "22023"],
      ["'all', 'history'", "22023"],
    ])("refuses (%s)", async (args, sqlstate) => {
      expect((await tide.refused(`select tide.backfill_create(${args})`)).sqlstate).toBe(sqlstate);
    });
  });

  describe("the shape of events", () => {
    const observe = async (columns: string, policy = "warn", topic = "t") =>
      (await tide.rows("select * from tide.relay_schema_observe('a', $1, $2, $3)", topic, columns, policy))[0];

    it("[relay 2] is the SHA-256 of the sorted names", async () => {
      expect(await tide.one("select tide.relay_schema_fingerprint('{b,a,b}') = encode(sha256('a,b'), 'hex')")).toBe(
        "t",
      );
    });

    it("is remembered the first time, and a change is told once with warn", async () => {
      expect(await observe("{id,total}")).toEqual({ action: "none", added: "{}", removed: "{}" });
      expect(await observe("{total,id}")).toMatchObject({ action: "none" });
      expect(await observe("{id,amount}")).toEqual({ action: "warn", added: "{amount}", removed: "{total}" });
      expect(await observe("{id,amount}")).toMatchObject({ action: "none" });
    });

    it("stays the old one with pause and dlq until the new one is accepted", async () => {
      await observe("{id}", "pause", "strict");
      expect(await observe("{id,x}", "pause", "strict")).toMatchObject({ action: "pause" });
      expect(await observe("{id,x}", "dlq", "strict")).toMatchObject({ action: "dlq" });
      expect(await tide.one("select tide.relay_schema_accept('a', 'strict', '{id,x}')")).toBe("t");
      expect(await observe("{id,x}", "pause", "strict")).toMatchObject({ action: "none" });
      expect(await tide.one("select tide.relay_schema_accept('a', 'nothing')")).toBe("f");
      expect((await tide.refused("select tide.relay_schema_observe('a', 't', '{}', 'odd')")).sqlstate).toBe("22023");
    });
  });

  it("[relay 3.5] receipts older than asked for are deleted", async () => {
    await tide.run(`insert into tide.relay_delivery_receipts (pipeline_name, outbox_name, message_id, delivered_at) values
      ('a', 'orders', 1, now() - interval '25 hours'), ('a', 'orders', 2, now() - interval '2 hours'), ('a', 'orders', 3, now())`);
    expect(await tide.one("select tide.relay_truncate_delivery_receipts()")).toBe("1");
    expect(await tide.one("select tide.relay_truncate_delivery_receipts('1 hour')")).toBe("1");
    expect((await tide.refused("select tide.relay_truncate_delivery_receipts('-1 hour')")).sqlstate).toBe("22023");
  });
});
