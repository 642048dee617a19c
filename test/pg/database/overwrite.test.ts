/**
 * Overwriting on real servers: every attribute before equals every attribute after, column by column, and whatever goes
 * wrong before the drop leaves the original as it was.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ProgressEvent, Prompter } from "../../../src/base/operation.ts";
import { overwriteDatabase } from "../../../src/pg/database.ts";
import { ident, literal } from "../../../src/pg/identifiers.ts";
import type { Session } from "../../../src/pg/session.ts";
import { ServerError } from "../../../src/pg/session.ts";
import { hasMajor, type Major, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connector, type Login } from "./connecting.ts";

const MAJORS: readonly Major[] = [14, 15, 16, 17, 18];

/** Columns that are the database's history or contents, not its attributes. */
const NOT_COMPARED = [
  "oid",
  "datfrozenxid",
  "datminmxid",
  "datlastsysoid",
  "dathasloginevt",
  "datfrozenxid",
  "dattablespace",
];

const NAMES = [
  ["quotes", `say "hi" and 'ho'`],
  ["spaces at both ends", "  spaced  "],
  ["a statement", `x"; drop database plain; --`],
  ["backslashes", "back\\slash\\'"],
  ["other scripts", "données-資料-🐘"],
  ["63 bytes", "n".repeat(63)],
  ["a key word", "SELECT"],
  ["a dollar quote", "$$body$$"],
  ["a format directive", "%s %I %%"],
];

interface Overwriting {
  database: string;
  maintenanceDatabase?: string;
  force?: boolean;
  prompt?: Prompter;
  signal?: AbortSignal;
  connect?: (database: string) => Promise<Session>;
  login?: Login;
  environment?: Record<string, string>;
}

function overwriting(cluster: TestCluster, options: Overwriting) {
  const events: ProgressEvent[] = [];
  const result = overwriteDatabase({
    database: options.database,
    maintenanceDatabase: options.maintenanceDatabase ?? "postgres",
    force: options.force ?? true,
    connect: options.connect ?? connector(cluster, options.login),
    context: {
      prompt: options.prompt,
      report: (event) => events.push(event),
      signal: options.signal ?? new AbortController().signal,
      environment: options.environment ?? {},
    },
  });
  return { events, result };
}

/** Everything the shared catalogs say about a database, with names for oids. */
async function dump(cluster: TestCluster, database: string) {
  const [row] = await cluster.sql(
    "select to_jsonb(d) as d, spcname from pg_database d join pg_tablespace t on t.oid = dattablespace where datname = $1",
    {
      values: [database],
    },
  );
  if (!row) return undefined;
  const { oid } = row.d;
  const settings = await cluster.sql(
    "select setrole::regrole::text as role, setconfig from pg_db_role_setting where setdatabase = $1 order by setrole",
    { values: [oid] },
  );
  const comments = await cluster.sql(
    "select description from pg_shdescription where objoid = $1 and classoid = 'pg_database'::regclass",
    { values: [oid] },
  );
  const labels = await cluster.sql("select provider, label from pg_shseclabel where objoid = $1", { values: [oid] });
  const columns = Object.fromEntries(Object.entries(row.d).filter(([name]) => !NOT_COMPARED.includes(name)));
  return { columns, tablespace: row.spcname, settings, comments, labels };
}

const oidOf = async (cluster: TestCluster, database: string): Promise<number | undefined> =>
  (await cluster.sql("select oid from pg_database where datname = $1", { values: [database] }))[0]?.oid;

const databaseNames = async (cluster: TestCluster): Promise<string[]> =>
  (await cluster.sql("select datname from pg_database order by 1")).map(({ datname }) => datname);

