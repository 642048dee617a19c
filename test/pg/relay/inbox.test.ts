/** Inboxes: made, filled, claimed, done, failed, kept in order; with one consumer and with many. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("an inbox on PostgreSQL %i", (major) => {
  let tide: Tide;
  beforeAll(async () => {
    tide = await openTide({ major });
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  const deliver = (inbox: string, ...ids: string[]) =>
    tide.rows(
      `insert into tide.${inbox}_inbox (event_id, source, payload)
       select i, 'test', pg_catalog.jsonb_build_object('id', i) from pg_catalog.unnest($1::text[]) as i
       on conflict do nothing returning event_id`,
      `{${ids.join(",")}}`,
    );
  const claim = async (inbox: string, batch = 10, lease = 30) =>
    (
      await tide.rows(
        "select event_id, retry_count from tide.inbox_claim($1, $2::integer, $3::integer)",
        inbox,
        String(batch),
        String(lease),
      )
    ).map((row) => row.event_id);

  it("[relay 3.4] has the columns of the contract, the unique event_id and the configured limits", async () => {
    await tide.one("select tide.inbox_create('made', p_max_retries => 5, p_processed_retention_hours => 168)");
    expect(
      await tide.one(
        "select pg_catalog.string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns where table_schema = 'tide' and table_name = 'made_inbox'",
      ),
    ).toBe(
      "id event_id source payload headers received_at processed_at retry_count last_error claimed_until available_at",
    );
    expect(
      await tide.one(
        "select conname from pg_catalog.pg_constraint where conrelid = 'tide.made_inbox'::regclass and contype = 'u'",
      ),
    ).toBe("uq_made_event_id");
    expect(
      await tide.rows(
        "select max_retries, processed_retention_hours, dlq_retention_hours, inbox_schema from tide.tide_inbox_config where inbox_name = 'made'",
      ),
    ).toEqual([{ max_retries: "5", processed_retention_hours: "168", dlq_retention_hours: "0", inbox_schema: "tide" }]);
  });

  it("is made once: the second call says so, or false when it may be there", async () => {
    await tide.one("select tide.inbox_create('twice')");
    const error = await tide.refused("select tide.inbox_create('twice')");
    expect([error.sqlstate, error.message, error.detail]).toEqual([
      "42710",
      "inbox already exists: twice",
      "PGTIDE_INBOX_ALREADY_EXISTS",
    ]);
    expect(error.hint).toContain("if_not_exists");
    expect(await tide.one("select tide.inbox_create_if_not_exists('twice')")).toBe("f");
    expect(await tide.one("select tide.inbox_create_if_not_exists('thrice')")).toBe("t");
  });

  it("[Q-04] refuses names that are no names, whatever stands in them", async () => {
    for (const name of ["", "a.b", 'a"b', "a;drop table x", "a b", "1a", "-a", "ä", "a\n", "a".repeat(58), null]) {
      const error = await tide.refused("select tide.inbox_create($1)", name);
      expect([name, error.sqlstate, error.detail]).toEqual([name, "22023", "PGTIDE_INVALID_ARGUMENT"]);
      expect(error.message).toMatch(/^invalid argument: /);
    }
    for (const schema of ["", 'x"y', "pg_catalog", "pg_temp", "information_schema", "no_such", "a-b", null]) {
      const error = await tide.refused("select tide.inbox_create('fine', $1)", schema);
      expect([schema, error.sqlstate]).toEqual([schema, "22023"]);
    }
    await tide.one("select tide.inbox_create($1)", "a".repeat(57));
    await tide.one("select tide.inbox_create($1)", `${"a".repeat(56)}b`);
    await tide.one("select tide.inbox_create('with-hyphen')");
    expect(await tide.one(`select count(*) from tide."with-hyphen_inbox"`)).toBe("0");
  });

  it("shows what waits in inbox_pending, which follows every inbox made and dropped", async () => {
    await tide.one("select tide.inbox_create('seen')");
    await deliver("seen", "s1", "s2");
    await tide.one("select tide.inbox_mark_processed('seen', 's1')");
    expect(
      await tide.rows("select event_id, source, retry_count from tide.inbox_pending where inbox_name = 'seen'"),
    ).toEqual([{ event_id: "s2", source: "test", retry_count: "0" }]);
    await tide.one("select tide.inbox_drop('seen')");
    expect(await tide.rows("select from tide.inbox_pending where inbox_name = 'seen'")).toEqual([]);
    expect(await tide.one("select pg_catalog.to_regclass('tide.seen_inbox')")).toBeNull();
    expect(
      await tide.one(
        "select 'security_barrier=true' = any(reloptions) from pg_catalog.pg_class where oid = 'tide.inbox_pending'::regclass",
      ),
    ).toBe("t");
  });

  it("takes an event once; done stays done, and unknown events change nothing", async () => {
    await tide.one("select tide.inbox_create('once')");
    expect(await deliver("once", "a", "b")).toHaveLength(2);
    expect(await deliver("once", "a")).toHaveLength(0);
    expect(await tide.one("select tide.inbox_complete('once', 'a')")).toBe("t");
    const first = await tide.one("select processed_at from tide.once_inbox where event_id = 'a'");
    expect(await tide.one("select tide.inbox_complete('once', 'a')")).toBe("f");
    await tide.one("select tide.inbox_mark_processed('once', 'a')");
    await tide.one("select tide.inbox_mark_processed('once', 'nobody')");
    await tide.one("select tide.inbox_mark_failed('once', 'a', 'too late')");
    expect(await tide.rows("select processed_at, retry_count from tide.once_inbox where event_id = 'a'")).toEqual([
      { processed_at: first, retry_count: "0" },
    ]);
  });

  it("counts failures, calls it dead at the limit, and replays what is not done", async () => {
    await tide.one("select tide.inbox_create('failing', p_max_retries => 2)");
    await deliver("failing", "x", "y");
    for (const reason of ["one", "two"]) await tide.one("select tide.inbox_mark_failed('failing', 'x', $1)", reason);
    expect(await tide.json("select tide.inbox_status('failing')")).toEqual({
      inbox_name: "failing",
      pending: 2,
      dlq_count: 1,
    });
    expect(await claim("failing")).toEqual(["y"]);
    expect(await tide.one("select tide.replay_inbox_messages('failing', '{x,y,z}')")).toBe("2");
    expect(await tide.rows("select retry_count, last_error from tide.failing_inbox where event_id = 'x'")).toEqual([
      { retry_count: "0", last_error: null },
    ]);
    expect(await claim("failing")).toEqual(["x", "y"]);
  });

  it("keeps 4096 characters of a reason", async () => {
    await tide.one("select tide.inbox_create('reasons')");
    await deliver("reasons", "x");
    await tide.one("select tide.inbox_mark_failed('reasons', 'x', pg_catalog.repeat('r', 5000))");
    expect(await tide.one("select pg_catalog.length(last_error) from tide.reasons_inbox")).toBe("4096");
  });

  it("gives an event to one of many consumers", async () => {
    await tide.one("select tide.inbox_create('shared')");
    await tide.run(
      "insert into tide.shared_inbox (event_id) select 'e' || g from pg_catalog.generate_series(1, 300) as g",
    );
    const consumers = await Promise.all([tide.another(), tide.another(), tide.another(), tide.another()]);
    const taken = await Promise.all(
      consumers.map(async (consumer) => {
        const mine: string[] = [];
        for (let batch = 1; batch > 0; ) {
          const rows = await consumer.rows("select event_id from tide.inbox_claim('shared', 7, 60)");
          mine.push(...rows.map(({ event_id }) => event_id ?? ""));
          batch = rows.length;
        }
        return mine;
      }),
    );
    await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()));
    const all = taken.flat();
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBe(300);
  });

  it("with a lease of 0, holds an event until the transaction ends, so that a rollback gives it back", async () => {
    await tide.one("select tide.inbox_create('inside')");
    await deliver("inside", "a");
    await using other = await tide.another();
    await other.run("begin");
    expect(await other.rows("select event_id from tide.inbox_claim('inside', 1, 0)")).toEqual([{ event_id: "a" }]);
    expect(await claim("inside")).toEqual([]);
    await other.run("rollback");
    expect(await claim("inside", 1, 0)).toEqual(["a"]);
  });

  it("counts a claim that ran out as a failed attempt, until there are none left", async () => {
    await tide.one("select tide.inbox_create('crashing', p_max_retries => 2)");
    await deliver("crashing", "a");
    const expire = () =>
      tide.run("update tide.crashing_inbox set claimed_until = pg_catalog.now() - interval '1 second'");
    expect(await claim("crashing")).toEqual(["a"]);
    expect(await claim("crashing")).toEqual([]);
    await expire();
    expect(await claim("crashing")).toEqual(["a"]);
    await expire();
    expect(await claim("crashing")).toEqual([]);
    expect(await tide.rows("select retry_count, last_error from tide.crashing_inbox")).toEqual([
      { retry_count: "2", last_error: "the claim ran out" },
    ]);
  });

  it("gives a released event to others at once, or after the delay, and counts nothing", async () => {
    await tide.one("select tide.inbox_create('released')");
    await deliver("released", "a");
    await claim("released");
    expect(await tide.one("select tide.inbox_release('released', 'a')")).toBe("t");
    expect(await claim("released")).toEqual(["a"]);
    await tide.one("select tide.inbox_release('released', 'a', 60)");
    expect(await claim("released")).toEqual([]);
    await tide.run("update tide.released_inbox set available_at = pg_catalog.now() - interval '1 second'");
    expect(await claim("released")).toEqual(["a"]);
    expect(await tide.one("select retry_count from tide.released_inbox")).toBe("0");
  });

  it("refuses batches and times that make no sense, at the limit and one beyond", async () => {
    await tide.one("select tide.inbox_create('bounds')");
    for (const [batch, lease] of [
      [0, 30],
      [10001, 30],
      [1, -1],
      [1, 86401],
    ] as const) {
      expect(
        (await tide.refused("select * from tide.inbox_claim('bounds', $1, $2)", `${batch}`, `${lease}`)).sqlstate,
      ).toBe("22023");
    }
    expect(await claim("bounds", 10000, 86400)).toEqual([]);
    expect((await tide.refused("select tide.inbox_release('bounds', 'a', 604801)")).sqlstate).toBe("22023");
  });

  it("deletes done and dead events only after their retention, and keeps dead ones for good when it is 0", async () => {
    await tide.one(
      "select tide.inbox_create('old', p_max_retries => 1, p_processed_retention_hours => 2, p_dlq_retention_hours => 3)",
    );
    await deliver("old", "done", "fresh", "dead", "young");
    await tide.run(`update tide.old_inbox set processed_at = pg_catalog.now() - interval '3 hours' where event_id = 'done';
      update tide.old_inbox set processed_at = pg_catalog.now() - interval '1 hour' where event_id = 'fresh';
      update tide.old_inbox set retry_count = 1, received_at = pg_catalog.now() - interval '4 hours' where event_id = 'dead';
      update tide.old_inbox set retry_count = 1 where event_id = 'young'`);
    expect(await tide.one("select tide.inbox_truncate_processed('old')")).toBe("1");
    await tide.run("update tide.tide_inbox_config set dlq_retention_hours = 0 where inbox_name = 'old'");
    expect(await tide.one("select tide.inbox_truncate_dlq('old')")).toBe("0");
    await tide.run("update tide.tide_inbox_config set dlq_retention_hours = 3 where inbox_name = 'old'");
    expect(await tide.one("select tide.inbox_truncate_dlq('old')")).toBe("1");
    expect(await tide.rows("select event_id from tide.old_inbox order by id")).toEqual([
      { event_id: "fresh" },
      { event_id: "young" },
    ]);
  });

  it("without retries gives each event one attempt, and calls none dead before it", async () => {
    await tide.one("select tide.inbox_create('strict', p_max_retries => 0, p_dlq_retention_hours => 1)");
    await deliver("strict", "a");
    await tide.run("update tide.strict_inbox set received_at = now() - interval '2 hours'");
    expect(await tide.json("select tide.inbox_status('strict')")).toMatchObject({ pending: 1, dlq_count: 0 });
    expect(await tide.one("select tide.inbox_truncate_dlq('strict')")).toBe("0");
    expect(await claim("strict")).toEqual(["a"]);
    await tide.one("select tide.inbox_mark_failed('strict', 'a', 'no')");
    expect(await claim("strict")).toEqual([]);
    expect(await tide.json("select tide.inbox_status('strict')")).toMatchObject({ dlq_count: 1 });
    expect(await tide.one("select tide.inbox_truncate_dlq('strict')")).toBe("1");
  });

  it("says which inbox there is not", async () => {
    for (const call of [
      "inbox_mark_processed('none', 'x')",
      "inbox_mark_failed('none', 'x', 'y')",
      "inbox_status('none')",
      "inbox_drop('none')",
      "replay_inbox_messages('none', '{}')",
      "inbox_truncate_processed('none')",
      "inbox_truncate_dlq('none')",
      "inbox_claim('none')",
      "inbox_release('none', 'x')",
      "inbox_complete('none', 'x')",
    ]) {
      const error = await tide.refused(`select tide.${call}`);
      expect([call, error.sqlstate, error.message, error.detail]).toEqual([
        call,
        "42704",
        "inbox not found: none",
        "PGTIDE_INBOX_NOT_FOUND",
      ]);
    }
    expect(await tide.one("select tide.inbox_drop('none', true)")).toBe("");
  });

  it("works with the tables that pg_tide made, without our columns", async () => {
    await tide.one("select tide.inbox_create('adopted')");
    await tide.run("alter table tide.adopted_inbox drop column claimed_until, drop column available_at");
    await deliver("adopted", "a", "b");
    await tide.one("select tide.inbox_mark_failed('adopted', 'a', 'why')");
    expect(await claim("adopted")).toEqual(["a", "b"]);
  });

  it("reports all inboxes, one that has lost its table among them", async () => {
    await tide.run("create schema gone; grant all on schema gone to tide_owner");
    await tide.one("select tide.inbox_create('vanished', 'gone')");
    await tide.run("drop schema gone cascade");
    const { inboxes } = (await tide.json("select tide.inbox_status()")) as {
      inboxes: { inbox_name: string; pending: number | null }[];
    };
    expect(inboxes.find(({ inbox_name }) => inbox_name === "vanished")?.pending).toBeNull();
    await tide.one("select tide.inbox_drop('vanished')");
    expect(await tide.one("select pg_catalog.count(*) from tide.inbox_pending where inbox_name = 'vanished'")).toBe(
      "0",
    );
  });

  it("is dropped after the consumer that is at work, whose mark stands, and readers of the view do not wait for it", async () => {
    await tide.one("select tide.inbox_create('leaving')");
    await deliver("leaving", "a");
    await using consumer = await tide.another();
    await using dropper = await tide.another();
    await consumer.run("begin; select tide.inbox_claim('leaving', 1, 0)");
    const dropped = dropper.one("select tide.inbox_drop('leaving')");
    const waiting =
      "select count(*) from pg_catalog.pg_locks where not granted and relation = 'tide.leaving_inbox'::regclass";
    await expect.poll(() => tide.one(waiting)).toBe("1");
    expect(await tide.one("select pg_catalog.has_table_privilege('tide.inbox_pending', 'select')")).toBe("t");
    expect(await consumer.one("select tide.inbox_complete('leaving', 'a')")).toBe("t");
    await consumer.run("commit");
    await dropped;
    expect(await tide.one("select pg_catalog.to_regclass('tide.leaving_inbox')")).toBeNull();
  });

  it("can be made by many at once", async () => {
    const makers = await Promise.all(Array.from({ length: 4 }, () => tide.another()));
    const made = await Promise.all(
      makers.map(async (maker, index) => [
        await maker.one("select tide.inbox_create_if_not_exists('raced')"),
        await maker.one(`select tide.inbox_create_if_not_exists('own${index}')`),
      ]),
    );
    await Promise.all(makers.map((maker) => maker[Symbol.asyncDispose]()));
    expect(made.map(([raced]) => raced).sort()).toEqual(["f", "f", "f", "t"]);
    expect(made.map(([, own]) => own)).toEqual(["t", "t", "t", "t"]);
  });
});
