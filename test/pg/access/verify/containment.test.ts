/**
 * Verification runs as a superuser among the code of people who are not: what that code gets to do, and what remains.
 *
 * Sequences are the witnesses here: their numbers survive a rollback, so they tell what ran and as whom.
 */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { MODEL, prepareShop, verifyShop } from "./fixture.ts";

/**
 * Code of role "mallory" wherever a statement that is only planned, or a definition, can meet it. It says that it never
 * changes anything, then tries to become the superuser whose session it runs in.
 */
const HOSTILE = `
create role mallory login password 'x';
grant usage, create on schema app to mallory;
create sequence public.ran; create sequence public.ran_as_superuser;
grant usage on schema public to public; grant usage, select on all sequences in schema public to public;
set role mallory;
create function app.escape() returns boolean language plpgsql volatile as $body$
begin
  perform nextval('public.ran');
  begin perform set_config('session_authorization', 'postgres', false); exception when others then null; end;
  begin perform set_config('role', 'none', false); exception when others then null; end;
  if current_setting('is_superuser') = 'on' then
    perform nextval('public.ran_as_superuser');
    execute 'alter role mallory superuser';
  end if;
  return true;
end $body$;
create function app.innocent() returns boolean language plpgsql immutable as $body$ begin return app.escape(); end $body$;
create function app.on_event() returns event_trigger language plpgsql as $body$ begin perform app.escape(); end $body$;
create function app.on_statement() returns trigger language plpgsql as $body$ begin perform app.escape(); return null; end $body$;
create table app.trap (id int default (app.innocent())::int, check (app.innocent()));
create table app.policed (id int);
alter table app.policed enable row level security;
create policy p on app.policed using (app.innocent());
create view app.window as select * from app.policed where app.innocent();
create trigger t before insert or update or delete or truncate on app.trap for each statement execute function app.on_statement();
grant all on app.trap, app.policed, app.window to public;
reset role;
`;

/** mallory's tables are governed by the file, which gives nobody a right on them. */
const WITHOUT_TRAPS = MODEL.replace(
  "    routines_public_execute: revoke",
  "      - { table: trap, revoke: all, from: [public, app_rw, app_r] }\n      - { table: policed, revoke: all, from: [public, app_rw, app_r] }\n      - { table: window, revoke: all, from: [public, app_rw, app_r] }\n    routines_public_execute: revoke",
);

