/** Consumer groups: every message of an outbox to one consumer of the group at a time, and none lost. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTide, type Tide } from "../../support/tide-session.ts";

let tide: Tide;
let number = 0;
let box = "";
let group = "";
beforeAll(async () => {
  tide = await openTide();
});
afterAll(() => tide?.[Symbol.asyncDispose]());

/** An outbox with a group; gives the ids of its `count` events. */
async function groupWith(count: number, reset = "earliest"): Promise<number[]> {
  box = `box_${++number}`;
  group = `group-${number}`;
  await tide.run(
    `select tide.outbox_create('${box}'); select tide.create_consumer_group('${group}', '${box}', '${reset}')`,
  );
  return await publish(count);
}

async function publish(count: number): Promise<number[]> {
  const rows = await tide.rows(
    "select tide.outbox_publish_id($1, to_jsonb(n)) as id from generate_series(1, $2::int) as n",
    box,
    String(count),
  );
  return rows.map(({ id }) => Number(id));
}

async function poll(consumer: string, { batch = 100, seconds = 30, on = tide } = {}): Promise<number[]> {
  const rows = await on.rows(
    "select outbox_id from tide.poll_outbox($1, $2, $3, $4)",
    group,
    consumer,
    String(batch),
    String(seconds),
  );
  return rows.map((row) => Number(row.outbox_id));
}

const commit = (consumer: string, id: number | undefined): Promise<unknown> =>
  tide.rows("select tide.commit_offset($1, $2, $3)", group, consumer, String(id));

/** Lets the lease of a consumer run out. */
const expire = (consumer: string): Promise<unknown> =>
  tide.rows(
    "update tide.tide_consumer_leases set expires_at = now() - interval '1 second' where group_name = $1 and consumer_id = $2",
    group,
    consumer,
  );

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("making and removing a group", () => {
  it("refuses an unknown outbox, a second one of the name and a bad policy", async () => {
    await groupWith(0);
    expect(await tide.refused("select tide.create_consumer_group('g', 'none')")).toMatchObject({
      message: "outbox not found: none",
      sqlstate: "42704",
    });
    expect(await tide.refused("select tide.create_consumer_group($1, $2)", group, box)).toMatchObject({
      message: `consumer group '${group}' already exists`,
      sqlstate: "42710",
    });
    await tide.rows("select tide.create_consumer_group($1, $2, p_if_not_exists => true)", group, box);
    await tide.rows("select tide.consumer_group_create($1, $2, 'latest', true)", group, box);
    expect((await tide.refused("select tide.create_consumer_group('g', $1, 'middle')", box)).sqlstate).toBe("22023");
    expect((await tide.refused("select tide.create_consumer_group('a b', $1)", box)).sqlstate).toBe("22023");
  });

  it("removes its positions and leases, and says when there is none", async () => {
    await groupWith(2);
    await poll("a");
    await tide.rows("select tide.drop_consumer_group($1)", group);
    expect(await tide.one("select count(*) from tide.tide_consumer_leases where group_name = $1", group)).toBe("0");
    expect((await tide.refused("select tide.drop_consumer_group($1)", group)).sqlstate).toBe("42704");
    await tide.rows("select tide.drop_consumer_group($1, true)", group);
  });
});

