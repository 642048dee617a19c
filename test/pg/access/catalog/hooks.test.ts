/** Routines that run by themselves are found wherever they hang. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readHooks } from "../../../../src/access/catalog/hooks.ts";
import { availableMajors, sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

const CONTENT = `
create function f_default() returns int language sql as 'select 1';
create function f_index(i int) returns int language sql immutable as 'select i';
create function f_policy() returns bool language sql as 'select true';
create function f_check(i int) returns bool language sql as 'select true';
create function f_view() returns int language sql as 'select 1';
create function f_rule() returns int language sql as 'select 1';
create function f_operator(a int, b int) returns bool language sql as 'select true';
create operator === (leftarg = int, rightarg = int, function = f_operator);
create function f_trigger() returns trigger language plpgsql as 'begin return new; end';
create function f_event() returns event_trigger language plpgsql as 'begin end';
create table t (a int default f_default(), b int, constraint c_check check (f_check(b)));
create index i_index on t (f_index(a));
create policy p_policy on t using (f_policy());
create policy p_operator on t using (a === b);
create view v_view as select f_view() as x;
create rule r_rule as on delete to t do also select f_rule();
create trigger g_trigger before insert on t for each row execute function f_trigger();
create trigger g_off before insert on t for each row execute function f_trigger();
alter table t disable trigger g_off;
create domain d_domain as int constraint c_domain check (f_check(value));
create event trigger e_event on ddl_command_end execute function f_event();
`;

describe.each(availableMajors())("hooks on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let database: string;
  beforeAll(async () => {
    cluster = await sharedCluster(major);
    database = await cluster.createDatabase();
    await cluster.sql(CONTENT, { database });
  });
  afterAll(() => cluster.sql(`drop database ${database} with (force)`));

  it("are found with their table and their routine, and disabled ones are not", async () => {
    await using session = await connectTo(cluster, { database });
    const hooks = await readHooks(session);
    const names = new Map(
      (await cluster.sql("select oid, proname from pg_proc where oid >= 16384", { database })).map((row) => [
        Number(row.oid),
        row.proname,
      ]),
    );
    const table = Number((await cluster.sql("select 't'::regclass::oid as oid", { database }))[0].oid);
    const found = hooks.map((hook) => {
      const where = hook.table === undefined ? "-" : hook.table === table ? "t" : "other";
      return `${hook.kind} ${hook.name} ${where} ${names.get(hook.routine)}`;
    });
    expect(found).toEqual([
      "constraint c_check t f_check",
      "constraint c_domain - f_check",
      "default a t f_default",
      "event trigger e_event - f_event",
      "index i_index t f_index",
      "policy p_operator t f_operator",
      "policy p_policy t f_policy",
      "rule r_rule t f_rule",
      "trigger g_trigger t f_trigger",
      "view v_view other f_view",
    ]);
  });
});