describe.each(availableMajors())("verification on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await prepareShop(cluster);
  });
  afterAll(() => cluster.stop());

  const sql = (text: string) => cluster.sql(text, { database: "shop" });
  const called = async (sequence: string): Promise<boolean> => {
    const [row] = await sql(`select is_called from public.${sequence}`);
    return row.is_called;
  };

  /** Everything that a probe could leave behind: catalogs, counters, numbers of sequences. */
  async function everything(): Promise<unknown> {
    const catalogs = ["pg_class", "pg_proc", "pg_namespace", "pg_type", "pg_attribute", "pg_authid", "pg_auth_members"];
    const more = [
      "pg_db_role_setting",
      "pg_policy",
      "pg_trigger",
      "pg_event_trigger",
      "pg_publication",
      "pg_default_acl",
      "pg_database",
    ];
    const hashes = await Promise.all(
      [...catalogs, ...more].map(async (name) => {
        // What vacuum and analyze keep in pg_class and pg_database is none of ours.
        const row = `to_jsonb(c) - 'relpages' - 'reltuples' - 'relallvisible' - 'relallfrozen' - 'relfrozenxid' - 'relminmxid' - 'datfrozenxid'`;
        const [{ hash }] = await sql(
          `select md5(string_agg(x, ',' order by x)) as hash from (select (${row})::text from ${name} as c) as t (x)`,
        );
        return [name, hash];
      }),
    );
    const counters = await sql(
      "select relname, seq_scan, coalesce(idx_scan, 0) as idx, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables order by relname",
    );
    const sequences = await sql("select schemaname, sequencename, last_value from pg_sequences order by 1, 2");
    return { hashes, counters, sequences };
  }

  /** Counters reach the server's statistics late; twice the same with a pause between is what they are. */
  async function settled(): Promise<unknown> {
    let last: unknown;
    await expect
      .poll(
        async () => {
          const before = last;
          last = await everything();
          return isDeepStrictEqual(before, last);
        },
        { interval: 600, timeout: 20_000 },
      )
      .toBe(true);
    return last;
  }

  it("[A-01] leaves nothing: no object, no setting, no counter, no number of a sequence", async () => {
    const before = await settled();
    const report = await verifyShop(cluster);

    expect(report.counts.fail).toBe(0);
    expect(await settled()).toEqual(before);
  });

  it("leaves nothing when it is interrupted in the middle", async () => {
    const before = await settled();
    const stop = new AbortController();
    const interrupted = verifyShop(cluster, {
      options: { signal: stop.signal, report: ({ done }) => done === 2 && stop.abort(new Error("enough")) },
    });

    await expect(interrupted).rejects.toThrow("enough");
    expect(await settled()).toEqual(before);
  });

  describe("with code of somebody else in the database", () => {
    beforeAll(async () => {
      await sql(HOSTILE);
    });

    async function forget(): Promise<void> {
      // Not ALTER SEQUENCE, which event triggers would see.
      await sql("select setval('public.ran', 1, false), setval('public.ran_as_superuser', 1, false)");
      expect(await called("ran")).toBe(false);
    }

    it("[A-01] such code does get back to the superuser from a plain session authorization, so the danger is real", async () => {
      await forget();
      await using session = await connectTo(cluster, { database: "shop" });
      await session
        .script("begin; set local session authorization app; explain select * from app.policed")
        .catch(() => undefined);
      await session.script("rollback");

      expect(await called("ran_as_superuser")).toBe(true);
    });

    it("[A-01] it is not run at all for roles that the model does not send there", async () => {
      await forget();
      const report = await verifyShop(cluster, { model: WITHOUT_TRAPS });

      const computed = report.probes.filter(
        ({ role, object, action }) => role !== "" && object === "table app.policed" && action === "select",
      );
      expect(computed.every(({ reason }) => reason?.includes('"innocent", which belongs to role "mallory"'))).toBe(
        true,
      );
      expect(computed.length).toBeGreaterThan(0);
      expect(await called("ran")).toBe(false);
    });

    it("[A-01] where the model sends the role there anyway, it runs as that role and cannot become another", async () => {
      await forget();
      await verifyShop(cluster);

      expect(await called("ran")).toBe(true);
      expect(await called("ran_as_superuser")).toBe(false);
      const [mallory] = await sql("select rolsuper from pg_roles where rolname = 'mallory'");
      expect(mallory.rolsuper).toBe(false);
    });

    it("[A-01] event triggers do not fire for what is defined, and are as they were", async () => {
      await sql("create event trigger snare on ddl_command_start execute function app.on_event()");
      await sql("alter event trigger snare enable always");
      try {
        await forget();
        const report = await verifyShop(cluster, { model: WITHOUT_TRAPS });

        expect(report.notes.join()).toContain("1 event trigger was switched off");
        expect(await called("ran")).toBe(false);
        expect(await sql("select evtenabled from pg_event_trigger")).toEqual([{ evtenabled: "A" }]);
      } finally {
        await sql("drop event trigger snare");
      }
    });

    it("[A-01] an executor who may not switch them off defines nothing", async () => {
      await cluster.sql("create role admin login createrole password 'admin' in role app_rw, app_r, shop_owner");
      await cluster.sql("grant connect on database shop to admin", { database: "shop" });
      await sql("create event trigger snare on ddl_command_start execute function app.on_event()");
      try {
        await forget();
        const settings = {
          user: "admin",
          password: async () => new (await import("../../../../src/base/secrets.ts")).Secret("admin"),
        };
        const report = await verifyShop(cluster, { model: WITHOUT_TRAPS, settings });

        expect(report.method).toBe("catalog");
        expect(report.counts.pass).toBe(0);
        expect(report.notes.join()).toContain('event trigger "snare" would run code of role "mallory"');
        expect(await called("ran")).toBe(false);
      } finally {
        await sql("drop event trigger snare");
      }
    });
  });
});