describe.each(MAJORS.filter(hasMajor))("overwriting on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role boss createdb login password 'boss-password'");
    await cluster.sql("create role app login password 'app-password'; create role delegate; create role guest");
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    const leftovers = (await databaseNames(cluster)).filter((name) => name.startsWith("pgkeep_new_"));
    expect(leftovers).toEqual([]);
  });

  /** Overwrites a database prepared by `statements` and expects every attribute to survive. */
  async function survives(database: string, statements: string[], create = ""): Promise<void> {
    await cluster.sql(`create database ${ident(database)} ${create}`);
    for (const statement of statements) await cluster.sql(statement);
    const [before, oid] = [await dump(cluster, database), await oidOf(cluster, database)];
    expect(await overwriting(cluster, { database }).result).toEqual({ existed: true });
    expect(await dump(cluster, database)).toEqual(before);
    expect(await oidOf(cluster, database)).not.toBe(oid);
  }

  it("[CL-14] keeps owner, connection limit, comment and settings", async () => {
    await survives("plain", [
      "alter database plain owner to boss",
      "alter database plain connection limit 7",
      "comment on database plain is 'it''s \\ ours'",
      "alter database plain set work_mem to '7MB'",
      "alter database plain set timezone to 'Europe/Berlin'",
      "alter database plain set datestyle to 'SQL, DMY'",
      "alter database plain set myapp.mode to 'a = b, \"c\"'",
      "alter database plain set myapp.empty to ''",
    ]);
  });

  it("[BX-04] keeps a revoked PUBLIC CONNECT and every grant", async () => {
    await survives("acl", [
      "alter database acl owner to boss",
      "revoke all on database acl from public",
      "grant temporary on database acl to public",
      "grant connect on database acl to app with grant option",
      "grant create on database acl to app",
    ]);
  });

  it("[BX-04] keeps grants that a grantee passed on, with their grantor", async () => {
    await survives("chain", [
      "grant connect on database chain to delegate with grant option",
      "set role delegate; grant connect on database chain to guest with grant option",
      "set role guest; grant connect on database chain to app",
    ]);
  });

  it("[BX-04] keeps an access list that was emptied, and one whose owner gave up rights", async () => {
    await survives("nobody", ["revoke all on database nobody from public, postgres"]);
    await survives("meek", ["revoke create on database meek from postgres"]);
  });

  it("[BX-05] keeps list-valued settings element by element", async () => {
    await survives("lists", [
      `alter database lists set search_path to "$user", public, "with, comma", "with ""quote""", "UPPER", ''`,
      "alter database lists set temp_tablespaces to pg_default, ''",
      "alter database lists set session_preload_libraries to 'auto_explain', 'my lib'",
    ]);
    await survives("emptypath", ["alter database emptypath set search_path to ''"]);
  });

  it("[BX-06] keeps role-in-database settings", async () => {
    await survives("roles", [
      "alter role app in database roles set search_path to app, public",
      `alter role boss in database roles set work_mem to '3MB'`,
      "alter database roles set lock_timeout to '3s'",
    ]);
  });

  it("keeps encoding and locale that are not the server's defaults", async () => {
    await survives("latin", [], "template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");
    await survives("ascii", [], "template template0 encoding 'SQL_ASCII' locale 'C'");
  });

  if (major >= 15)
    it("keeps an ICU locale", async () => {
      const rules = major >= 16 ? "icu_rules '&a < g'" : "";
      await survives("icu", [], `template template0 locale_provider icu icu_locale 'de-AT' ${rules}`);
    });

  if (major >= 17)
    it("keeps the builtin provider and its locale", async () => {
      await survives("builtin", [], "template template0 locale_provider builtin builtin_locale 'C.UTF-8'");
    });

  it("keeps the marks of a template and of a closed database", async () => {
    await survives("mould", ["alter database mould is_template true"]);
    await survives("closed", ["alter database closed allow_connections false"]);
  });

  it("keeps the tablespace", async () => {
    const inPlace = ["-c", "set allow_in_place_tablespaces = on", "-c", "create tablespace roomy location ''"];
    expect((await cluster.psql(inPlace)).stderr).toBe("");
    await survives("spaced", [], "tablespace roomy");
  });

  // What a name does to the text of a statement is the same in every version; the oldest and the newest are enough.
  it.each(major === 14 || major === 18 ? NAMES : [])(
    "overwrites a database whose name holds %s",
    async (_what, database) => {
      await survives(database, [
        `comment on database ${ident(database)} is 'x'`,
        `revoke connect on database ${ident(database)} from public`,
        `alter database ${ident(database)} set search_path to 'a b'`,
      ]);
    },
  );

  it("hands hostile names of roles, settings and comments back as they were", async () => {
    const role = `ro"le; drop database "postgres`;
    await cluster.sql(`create role ${ident(role)}`);
    await survives("innards", [
      `alter role ${ident(role)} in database innards set my.setting to 'x''; drop table y; --'`,
      `grant create on database innards to ${ident(role)}`,
      `comment on database innards is ${literal("'; drop database postgres; --\n\\")}`,
    ]);
  });

  it("empties the database and ends its other sessions", async () => {
    await cluster.createDatabase("busy");
    await cluster.sql("create table t ()", { database: "busy" });
    const other = await connector(cluster)("busy");
    await overwriting(cluster, { database: "busy" }).result;
    await expect(other.query("select 1")).rejects.toThrow();
    await other.close();
    expect(await cluster.sql("select 1 from pg_class where relname = 't'", { database: "busy" })).toEqual([]);
  });

  it("creates a missing database without a question and with the server's defaults", async () => {
    const { events, result } = overwriting(cluster, { database: "fresh", force: false });
    expect(await result).toEqual({ existed: false });
    expect(events).toEqual([{ type: "database.creating", database: "fresh" }]);
    expect(await databaseNames(cluster)).toContain("fresh");
  });

  it("works for an owner who is no superuser", async () => {
    await cluster.sql("create database bossy owner boss");
    await cluster.sql("revoke connect on database bossy from public; grant connect on database bossy to app");
    await cluster.sql("alter database bossy set work_mem to '9MB'; comment on database bossy is 'mine'");
    const before = await dump(cluster, "bossy");
    await overwriting(cluster, { database: "bossy", login: { user: "boss", password: "boss-password" } }).result;
    expect(await dump(cluster, "bossy")).toEqual(before);
  });
});

