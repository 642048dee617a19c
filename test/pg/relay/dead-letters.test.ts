/** Dead letters as people deal with them: looked at, retried, edited, ended, discarded; and that nothing of it is forgotten. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("dead letters on PostgreSQL %i", (major) => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide({ major });
  });
  afterAll(() => tide[Symbol.asyncDispose]());
  beforeEach(() => tide.run("delete from tide.relay_dlq"));

  const letter = async (key: string, pipeline = "orders", kind = "sink_permanent") =>
    (await tide.one(
      `insert into tide.relay_dlq (relay_mode, pipeline_name, source_name, sink_name, dedup_key, payload, headers, error_message, error_kind, outbox_id)
       values ('forward', $1, 'orders', 'webhook', $2, '{"n": 1}', '{"h": 1}', 'refused', $3, 7) returning id`,
      pipeline,
      key,
      kind,
    )) ?? "";
  const row = async (id: string) => (await tide.rows("select * from tide.relay_dlq where id = $1", id))[0];
  const history = (id: string) =>
    tide.rows("select action, reason, old_payload, old_headers from tide.relay_dlq_history_of($1)", id);
  const actions = async (id: string) => (await history(id)).map(({ action }) => action);
  const due = async (pipeline = "orders") =>
    (await tide.rows("select dedup_key from tide.relay_due_dead_letters($1, 'forward', 100)", pipeline)).map(
      (r) => r.dedup_key,
    );

  it("[relay 3.6] lists what is unresolved, oldest first, of one pipeline and a number of them", async () => {
    const first = await letter("a");
    await letter("b");
    await letter("c", "other");
    await tide.rows("update tide.relay_dlq set first_failed_at = now() + interval '1 hour' where id = $1", first);
    const list = async (call: string) =>
      (await tide.rows(`select dedup_key from tide.relay_dlq_list(${call})`)).map((r) => r.dedup_key);
    expect(await list("")).toEqual(["b", "c", "a"]);
    expect(await list("'orders'")).toEqual(["b", "a"]);
    expect(await list("p_limit => 1")).toEqual(["b"]);
    expect(await list("'orders', 0")).toEqual([]);
    await tide.one("select tide.relay_dlq_resolve($1)", first);
    expect(await list("'orders'")).toEqual(["b"]);
  });

  it("[relay 3.6] the sweep deletes what was settled longer ago than its pipeline keeps it, and nothing that waits", async () => {
    await tide.run(`select tide.outbox_create_if_not_exists('orders');
      select tide.relay_set_outbox_v2('{"name": "brief", "outbox": "orders", "sink_type": "stdout", "config": {}, "dlq": {"retention_days": 2}}')`);
    const settled = async (key: string, pipeline: string, days: number) => {
      const id = await letter(key, pipeline);
      await tide.rows(
        "update tide.relay_dlq set resolved = true, resolved_at = now() - $2::int * interval '1 day' where id = $1",
        id,
        String(days),
      );
    };
    await settled("brief-old", "brief", 3);
    await settled("brief-new", "brief", 1);
    await settled("other-old", "gone", 31);
    await settled("other-new", "gone", 29);
    const waiting = await letter("waits", "brief");
    await tide.rows("update tide.relay_dlq set first_failed_at = now() - interval '1 year' where id = $1", waiting);
    expect(await tide.one("select tide.relay_dlq_sweep(1)")).toBe("1");
    expect(await tide.one("select tide.relay_dlq_sweep()")).toBe("1");
    expect((await tide.rows("select dedup_key from tide.relay_dlq order by 1")).map((r) => r.dedup_key)).toEqual([
      "brief-new",
      "other-new",
      "waits",
    ]);
    const purged = "select count(*) from tide.relay_dlq_history where action = 'purged'";
    expect(Number(await tide.one(purged))).toBeGreaterThanOrEqual(2);
  });

  it("[relay 3.6] retry makes it due for the relay, once and again", async () => {
    const id = await letter("a");
    expect(await due()).toEqual([]);
    await tide.one("select tide.relay_dlq_retry($1)", id);
    expect(await due()).toEqual(["a"]);
    expect(await row(id)).toMatchObject({ resolved: "f" });
    await tide.run(
      `select tide.relay_settle_dead_letters('orders', '[{"id": ${id}, "ok": false, "error_message": "again"}]')`,
    );
    expect(await due()).toEqual([]);
    expect(await row(id)).toMatchObject({
      attempt_count: "2",
      error_message: "again",
      resolved: "f",
      retried_at: null,
    });
    await tide.one("select tide.dlq_requeue('orders', 'a')");
    expect(await due()).toEqual(["a"]);
    await tide.run(`select tide.relay_settle_dead_letters('orders', '[{"id": ${id}, "ok": true}]')`);
    expect(await row(id)).toMatchObject({ attempt_count: "3", resolved: "t", resolved_by: "relay" });
    expect(await actions(id)).toEqual(["retried", "failed", "retried", "redelivered"]);
    expect((await tide.refused("select tide.relay_dlq_retry($1)", id)).sqlstate).toBe("42704");
  });

  it("retries all that wait, of one pipeline or of every one, and counts them", async () => {
    const a = await letter("a");
    await letter("b");
    await letter("c", "other");
    await tide.one("select tide.relay_dlq_resolve($1)", a);
    expect(await tide.one("select tide.relay_dlq_retry_all('orders')")).toBe("1");
    expect(await tide.one("select tide.relay_dlq_retry_all()")).toBe("1");
    expect(await tide.one("select tide.relay_dlq_retry_all()")).toBe("0");
    expect(await due("other")).toEqual(["c"]);
  });

  it("tells the relays of the pipelines whose dead letters became due", async () => {
    await using listener = await tide.another();
    const heard: string[] = [];
    listener.session.onNotification(({ payload }) => {
      heard.push(payload);
    });
    await listener.run("listen tide_relay_config");
    await letter("a");
    await letter("b", "other");
    await tide.one("select tide.relay_dlq_retry_all()");
    await listener.one("select 1");
    await listener.one("select 1");
    expect(heard.sort()).toEqual(["orders", "other"]);
  });

  it("deals with several at once, and says how many were open", async () => {
    const ids = [await letter("a"), await letter("b"), await letter("c")];
    const list = `{${ids.join(",")},999999}`;
    expect(await tide.one("select tide.relay_dlq_retry_many($1, 'sink is back')", list)).toBe("3");
    expect(await tide.one("select tide.relay_dlq_resolve_many($1, 'by hand')", `{${ids[0]}}`)).toBe("1");
    expect(await tide.one("select tide.relay_dlq_discard_many($1, 'test events')", list)).toBe("2");
    expect(await tide.one("select tide.relay_dlq_retry_many($1)", list)).toBe("0");
    expect((await history(ids[1] ?? "")).map(({ action, reason }) => [action, reason])).toEqual([
      ["retried", "sink is back"],
      ["discarded", "test events"],
    ]);
    expect(await due()).toEqual([]);
  });

  it("resolves by number and by key, and says who did", async () => {
    const id = await letter("a");
    await tide.one("select tide.dlq_resolve('orders', 'a')");
    expect(await row(id)).toMatchObject({ resolved: "t", resolved_by: "postgres" });
    for (const call of [
      `relay_dlq_resolve(${id})`,
      "dlq_resolve('orders', 'a')",
      "dlq_requeue('orders', 'none')",
      "relay_dlq_retry(null)",
      "relay_dlq_discard(999999, 'x')",
    ]) {
      const error = await tide.refused(`select tide.${call}`);
      expect([call, error.sqlstate, error.detail]).toEqual([call, "42704", "PGTIDE_RELAY_NOT_FOUND"]);
    }
  });

  it("[R-12] is discarded only with a reason, which stays", async () => {
    const id = await letter("a");
    for (const reason of ["", "  ", null]) {
      expect((await tide.refused("select tide.relay_dlq_discard($1, $2)", id, reason)).sqlstate).toBe("22023");
    }
    await tide.one("select tide.relay_dlq_discard($1, 'order was cancelled')", id);
    expect(await history(id)).toEqual([
      { action: "discarded", reason: "order was cancelled", old_payload: null, old_headers: null },
    ]);
    expect(await tide.one("select actor from tide.relay_dlq_history where dlq_id = $1", id)).toBe("postgres");
  });

  describe("[R-12] an edit", () => {
    const edit = (id: string, payload: string | null, headers: string | null, version: string, reason: string | null) =>
      tide.one("select tide.relay_dlq_edit($1, $2, $3, $4, $5)", id, payload, headers, version, reason);

    it("replaces what will be delivered, raises the version, keeps what was there and why", async () => {
      const id = await letter("a");
      expect(await edit(id, '{"n": 2}', null, "1", "wrong currency")).toBe("2");
      expect(await edit(id, null, '{"h": 2}', "2", "header")).toBe("3");
      expect(await row(id)).toMatchObject({
        payload: '{"n": 2}',
        headers: '{"h": 2}',
        version: "3",
        dedup_key: "a",
        retried_at: null,
      });
      expect(await history(id)).toEqual([
        { action: "edited", reason: "wrong currency", old_payload: '{"n": 1}', old_headers: '{"h": 1}' },
        { action: "edited", reason: "header", old_payload: '{"n": 2}', old_headers: '{"h": 1}' },
      ]);
    });

    it("is refused for an old version, without a reason, on its way, or when it is over", async () => {
      const id = await letter("a");
      await edit(id, '{"n": 2}', null, "1", "one");
      const sqlstates = async (...calls: Parameters<typeof edit>[]) => {
        const states: string[] = [];
        for (const call of calls)
          states.push(
            (await edit(...call).catch((error: { sqlstate: string }) => error))?.["sqlstate" as never] ?? "done",
          );
        return states;
      };
      expect(
        await sqlstates(
          [id, '{"n": 3}', null, "1", "two"],
          [id, '{"n": 3}', null, "2", " "],
          [id, null, "[]", "2", "x"],
        ),
      ).toEqual(["22023", "22023", "22023"]);
      await tide.one("select tide.relay_dlq_retry($1)", id);
      expect(await sqlstates([id, '{"n": 3}', null, "2", "two"])).toEqual(["22023"]);
      await tide.one("select tide.relay_dlq_resolve($1)", id);
      expect(await sqlstates([id, '{"n": 3}', null, "2", "two"])).toEqual(["42704"]);
      expect(await row(id)).toMatchObject({ payload: '{"n": 2}', version: "2" });
    });

    it("of two at once, one stands and the other is told", async () => {
      const id = await letter("a");
      await using other = await tide.another();
      const results = await Promise.allSettled([
        edit(id, '{"n": 2}', null, "1", "mine"),
        other.one("select tide.relay_dlq_edit($1, '{\"n\": 3}', null, 1, 'yours')", id),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(await row(id)).toMatchObject({ version: "2" });
      expect(await actions(id)).toEqual(["edited"]);
    });

    it("by a plain statement is noted all the same, and cannot set the version or the number", async () => {
      const id = await letter("a");
      await tide.rows("update tide.relay_dlq set payload = '{\"n\": 9}', version = 1 where id = $1", id);
      await tide.rows("update tide.relay_dlq set version = 40 where id = $1", id);
      expect(await row(id)).toMatchObject({ version: "2" });
      expect(await history(id)).toEqual([
        { action: "edited", reason: null, old_payload: '{"n": 1}', old_headers: '{"h": 1}' },
      ]);
      expect((await tide.refused("update tide.relay_dlq set id = 5000000 where id = $1", id)).sqlstate).toBe("22023");
    });
  });

  it("[R-12] a deleted one leaves its payload, also when the deletion calls itself a purge", async () => {
    const ids = [await letter("a"), await letter("b")];
    await tide.rows("delete from tide.relay_dlq where id = $1", ids[0] ?? "");
    await tide.run(
      `begin; select set_config('tide.dlq_action', 'purged', true); delete from tide.relay_dlq where id = ${ids[1]}; commit`,
    );
    for (const id of ids)
      expect(await history(id)).toEqual([
        { action: "deleted", reason: null, old_payload: '{"n": 1}', old_headers: '{"h": 1}' },
      ]);
  });

  it.each([
    "delete from tide.relay_dlq_history",
    "update tide.relay_dlq_history set reason = 'x'",
    "truncate tide.relay_dlq_history",
    "truncate tide.relay_dlq",
  ])("[R-12] nobody, not even a superuser: %s", async (statement) => {
    await letter("a");
    expect((await tide.refused(statement)).sqlstate).toBe("42501");
  });

  it("[R-12] whoever may add lines to the history cannot add another's, nor date one back", async () => {
    await tide.run(`create role forger; grant usage on schema tide to forger;
      grant insert, select on tide.relay_dlq_history to forger; set role forger`);
    try {
      await tide.run(`insert into tide.relay_dlq_history (dlq_id, action, actor, at, reason)
        values (4242, 'discarded', 'alice', '2020-01-01', 'never said')`);
    } finally {
      await tide.run("reset role");
    }
    expect(
      await tide.rows(
        "select actor, at > now() - interval '1 minute' as fresh from tide.relay_dlq_history where dlq_id = 4242",
      ),
    ).toEqual([{ actor: "forger", fresh: "t" }]);
    await tide.run("drop owned by forger; drop role forger");
  });

  it("[relay 3.6] purges what was resolved long enough ago, and never what is open", async () => {
    const [old, young, open] = [await letter("a"), await letter("b"), await letter("c")];
    await tide.run(`select tide.relay_dlq_resolve_many('{${old},${young}}');
      update tide.relay_dlq set resolved_at = now() - interval '31 days' where id = ${old};
      update tide.relay_dlq set first_failed_at = now() - interval '90 days', last_failed_at = now() - interval '90 days' where id = ${open}`);
    expect(await tide.one("select tide.relay_dlq_purge()")).toBe("1");
    expect(await actions(old)).toEqual(["resolved", "purged"]);
    expect(await tide.one("select tide.relay_dlq_purge(retention_days => 0)")).toBe("1");
    expect((await tide.rows("select dedup_key from tide.relay_dlq")).map((r) => r.dedup_key)).toEqual(["c"]);
    expect((await tide.refused("select tide.relay_dlq_purge(-1)")).sqlstate).toBe("22023");
  });

  it("[relay 3.6] counts by pipeline and kind", async () => {
    await letter("a");
    await tide.one("select tide.relay_dlq_resolve($1)", await letter("b"));
    await letter("c", "orders", "decode");
    expect(await tide.rows("select * from tide.relay_dlq_stats()")).toEqual([
      { pipeline_name: "orders", error_kind: "decode", total: "1", unresolved: "1" },
      { pipeline_name: "orders", error_kind: "sink_permanent", total: "2", unresolved: "1" },
    ]);
  });

  it("goes on with the numbers of a table that pg_tide made", async () => {
    expect(
      await tide.one(
        "select attidentity from pg_catalog.pg_attribute where attrelid = 'tide.relay_dlq'::regclass and attname = 'id'",
      ),
    ).toBe("d");
    expect(await tide.one("select pg_catalog.pg_get_serial_sequence('tide.relay_dlq', 'id')")).toBe(
      "tide.relay_dlq_id_seq",
    );
  });
});
