/** Publishing against those who may connect: squatters on locks, and publishers who borrow another role's name. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableMajors } from "../../support/cluster.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const PASSWORD = "only-in-this-test";

describe.each([...new Set([availableMajors().at(0) ?? 18, availableMajors().at(-1) ?? 18])])(
  "publishing on PostgreSQL %i",
  (major) => {
    let tide: Tide;
    let mallory: Tide;
    const role = `mallory_${major}`;
    beforeAll(async () => {
      tide = await openTide({ major, roles: true });
      await tide.run(`create role ${role} login password '${PASSWORD}'; create role listed_${major};
        create schema mallory authorization ${role}; grant tide_publisher to ${role};
        select tide.outbox_create('orders'); select tide.outbox_create('payments');
        select tide.outbox_grant_publish('payments', 'listed_${major}')`);
      mallory = await tide.another({ user: role, password: PASSWORD });
    });
    afterAll(async () => {
      await mallory?.[Symbol.asyncDispose]();
      await tide?.run(`drop owned by ${role}, listed_${major}; drop role ${role}, listed_${major}`);
      await tide?.[Symbol.asyncDispose]();
    });

    it("[R-17] waits for nobody who holds every lock around the next event alone, and loses nothing by it", async () => {
      await tide.run("select tide.outbox_publish('orders', '1')");
      await mallory.run(
        "select pg_advisory_lock(hashtext('tide:outbox:orders'), n) from generate_series(0, 2000) as n",
      );
      await using other = await tide.another();
      await other.run("set statement_timeout = '5s'; begin; select tide.outbox_publish('orders', '2')");
      await tide.run(
        "set statement_timeout = '5s'; select tide.outbox_publish('orders', '3'); reset statement_timeout",
      );
      await mallory.run("select pg_advisory_unlock_all()");
      const page = () => tide.rows("select payload from tide.relay_page('orders', 0, 10, 10000)");
      // The one that is still open holds the later one back.
      expect(await page()).toEqual([]);
      await other.run("commit");
      expect((await page()).map(({ payload }) => payload)).toEqual(["1", "2", "3"]);
    });

    it("[R-17] names who holds events back by such a lock", async () => {
      await mallory.run("select pg_advisory_lock(hashtext('tide:outbox:orders'), 0)");
      const [holder] = await tide.rows("select process_id from tide.relay_holders('orders')");
      expect(holder?.process_id).toBe(await mallory.one("select pg_backend_pid()"));
      await mallory.run("select pg_advisory_unlock_all()");
    });

    it("[R-13] [R-15] cannot be had by code that somebody else's maintenance runs", async () => {
      const plain = await mallory.refused("select tide.outbox_publish('payments', '{}')");
      expect([plain.sqlstate, plain.detail]).toEqual(["42501", "PGTIDE_PUBLISH_DENIED"]);
      await mallory.run(`create table mallory.bait (n int); insert into mallory.bait values (1);
        create function mallory.forge(int) returns int immutable language plpgsql as
          $$ begin if session_user <> '${role}' then perform tide.outbox_publish('payments', '{"forged": true}'); end if; return $1; end $$;
        create index bait_forge on mallory.bait (mallory.forge(n))`);
      for (const maintenance of ["analyze mallory.bait", "reindex table mallory.bait"]) {
        expect((await tide.refused(maintenance)).sqlstate).toBe("42501");
      }
      expect(await tide.one("select count(*) from tide.tide_outbox_messages where outbox_name = 'payments'")).toBe("0");
      await tide.run("select tide.outbox_publish('payments', '{}')");
    });
  },
);