// What fails, and when, is decided here and not by the server's version: the oldest and the newest are enough.
describe.each(MAJORS.filter((major) => major === 14 || major === 18).filter(hasMajor))(
  "an overwrite that fails on PostgreSQL %i",
  (major) => {
    let cluster: TestCluster;
    beforeAll(async () => {
      cluster = await startCluster({ major });
      await cluster.sql("create role boss createdb login password 'boss-password'");
      await cluster.sql("create role app login password 'app-password'; create role delegate; create role guest");
    });
    afterAll(() => cluster?.stop());
    afterEach(async () => {
      const leftovers = (await databaseNames(cluster)).filter((name) => name.startsWith("pgkeep_new_"));
      expect(leftovers).toEqual([]);
    });

    it("drops nothing when an attribute cannot be given again, and names the statement", async () => {
      await cluster.sql("create database tricky owner boss");
      await cluster.sql("alter role app in database tricky set work_mem to '1MB'");
      const [before, oid] = [await dump(cluster, "tricky"), await oidOf(cluster, "tricky")];
      const { result } = overwriting(cluster, {
        database: "tricky",
        login: { user: "boss", password: "boss-password" },
      });
      await expect(result).rejects.toMatchObject({
        code: "DEPLOY_DATABASE_FAILED",
        parts: {
          sqlstate: "42501",
          state: expect.stringContaining("nothing was dropped"),
          detail: expect.stringContaining(`alter role "app" in database`),
        },
      });
      expect([await dump(cluster, "tricky"), await oidOf(cluster, "tricky")]).toEqual([before, oid]);
    });

    it("drops nothing when a security label's provider is not loaded", async () => {
      await cluster.sql("create database labelled");
      await cluster.sql(
        "set allow_system_table_mods = on; insert into pg_shseclabel select oid, 'pg_database'::regclass, 'nobody', 'secret area' from pg_database where datname = 'labelled'",
      );
      const oid = await oidOf(cluster, "labelled");
      await expect(overwriting(cluster, { database: "labelled" }).result).rejects.toMatchObject({
        code: "DEPLOY_DATABASE_FAILED",
        parts: { detail: expect.stringContaining(`security label for "nobody"`) },
      });
      expect(await oidOf(cluster, "labelled")).toBe(oid);
    });

    it("drops nothing when the server refuses the drop", async () => {
      await cluster.sql("create database slotted");
      await cluster.sql("alter database slotted is_template true");
      const prepared = await connector(cluster)("slotted");
      const connect = failing(connector(cluster), /^drop database "slotted"/);
      await expect(overwriting(cluster, { database: "slotted", connect }).result).rejects.toMatchObject({
        code: "DEPLOY_DATABASE_FAILED",
        message: `could not drop database "slotted"`,
      });
      const [row] = await cluster.sql("select datistemplate from pg_database where datname = 'slotted'");
      expect(row.datistemplate).toBe(true);
      await prepared.close();
    });

    it("says how to finish by hand when only the rename failed, and those statements finish it", async () => {
      await cluster.sql("create database halfway");
      await cluster.sql("alter database halfway set work_mem to '5MB'");
      const before = await dump(cluster, "halfway");
      const connect = failing(connector(cluster), /^alter database "pgkeep_new_\w+" rename/);
      const failure = await overwriting(cluster, { database: "halfway", connect }).result.catch((error) => error);
      expect(failure).toMatchObject({
        code: "DEPLOY_DATABASE_FAILED",
        parts: {
          state: expect.stringMatching(/^database "halfway" is dropped; its empty replacement is called "pgkeep_new_/),
        },
      });
      const statements = failure.parts.detail.split("\n").filter((line: string) => line.endsWith(";"));
      expect(statements).toHaveLength(2);
      for (const statement of statements) await cluster.sql(statement);
      expect(await dump(cluster, "halfway")).toEqual(before);
    });

    it("calls it a race when somebody else takes the name between drop and rename", async () => {
      await cluster.sql("create database raced");
      const connect = doingFirst(connector(cluster), /rename to/, () => cluster.sql("create database raced"));
      await expect(overwriting(cluster, { database: "raced", connect }).result).rejects.toMatchObject({
        code: "DEPLOY_CREATE_RACE",
        exit: 15,
      });
    });

    it("calls it a race when somebody else dropped it first", async () => {
      await cluster.sql("create database gone");
      const connect = doingFirst(connector(cluster), /^drop database "gone"/, () => cluster.sql("drop database gone"));
      await expect(overwriting(cluster, { database: "gone", connect }).result).rejects.toMatchObject({
        code: "DEPLOY_CREATE_RACE",
      });
    });

    it("calls it a race when a missing database appears while it is created", async () => {
      const connect = doingFirst(connector(cluster), /^create database/, () =>
        cluster.sql("create database appearing"),
      );
      await expect(overwriting(cluster, { database: "appearing", connect }).result).rejects.toMatchObject({
        code: "DEPLOY_CREATE_RACE",
      });
    });

    it("survives the loss of its connection at the rename", async () => {
      await cluster.sql("create database lost");
      await cluster.sql("alter database lost set work_mem to '5MB'");
      const before = await dump(cluster, "lost");
      const connect = doingFirst(connector(cluster), /rename to/, () => endOurSessions(cluster));
      await overwriting(cluster, { database: "lost", connect }).result;
      expect(await dump(cluster, "lost")).toEqual(before);
    });

    it("finds out that a drop whose answer was lost took effect, and goes on", async () => {
      await cluster.sql("create database answered");
      const connect = doingFirst(connector(cluster), /^drop database "answered"/, async () => {
        await cluster.sql("drop database answered");
        await endOurSessions(cluster);
      });
      await overwriting(cluster, { database: "answered", connect }).result;
      expect(await databaseNames(cluster)).toContain("answered");
    });

    it("finds out that a drop did not take effect when its connection was lost", async () => {
      await cluster.sql("create database undropped");
      const oid = await oidOf(cluster, "undropped");
      const connect = doingFirst(connector(cluster), /^drop database "undropped"/, () => endOurSessions(cluster));
      await expect(overwriting(cluster, { database: "undropped", connect }).result).rejects.toMatchObject({
        parts: { state: 'nothing was dropped; database "undropped" is as before' },
      });
      expect(await oidOf(cluster, "undropped")).toBe(oid);
    });

    it("drops nothing when its connection is lost before, and leaves nothing behind", async () => {
      await cluster.sql("create database early");
      const oid = await oidOf(cluster, "early");
      const connect = doingFirst(connector(cluster), /^commit/, () => endOurSessions(cluster));
      await expect(overwriting(cluster, { database: "early", connect }).result).rejects.toThrow();
      expect(await oidOf(cluster, "early")).toBe(oid);
    });

    it("says that the state is unknown, and keeps the replacement, when it cannot be found out", async () => {
      await cluster.sql("create database unknowable");
      let isCut = false;
      const cut = doingFirst(connector(cluster), /^drop database "unknowable"/, async () => {
        isCut = true;
        await endOurSessions(cluster);
      });
      const connect = (name: string) => (isCut ? Promise.reject(new Error("no way to the server")) : cut(name));
      await expect(overwriting(cluster, { database: "unknowable", connect }).result).rejects.toMatchObject({
        code: "DEPLOY_DATABASE_FAILED",
        parts: { state: expect.stringMatching(/^unknown/) },
      });
      const [kept] = (await databaseNames(cluster)).filter((name) => name.startsWith("pgkeep_new_"));
      expect(kept).toBeDefined();
      await cluster.sql(`drop database ${kept}`);
    });

    it("drops nothing when it is interrupted before the drop", async () => {
      await cluster.sql("create database interrupted");
      const oid = await oidOf(cluster, "interrupted");
      const controller = new AbortController();
      const reason = new Error("interrupted");
      const connect = doingFirst(connector(cluster), /^commit/, async () => controller.abort(reason));
      const { result } = overwriting(cluster, { database: "interrupted", connect, signal: controller.signal });
      await expect(result).rejects.toBe(reason);
      expect(await oidOf(cluster, "interrupted")).toBe(oid);
    });

    it("finishes the rename when it is interrupted after the drop", async () => {
      await cluster.sql("create database late");
      const controller = new AbortController();
      const connect = doingFirst(connector(cluster), /rename to/, async () => controller.abort(new Error("late")));
      await overwriting(cluster, { database: "late", connect, signal: controller.signal }).result;
      expect(await databaseNames(cluster)).toContain("late");
    });

    it("[D-05] obeys no setting and no object of a hostile maintenance database", async () => {
      await cluster.sql("create database hostile owner boss");
      await cluster.sql(
        `create schema trap;
       create table trap.calls (what text);
       create function trap.pg_get_userbyid(oid) returns name language plpgsql as $$ begin insert into trap.calls values ('owner'); return 'postgres'; end $$;
       create function trap.shobj_description(oid, name) returns text language plpgsql as $$ begin insert into trap.calls values ('comment'); return null; end $$;
       create function trap.eq(name, text) returns bool language plpgsql as $$ begin insert into trap.calls values ('='); return true; end $$;
       create operator trap.= (leftarg = name, rightarg = text, function = trap.eq);
       create view trap.pg_database as select 1 as datname;
       grant usage on schema trap to public; grant insert on trap.calls to public`,
        { database: "hostile" },
      );
      await cluster.sql("alter database hostile set search_path to trap, pg_catalog");
      // The trap works: whoever obeys the setting falls into it.
      await cluster.sql("select pg_get_userbyid(10::oid)", { database: "hostile" });
      expect(await cluster.sql("delete from trap.calls returning what", { database: "hostile" })).toHaveLength(1);
      await cluster.sql("alter database hostile set statement_timeout to '1ms'");
      await cluster.sql("alter database hostile set default_transaction_read_only to on");
      await cluster.sql("create database victim");
      await overwriting(cluster, { database: "victim", maintenanceDatabase: "hostile" }).result;
      // A millisecond is not always enough for this look.
      await cluster.sql("alter database hostile reset all");
      expect(await cluster.sql("select * from trap.calls", { database: "hostile" })).toEqual([]);
    });
  },
);

describe("what may be overwritten", () => {
  const unused = () => Promise.reject(new Error("must not connect"));
  const attemptOn = (database: string, maintenanceDatabase = "postgres") =>
    overwriteDatabase({
      database,
      maintenanceDatabase,
      force: true,
      connect: unused,
      context: { report: () => undefined, signal: new AbortController().signal, environment: {} },
    });

  it.each(["postgres", "POSTGRES", "template0", "template1", "Template1"])(
    "[CL-13][D-13] refuses %s before connecting",
    async (database) => {
      await expect(attemptOn(database)).rejects.toMatchObject({ code: "DEPLOY_OVERWRITE_REFUSED", exit: 10 });
    },
  );

  it("[BX-13][D-13] refuses the configured maintenance database in any case", async () => {
    await expect(attemptOn("Admin", "aDMIN")).rejects.toMatchObject({ code: "DEPLOY_OVERWRITE_REFUSED" });
  });

  it.each([
    ["64 bytes", "n".repeat(64)],
    ["NUL", "a\0b"],
    ["nothing", ""],
    ["half a character", "a\ud800"],
  ])("refuses a name of %s, which the server would read as another", async (_what, database) => {
    await expect(attemptOn(database)).rejects.toMatchObject({ code: "CONFIG_VALUE_INVALID" });
  });
});

/** Ends the sessions of the code under test, as a failing network or an administrator would. */
const endOurSessions = (cluster: TestCluster) =>
  cluster.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'pgkeep'");

/** A connector whose sessions run `action` before the first script that matches. */
function doingFirst(connect: (database: string) => Promise<Session>, pattern: RegExp, action: () => Promise<unknown>) {
  let isDone = false;
  return async (database: string): Promise<Session> => {
    const session = await connect(database);
    const script = session.script.bind(session);
    session.script = async (text, options) => {
      if (!isDone && pattern.test(text)) {
        isDone = true;
        await action();
      }
      return script(text, options);
    };
    return session;
  };
}

/** A connector whose sessions refuse the first script that matches, as a server would. */
function failing(connect: (database: string) => Promise<Session>, pattern: RegExp) {
  return doingFirst(connect, pattern, () =>
    Promise.reject(new ServerError({ message: "no room left", severity: "ERROR", sqlstate: "53100" })),
  );
}