describe("[relay 3.3] polling", () => {
  it("gives messages in order with payload, headers and time, and the same ones until they are committed", async () => {
    const ids = await groupWith(3);
    const [row] = await tide.rows("select * from tide.poll_outbox($1, 'a', 1)", group);
    expect(row).toEqual({ outbox_id: String(ids[0]), payload: "1", headers: "{}", created_at: expect.any(String) });
    expect(await poll("a")).toEqual([ids[0]]);
    await commit("a", ids[0]);
    expect(await poll("a", { batch: 2 })).toEqual(ids.slice(1));
  });

  it("gives each consumer of a group others", async () => {
    const ids = await groupWith(6);
    expect(await poll("a", { batch: 2 })).toEqual(ids.slice(0, 2));
    expect(await poll("b", { batch: 2 })).toEqual(ids.slice(2, 4));
    await commit("b", ids[3]);
    expect(await poll("b", { batch: 10 })).toEqual(ids.slice(4));
    expect(await poll("c")).toEqual([]);
  });

  it("hands what a dead consumer had to the next, in parts when it asks for less, and its commit is taken", async () => {
    const ids = await groupWith(6);
    await poll("dead", { batch: 4 });
    await poll("b", { batch: 2 });
    await commit("b", ids[5]);
    expect(await poll("b")).toEqual([]);
    await expire("dead");
    expect(await poll("b", { batch: 3 })).toEqual(ids.slice(0, 3));
    await commit("b", ids[2]);
    expect(await poll("b")).toEqual([ids[3]]);
    await commit("b", ids[3]);
    expect(await poll("b")).toEqual([]);
    expect(await tide.one("select count(*) from tide.tide_consumer_leases where group_name = $1", group)).toBe("0");
  });

  it("leaves the rest of a lease that was committed in part to whoever polls next", async () => {
    const ids = await groupWith(6);
    await poll("a", { batch: 4 });
    await poll("b", { batch: 2 });
    await commit("a", ids[1]);
    await commit("b", ids[5]);
    expect(await poll("b")).toEqual(ids.slice(2, 4));
  });

  it("begins where the policy says: at the oldest, at the next, or where somebody committed", async () => {
    await groupWith(2, "latest");
    expect(await poll("a")).toEqual([]);
    const later = await publish(1);
    expect(await poll("a")).toEqual(later);

    const ids = await groupWith(3, "none");
    expect((await tide.refused("select * from tide.poll_outbox($1, 'a')", group)).message).toContain("policy is none");
    await commit("a", ids[0]);
    expect(await poll("a")).toEqual(ids.slice(1));
  });

  it("[R-11] never passes by a message whose transaction commits late", async () => {
    await groupWith(0);
    await using slow = await tide.another();
    await slow.run(`begin; select tide.outbox_publish('${box}', '"slow"')`);
    const later = await publish(2);
    expect(await poll("a")).toEqual([]);
    await slow.run("commit");
    const ids = await poll("a");
    expect(ids).toHaveLength(3);
    expect(ids.slice(1)).toEqual(later);
  });

  it("gives everything once to consumers that poll at the same moment", async () => {
    const ids = await groupWith(200);
    const seen: number[] = [];
    await Promise.all(
      ["a", "b", "c", "d"].map(async (consumer) => {
        await using session = await tide.another();
        for (;;) {
          const got = await poll(consumer, { batch: 7, on: session });
          if (got.length === 0) return;
          seen.push(...got);
          await session.rows("select tide.commit_offset($1, $2, $3)", group, consumer, String(got.at(-1)));
        }
      }),
    );
    expect(seen.sort((one, other) => one - other)).toEqual(ids);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "[R-11] loses nothing and gives nothing to two at once, whatever happens (seed %i)",
    async (seed) => {
      const random = generator(seed);
      const pick = (below: number): number => Math.floor(random() * below);
      const all = await groupWith(20);
      const done = new Set<number>();
      const held = new Map<string, number[]>();
      const zombies: { consumer: string; batch: number[] }[] = [];
      for (let step = 0; step < 120; step++) {
        const consumer = `c${pick(4)}`;
        const batch = held.get(consumer) ?? [];
        const action = pick(11);
        if (action < 4) {
          const got = await poll(consumer, { batch: 1 + pick(6) });
          for (const [other, ids] of held) if (other !== consumer) for (const id of got) expect(ids).not.toContain(id);
          held.set(consumer, got);
        } else if (action < 7 && batch.length > 0) {
          const upTo = pick(batch.length) + 1;
          await commit(consumer, batch[upTo - 1]);
          for (const id of batch.slice(0, upTo)) done.add(id);
          held.delete(consumer);
        } else if (action < 8) {
          // It died: what it held is anybody's.
          await expire(consumer);
          held.delete(consumer);
        } else if (action < 9) {
          await tide.rows("select tide.consumer_lease_release($1, $2)", group, consumer);
          held.delete(consumer);
        } else if (action < 10) {
          const zombie = zombies.pop();
          // Whoever polled since under that name holds something else now.
          if (!zombie || held.has(zombie.consumer)) continue;
          const isTaken = await commit(zombie.consumer, zombie.batch.at(-1)).then(
            () => true,
            () => false,
          );
          if (isTaken) for (const id of zombie.batch) done.add(id);
        } else all.push(...(await publish(pick(4))));
      }
      await tide.rows("update tide.tide_consumer_leases set expires_at = '-infinity' where group_name = $1", group);
      for (let got = await poll("last"); got.length > 0; got = await poll("last")) {
        for (const id of got) done.add(id);
        await commit("last", got.at(-1));
      }
      expect([...done].sort((one, other) => one - other)).toEqual(all);
    },
  );

  it("an idle consumer does not hold the sweep back", async () => {
    const ids = await groupWith(3);
    await poll("idle", { batch: 1 });
    await commit("idle", ids[0]);
    await poll("busy");
    await commit("busy", ids[2]);
    expect(await poll("idle")).toEqual([]);
    expect(await tide.one("select safe_offset from tide.relay_participants where name = $1", group)).toBe(
      String(ids[2]),
    );
  });

  it.each([
    ["poll_outbox('none', 'a')", "42704"],
    ["poll_outbox(null, 'a')", "42704"],
  ])("%s is refused", async (call, state) => {
    expect((await tide.refused(`select * from tide.${call}`)).sqlstate).toBe(state);
  });

  it("refuses batches, times and names that make no sense", async () => {
    await groupWith(0);
    for (const rest of ["'a', 0", "'a', 10001", "'a', 1, 0", "''", "null"])
      expect((await tide.refused(`select * from tide.poll_outbox('${group}', ${rest})`)).sqlstate).toBe("22023");
    await tide.run("begin isolation level repeatable read");
    expect((await tide.refused("select * from tide.poll_outbox($1, 'a')", group)).message).toContain("READ COMMITTED");
    await tide.run("rollback");
  });
});

describe("positions", () => {
  it("only grow: a lower commit is refused, an equal one renews the heartbeat", async () => {
    await groupWith(0);
    await commit("a", 10);
    await tide.rows("update tide.tide_consumer_offsets set last_heartbeat = 'epoch' where group_name = $1", group);
    await commit("a", 10);
    expect(
      await tide.one("select last_heartbeat > 'epoch' from tide.tide_consumer_offsets where group_name = $1", group),
    ).toBe("t");
    expect(await tide.refused("select tide.commit_offset($1, 'a', 9)", group)).toMatchObject({
      message: "invalid argument: consumer offset 9 is lower than the committed offset",
      sqlstate: "22023",
      detail: "PGTIDE_INVALID_ARGUMENT",
    });
    expect((await tide.refused("select tide.commit_offset($1, 'a', -1)", group)).sqlstate).toBe("22023");
  });

  it("a plain update that lowers one is refused, also with the setting that rewinds use", async () => {
    await groupWith(0);
    await commit("a", 10);
    const lower = "update tide.tide_consumer_offsets set committed_offset = 1 where group_name = $1";
    expect((await tide.refused(lower, group)).message).toMatch(/is monotonic; use tide\.admin_rewind_offset/);
    const role = "offset_forger";
    await tide.run(`create role ${role}; grant usage on schema tide to ${role};
      grant select, update on tide.tide_consumer_offsets to ${role}`);
    await tide.run(`begin; set local role ${role}; set local tide.offset_rewind = 'on'`);
    expect((await tide.refused(lower, group)).sqlstate).toBe("22023");
    await tide.run("rollback");
  });

  it("a heartbeat of somebody unknown is ignored", async () => {
    await groupWith(0);
    await tide.rows("select tide.consumer_heartbeat($1, 'nobody')", group);
    expect(await tide.one("select count(*) from tide.tide_consumer_offsets where group_name = $1", group)).toBe("0");
  });

  it("the lag is the number of messages, whatever gaps their ids have", async () => {
    const ids = await groupWith(3);
    await tide.run(`select tide.outbox_create('other_${number}'); select tide.outbox_publish('other_${number}', '1')`);
    await publish(1);
    await commit("a", ids[1]);
    expect(
      await tide.rows("select outbox_name, consumer_id, lag from tide.consumer_lag where group_name = $1", group),
    ).toEqual([{ outbox_name: box, consumer_id: "a", lag: "2" }]);
  });
});

describe("leases by hand", () => {
  it("are given, extended and given back, and two never overlap", async () => {
    await groupWith(0);
    const acquire = (consumer: string, from: number, to: number) =>
      tide.one("select tide.consumer_lease_acquire($1, $2, $3, $4)", group, consumer, String(from), String(to));
    expect(await acquire("a", 1, 10)).toBe("t");
    expect(await acquire("b", 10, 20)).toBe("f");
    expect(await acquire("b", 11, 20)).toBe("t");
    expect(await tide.one("select tide.consumer_lease_extend($1, 'a', 60)", group)).toBe("t");
    expect(await tide.one("select tide.consumer_lease_release($1, 'a')", group)).toBe("t");
    expect(await tide.one("select tide.consumer_lease_extend($1, 'a')", group)).toBe("f");
    expect(await tide.one("select tide.consumer_lease_release($1, 'c')", group)).toBe("f");
    expect((await tide.refused("select tide.consumer_lease_acquire($1, 'a', 5, 1)", group)).sqlstate).toBe("22023");
  });
});

describe("[relay 3.3] rewinding a consumer", () => {
  it("delivers again to the group and is noted with old and new position", async () => {
    const ids = await groupWith(3);
    await poll("a");
    await commit("a", ids[2]);
    await tide.rows("select tide.admin_rewind_offset($1, 'a', $2, true)", group, String(ids[0]));
    expect(await poll("a")).toEqual(ids.slice(1));
    expect(
      await tide.rows(
        "select action, performed_by from tide.tide_security_audit where target_object = $1",
        `${group}/a ${ids[2]}->${ids[0]}`,
      ),
    ).toEqual([{ action: "ADMIN_REWIND_OFFSET", performed_by: "postgres" }]);
    expect(await tide.one("select current_setting('tide.offset_rewind', true)")).not.toBe("on");
  });

  it("asks for a confirmation, a target at or above 0, a position that is there and is higher, messages that are not deleted", async () => {
    const ids = await groupWith(3);
    await commit("a", ids[2]);
    const refused = async (consumer: string, target: number, confirm: boolean) =>
      (
        await tide.refused(
          "select tide.admin_rewind_offset($1, $2, $3, $4)",
          group,
          consumer,
          String(target),
          String(confirm),
        )
      ).message;
    expect(await refused("a", 1, false)).toContain("delivers messages again");
    expect(await refused("a", -1, true)).toContain("must not be negative");
    expect(await refused("b", 1, true)).toContain("has no offset");
    expect(await refused("a", (ids[2] ?? 0) + 1, true)).toContain("higher than the current offset");
    await tide.rows("update tide.tide_outbox_config set retention_hours = 0 where outbox_name = $1", box);
    await tide.rows("select tide.outbox_sweep($1, 2)", box);
    expect(await refused("a", 0, true)).toContain("messages are deleted");
    await tide.rows("select tide.consumer_offset_rewind($1, 'a', $2, true)", group, String(ids[1]));
  });

  it("[R-11] waits for a sweep that is under way, and then knows what that deleted", async () => {
    const ids = await groupWith(4);
    await tide.rows("update tide.tide_outbox_config set retention_hours = 0 where outbox_name = $1", box);
    await commit("a", ids[3]);
    await using sweeper = await tide.another();
    await sweeper.run(`begin; select tide.outbox_sweep('${box}', 2)`);
    await using admin = await tide.another();
    const rewound = admin.refused("select tide.admin_rewind_offset($1, 'a', 0, true)", group);
    const waiting =
      "select count(*) from pg_catalog.pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await expect.poll(() => tide.one(waiting)).toBe("1");
    await sweeper.run("commit");
    expect((await rewound).message).toContain("messages are deleted");
    await tide.rows("select tide.admin_rewind_offset($1, 'a', $2, true)", group, String(ids[1]));
    expect(await poll("a")).toEqual(ids.slice(2));
  });

  it("[R-11] done first, keeps the messages from a sweep that waited for it", async () => {
    const ids = await groupWith(4);
    await tide.rows("update tide.tide_outbox_config set retention_hours = 0 where outbox_name = $1", box);
    await commit("a", ids[3]);
    await using admin = await tide.another();
    await admin.run(`begin; select tide.admin_rewind_offset('${group}', 'a', ${ids[0]}, true)`);
    const swept = tide.json("select tide.outbox_sweep($1)", box);
    await using looker = await tide.another();
    const waiting =
      "select count(*) from pg_catalog.pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await expect.poll(() => looker.one(waiting)).toBe("1");
    await admin.run("commit");
    expect(await swept).toMatchObject({ outboxes: [{ affected_rows: 1, highest_deleted_id: ids[0] }] });
  });

  it("is for administrators, whoever was given the right to call it", async () => {
    const ids = await groupWith(1);
    await commit("a", ids[0]);
    await tide.run(`create role rewinder; grant usage on schema tide to rewinder; grant execute on all functions in schema tide to rewinder;
      begin; set local role rewinder`);
    expect((await tide.refused("select tide.admin_rewind_offset($1, 'a', 0, true)", group)).sqlstate).toBe("42501");
    await tide.run("rollback");
  });
});

describe("[relay 3.3] rewinding a pipeline", () => {
  const rewind = "select tide.admin_rewind_relay_offset('default', $1, $2, $3, true)";

  it("needs it disabled and let go, and then delivers again", async () => {
    const ids = await groupWith(3);
    const name = `p_${box}`;
    await tide.run(`insert into tide.relay_outbox_config (name, config) values ('${name}', '{"source": {"outbox": "${box}"}}');
      insert into tide.relay_consumer_offsets values ('default', '${name}', '${box}', ${ids[2]})`);
    expect((await tide.refused(rewind, name, box, "0")).message).toContain("is enabled");
    await tide.run(`update tide.relay_outbox_config set enabled = false where name = '${name}'`);

    await using relay = await tide.another();
    const lock = `hashtext('default'), hashtext('default:forward:${name}')`;
    await relay.run(`select pg_advisory_lock(${lock})`);
    expect((await tide.refused(rewind, name, box, "0")).message).toContain("still owned");
    await relay.run(`select pg_advisory_unlock(${lock});
      select * from tide.relay_lease_acquire('default', 'default', 'forward', '${name}', 't', 'here', 60000, false)`);
    expect((await tide.refused(rewind, name, box, "0")).message).toContain("still owned");
    await relay.run(`select tide.relay_lease_release('default', 'default', 'forward', '${name}', 1)`);

    await tide.rows(rewind, name, box, String(ids[0]));
    expect(await tide.one("select last_change_id from tide.relay_consumer_offsets where pipeline_id = $1", name)).toBe(
      String(ids[0]),
    );
    expect(
      await tide.one("select target_object from tide.tide_security_audit where action = 'ADMIN_REWIND_RELAY_OFFSET'"),
    ).toBe(`default/${name}/${box} ${ids[2]}->${ids[0]}`);
  });

  it("refuses an unknown position and one that lies ahead", async () => {
    expect((await tide.refused(rewind, "none", "none", "0")).message).toContain("has no offset");
    await groupWith(1);
    await tide.run(`insert into tide.relay_consumer_offsets values ('default', 'gone_${box}', '${box}', 1)`);
    expect((await tide.refused(rewind, `gone_${box}`, box, "2")).message).toContain("higher than the current offset");
  });
});
