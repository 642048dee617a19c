/** SEC-011: wherever the extension lives, whatever was put in its way; and what it keeps on each major. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import sec011 from "../../../../../src/audit/checks/practices/sec-011-passwords-in-statistics.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { foundOf, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

describe.each(availableMajors())("SEC-011 on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { shared_preload_libraries: "pg_stat_statements" } });
    const database = await cluster.createDatabase('lab "1"');
    session = await connectTo(cluster, { database });
    await session.script(`create schema "Stat s"; create extension pg_stat_statements schema "Stat s";
      create table public.ran (what text); create role lab_reader in role pg_read_all_stats; create role lab_nobody;
      create function public.pg_stat_statements(showtext boolean) returns table (query text) language sql
        as $$ insert into public.ran values ('shadow'); select 'x' $$;
      create view public.pg_stat_statements as select 'create role x password ''planted''' as query`);
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  beforeEach(() => session.script(`select "Stat s".pg_stat_statements_reset()`));

  it("names the database and the statement of every password, and is silent when they were forgotten", async () => {
    await session.script("create role lab_a password 'canary-a'");
    await session.script("alter user lab_a encrypted password 'canary-b'");
    await session.script("create foreign data wrapper lab_w");
    await session.script("create server lab_s foreign data wrapper lab_w");
    await session.script("create user mapping for lab_a server lab_s options (password 'canary-c')");
    await session.script(
      "create subscription lab_sub connection 'host=x password=canary-d' publication p with (connect = false)",
    );
    const outcome = await outcomeOn(session, sec011);
    expect(objectsOf(outcome)).toEqual(Array.from({ length: 4 }, () => expect.stringMatching(/^"lab ""1""" -?\d+$/)));
    expect(JSON.stringify(outcome)).not.toContain("canary");
    for (const { fix } of foundOf(outcome)) {
      if (fix?.kind !== "sql") throw new Error("the finding has no statements");
      for (const statement of fix.sql) await session.script(statement);
    }
    expect(await outcomeOn(session, sec011)).toEqual({ status: "pass" });
    await session.script("alter subscription lab_sub disable; alter subscription lab_sub set (slot_name = none)");
    await session.script("drop subscription lab_sub; drop foreign data wrapper lab_w cascade; drop role lab_a");
  });

  it("is silent on verifiers, on roles without a password and on text about passwords", async () => {
    const verifier =
      "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    await session.script(`create role lab_b password '${verifier}'`);
    await session.script("alter role lab_b password null");
    await session.script("comment on role lab_b is 'create role x password'");
    await session.script("select 'alter role x password ''y'''");
    await session.script("drop role lab_b");
    expect(await outcomeOn(session, sec011)).toEqual({ status: "pass" });
  });

  it("tells a reader of statistics the same, and is unknown to others", async () => {
    await session.script("create role lab_c password 'canary-a'");
    await session.script("drop role lab_c");
    await session.script(`grant usage on schema "Stat s" to lab_reader; set role lab_reader`);
    expect(objectsOf(await outcomeOn(session, sec011))).toHaveLength(1);
    await session.script("reset role; set role lab_nobody");
    expect(await outcomeOn(session, sec011)).toMatchObject({ status: "unknown", right: "pg_read_all_stats" });
    await session.script("reset role");
  });

  it("asks the extension's own function, not one of its name that somebody put in the way", async () => {
    await session.script("set search_path = public, pg_catalog");
    await outcomeOn(session, sec011);
    await session.script("set search_path = pg_catalog");
    expect(await session.query("select what from public.ran")).toEqual([]);
  });

  it("does not concern a database without the extension, also when something there has its name", async () => {
    await using other = await connectTo(cluster);
    await other.script(
      `begin; create function public.pg_stat_statements(boolean) returns text language sql as 'select 1 / 0'`,
    );
    expect(await outcomeOn(other, sec011)).toMatchObject({ status: "not_applicable" });
    await other.script("rollback");
  });
});
