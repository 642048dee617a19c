/** One session on a real server: what is sent, what comes back, how it ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { RESTORE_SEARCH_PATH } from "../../../src/pg/connect/open.ts";
import { ServerError, type ServerNotice, type Session } from "../../../src/pg/session.ts";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { compileSources } from "../../support/compiled-sources.ts";
import { connectTo } from "../../support/connection.ts";

let cluster: TestCluster;
let database: string;
const open: Session[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});
afterEach(async () => {
  for (const session of open.splice(0)) await session.close();
});

async function session(
  ...[changes = {}, options = {}]: [Parameters<typeof connectTo>[1]?, Parameters<typeof connectTo>[2]?]
) {
  const opened = await connectTo(cluster, { database, ...changes }, options);
  open.push(opened);
  return opened;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error("did not fail");
    },
    (error: unknown) => error,
  );
}

describe("query", () => {
  it("binds values and returns every value as the server's text", async () => {
    const db = await session();
    const rows = await db.query("select $1::text as a, $2::int + 1 as b, null as c, true as d, '{1,2}'::int[] as e", [
      "it's",
      "41",
    ]);
    expect(rows.map((row) => ({ ...row }))).toEqual([{ a: "it's", b: "42", c: null, d: "t", e: "{1,2}" }]);
  });

  it("binds NULL, and text of any alphabet", async () => {
    const db = await session();
    const [row] = await db.query("select $1::text is null as n, $2::text as t, length($2) as l", [null, "åß漢🐘"]);
    expect(row).toMatchObject({ n: "t", t: "åß漢🐘", l: "4" });
  });

  it("takes one statement only", async () => {
    const db = await session();
    expect(await failureOf(db.query("select 1; select 2"))).toMatchObject({ sqlstate: "42601" });
  });

  it("goes on after an error", async () => {
    const db = await session();
    expect(await failureOf(db.query("select 1/0"))).toMatchObject({ sqlstate: "22012" });
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });

  it("refuses COPY FROM STDIN at once and goes on", async () => {
    const db = await session();
    await db.query("create temp table copied (a text)");
    expect(await failureOf(db.query("copy copied from stdin"))).toMatchObject({ sqlstate: "57014" });
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });

  it("counts as one round trip; connecting counts as none", async () => {
    const db = await session();
    expect(db.roundTrips).toBe(0);
    await db.query("select 1");
    await db.exchange("select 1; select 2");
    expect(db.roundTrips).toBe(2);
  });
});

describe("script", () => {
  it("runs many statements as one message and counts those completed", async () => {
    const db = await session();
    const tags: string[] = [];
    const count = await db.script("create temp table t (a int); insert into t values (1), (2); ; select * from t", {
      onStatement: (tag) => tags.push(tag),
    });
    expect(count).toBe(3);
    expect(tags).toEqual(["CREATE TABLE", "INSERT 0 2", "SELECT 2"]);
    expect(db.roundTrips).toBe(1);
  });

  it("reports an error with every field of the server's, and the position in characters", async () => {
    const db = await session();
    const error = await failureOf(
      db.script(
        "select '🐘'; do $$ begin raise exception using message = 'm', detail = 'd', hint = 'h', errcode = 'P0042', table = 't'; end $$",
      ),
    );
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({
      message: "m",
      severity: "ERROR",
      sqlstate: "P0042",
      detail: "d",
      hint: "h",
      where: expect.stringContaining("PL/pgSQL function inline_code_block"),
      objects: { table: "t" },
    });
    expect(await failureOf(db.script("select '🐘', nothing"))).toMatchObject({ sqlstate: "42703", position: 13 });
    const inner = await failureOf(db.script("do $$ begin perform nothing; end $$"));
    expect(inner).toMatchObject({ internalQuery: "SELECT nothing", internalPosition: 8 });
  });

  it("knows the transaction's status after each command", async () => {
    const db = await session();
    expect(db.transactionStatus()).toBe("idle");
    await db.script("begin");
    expect(db.transactionStatus()).toBe("transaction");
    await failureOf(db.script("select 1/0"));
    expect(db.transactionStatus()).toBe("failed");
    await db.script("rollback");
    expect(db.transactionStatus()).toBe("idle");
  });

  it("feeds several COPY FROM STDIN from their sources in order, between other statements", async () => {
    const db = await session();
    async function* slowly() {
      yield Buffer.from("3\n");
      await new Promise((resolve) => setImmediate(resolve));
      yield Buffer.from("4\n");
    }
    const results = await db.exchange(
      "create temp table c (a int); copy c from stdin; select sum(a) as s from c; copy c from stdin; select sum(a) as s from c",
      { copyData: [[Buffer.from("1\n2\n")], slowly()] },
    );
    expect(results.map(({ tag }) => tag)).toEqual(["CREATE TABLE", "COPY 2", "SELECT 1", "COPY 2", "SELECT 1"]);
    expect([results[2]?.rows[0]?.s, results[4]?.rows[0]?.s]).toEqual(["3", "10"]);
  });

  it("feeds them in one round trip, and passes over what is left after an error", async () => {
    const db = await session();
    const rows = [[Buffer.from("1\n")], [Buffer.from("2\n")]];
    const copies = "create temp table a (i int); copy a from stdin; copy a from stdin";
    await db.exchange(copies, { copyData: rows });
    expect(db.roundTrips).toBe(1);
    await expect(db.exchange(`select 1/0; ${copies}`, { copyData: rows })).rejects.toMatchObject({
      sqlstate: "22012",
    });
    const [count] = await db.query("select count(*) as n from a");
    expect(count).toEqual({ n: "2" });
  });

  it("[D-08] refuses COPY FROM STDIN at once when there is no data for it", async () => {
    const db = await session();
    // The server would wait for data for ever.
    const error = await failureOf(
      db.script("create temp table c (a int); copy c from stdin; copy c from stdin", {
        copyData: [[Buffer.from("1\n")]],
      }),
    );
    expect(error).toMatchObject({ sqlstate: "57014", message: expect.stringContaining("no data for this COPY") });
    expect(db.transactionStatus()).toBe("idle");
  });

  it("reports an error of the data, and stops reading a source that could go on for ever", async () => {
    const db = await session();
    let produced = 0;
    function* endless() {
      while (true) {
        produced += 1;
        yield Buffer.from("not a number\n");
      }
    }
    async function* patient() {
      for (const chunk of endless()) {
        yield chunk;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const error = await failureOf(
      db.script("create temp table c (a int); copy c from stdin", { copyData: [patient()] }),
    );
    expect(error).toMatchObject({ sqlstate: "22P02", where: expect.stringContaining("COPY c, line 1") });
    expect(produced).toBeLessThan(100_000);
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });

  it("gives up the COPY and reports the source's own error when that fails", async () => {
    const db = await session();
    function* failing() {
      yield Buffer.from("1\n");
      throw new Error("the disk is gone");
    }
    const error = await failureOf(
      db.script("create temp table c (a int); copy c from stdin", { copyData: [failing()] }),
    );
    expect(error).toMatchObject({ message: "the disk is gone" });
    expect(await db.query("select count(*) as n from pg_class where relname = 'c'")).toMatchObject([{ n: "0" }]);
  });

  it("waits for the server while it feeds a large COPY", async () => {
    const db = await session();
    const line = Buffer.from(`${"x".repeat(999)}\n`.repeat(1_000));
    function* manyMegabytes() {
      for (let i = 0; i < 100; i++) yield line;
    }
    await db.script("create temp table big (a text)");
    const before = process.memoryUsage().rss;
    await db.script("copy big from stdin", { copyData: [manyMegabytes()] });
    expect(process.memoryUsage().rss - before).toBeLessThan(80 * 2 ** 20);
    expect(await db.query("select count(*) as n from big")).toMatchObject([{ n: "100000" }]);
  });

  it("[D-08] discards the data of COPY TO STDOUT", async () => {
    const db = await session();
    expect(await db.script("copy (select generate_series(1, 100000)) to stdout; select 1")).toBe(2);
  });

  it("[D-08] discards five million rows without keeping them", async () => {
    const db = await session();
    await db.script("select 1");
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 20);
    expect(await db.script("select generate_series(1, 5000000), repeat('x', 100)")).toBe(1);
    clearInterval(watch);
    expect(most).toBeLessThan(150 * 2 ** 20);
  });

  it("[D-08] discards one row of 200 MB without holding it", async () => {
    const db = await session();
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - before)), 5);
    expect(await db.script("select repeat('x', 200000000)")).toBe(1);
    clearInterval(watch);
    expect(most).toBeLessThan(120 * 2 ** 20);
  });

  it("[D-08] passes 300,000 notices on one by one", async () => {
    const db = await session();
    let count = 0;
    db.onNotice(() => (count += 1));
    const before = process.memoryUsage().rss;
    await db.script("do $$ begin for i in 1 .. 300000 loop raise notice 'n %', i; end loop; end $$");
    expect(count).toBe(300_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  });

  it("[D-08] survives an error of 200 MB, cut to its beginning", async () => {
    const db = await session();
    const before = process.memoryUsage().rss;
    const error = await failureOf(db.script("do $$ begin raise exception '%', repeat('x', 200000000); end $$"));
    expect(error).toMatchObject({ sqlstate: "P0001" });
    expect(error instanceof Error && error.message.length).toBeLessThan(70_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });

  it("refuses a text with NUL before anything is sent", async () => {
    const db = await session();
    await expect(db.script("select '\0'")).rejects.toMatchObject({ code: "CONFIG_VALUE_INVALID" });
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });
});

describe("rows", () => {
  it("come by place, NULL as null, and the server parses each text once", async () => {
    const one = await session();
    const text = "SELECT $1::int + 1, NULL, $2::text";
    expect(await one.rows(text, ["1", "ä\u{1F600}"])).toEqual([["2", null, "ä\u{1F600}"]]);
    expect(await one.rows(text, ["5", null])).toEqual([["6", null, null]]);
    const [counted] = await one.query("SELECT count(*) AS n, max(name) AS name FROM pg_prepared_statements");
    expect(counted).toEqual({ n: "1", name: "pgkeep_1" });
  });

  it("go on after a text that cannot be parsed and after one that fails when it runs", async () => {
    const one = await session();
    for (let time = 0; time < 3; time++) {
      expect(await failureOf(one.rows("SELEC 1"))).toBeInstanceOf(ServerError);
      expect(await failureOf(one.rows("SELECT 1 / $1::int", ["0"]))).toBeInstanceOf(ServerError);
    }
    expect(await one.rows("SELECT 1 / $1::int", ["1"])).toEqual([["1"]]);
    expect(await one.query("SELECT count(*) AS n FROM pg_prepared_statements")).toEqual([{ n: "1" }]);
  });
});

describe("notifications", () => {
  it("arrive while nothing runs, with channel, payload and sender", async () => {
    const [listening, sending] = [await session(), await session()];
    const came = new Promise((resolve) => listening.onNotification(resolve));
    await listening.script('LISTEN "a channel"');
    await sending.query("SELECT pg_notify('a channel', $1)", ["ä payload"]);
    expect(await came).toEqual({ channel: "a channel", payload: "ä payload", processId: sending.processId });
  });

  it("are dropped when nobody wants them", async () => {
    const one = await session();
    await one.script("LISTEN x; NOTIFY x, 'y'");
    expect(await one.query("SELECT 1 AS a")).toEqual([{ a: "1" }]);
  });

  it("the end of a session is told, also to those who ask late", async () => {
    const [one, other] = [await session(), await session()];
    const ended = new Promise<void>((resolve) => one.onEnd(resolve));
    await other.query("SELECT pg_terminate_backend($1::int)", [String(one.processId)]);
    await ended;
    await new Promise<void>((resolve) => one.onEnd(resolve));
  });
});

describe("notices and settings", () => {
  it("arrive in order with all their fields, before the command that raised them ends", async () => {
    const notices: ServerNotice[] = [];
    const db = await session({}, { onNotice: (notice) => notices.push(notice) });
    await db.script(
      "do $$ begin raise warning 'one' using hint = 'h', detail = 'd', errcode = '01000'; raise notice 'two'; end $$",
    );
    expect(notices).toMatchObject([
      { severity: "WARNING", code: "01000", message: "one", hint: "h", detail: "d", routine: "exec_stmt_raise" },
      { severity: "NOTICE", message: "two", routine: "exec_stmt_raise" },
    ]);
  });

  it("reports what the server announces, and follows changes", async () => {
    const db = await session();
    expect(db.serverVersion).toBeGreaterThanOrEqual(180_000);
    expect(db.parameterStatus("is_superuser")).toBe("on");
    expect(db.parameterStatus("server_encoding")).toBe("UTF8");
    await db.script("set application_name = 'other'");
    expect(db.parameterStatus("application_name")).toBe("other");
    expect(db.parameterStatus("nothing")).toBeUndefined();
  });

  it("[CL-30] the server shows the application name", async () => {
    const db = await session({ applicationName: "ci run" });
    const rows = await db.query("select application_name as n from pg_stat_activity where pid = pg_backend_pid()");
    expect(rows).toMatchObject([{ n: "ci run" }]);
  });
});

describe("[D-05] the search path of a session", () => {
  it("is pg_catalog alone, whatever role, database and connection string say", async () => {
    const own = await cluster.createDatabase();
    await cluster.sql(`alter database "${own}" set search_path = evil, pg_catalog`);
    const db = await session({ database: own, serverSettings: { options: "-c search_path=worse" } });
    expect(await db.query("select current_setting('search_path') as p")).toMatchObject([{ p: "pg_catalog" }]);
  });

  it("comes back for foreign SQL: the database's, or the connection string's", async () => {
    const own = await cluster.createDatabase();
    await cluster.sql(`alter database "${own}" set search_path = app, public`);
    const show = async (db: Session) => {
      await db.script(RESTORE_SEARCH_PATH);
      return (await db.query("show search_path"))[0]?.search_path;
    };
    expect(await show(await session({ database: own }))).toBe("app, public");
    expect(await show(await session({ database: own, serverSettings: { options: "-c search_path=mine" } }))).toBe(
      "mine",
    );
    expect(await show(await session())).toBe('"$user", public');
  });

  it("[T-09] keeps traps in the path from running when we connect", async () => {
    const own = await cluster.createDatabase();
    const setup = `create schema evil;
      create table evil.caught (what text);
      create function evil.current_setting(text) returns text language plpgsql security invoker as
        $$ begin insert into evil.caught values ('current_setting'); return 'x'; end $$;
      create function evil.set_config(text, text, boolean) returns text language plpgsql as
        $$ begin insert into evil.caught values ('set_config'); return 'x'; end $$;
      alter database "${own}" set search_path = evil, pg_catalog`;
    await cluster.sql(setup, { database: own });
    const db = await session({ database: own, serverSettings: { options: "-c search_path=evil,pg_catalog" } });
    await db.query("select current_setting('server_version')");
    expect(await db.query("select count(*) as n from evil.caught")).toMatchObject([{ n: "0" }]);
  });
});

describe("the end of a session", () => {
  const isGone = async (pid: number) =>
    (await cluster.sql(`select count(*)::int as n from pg_stat_activity where pid = ${pid}`))[0].n === 0;

  const untilGone = (pid: number) => expect.poll(() => isGone(pid), { timeout: 30_000 }).toBe(true);

  it("close ends the backend, twice is harmless, and later commands fail as a lost connection", async () => {
    const db = await session();
    await db.close();
    await db.close();
    await untilGone(db.processId);
    expect(await failureOf(db.query("select 1"))).toMatchObject({ code: "CONNECT_LOST" });
  });

  it("leave ends the backend too, twice is harmless, and later commands fail as a lost connection", async () => {
    const db = await session();
    await db.leave();
    await db.leave();
    expect(await failureOf(db.query("select 1"))).toMatchObject({ code: "CONNECT_LOST" });
    await untilGone(db.processId);
  });

  it("leave in the middle of a statement waits as close does, and fails that statement", async () => {
    const db = await session();
    const running = failureOf(db.script("select pg_sleep(30)"));
    const started = performance.now();
    await db.leave();
    expect(performance.now() - started).toBeGreaterThan(500);
    expect(await running).toMatchObject({ code: "CONNECT_LOST" });
  });

  it("close in the middle of a statement fails that statement and does not wait for its end", async () => {
    const db = await session();
    const running = failureOf(db.script("select pg_sleep(600)"));
    await db.close();
    expect(await running).toMatchObject({ code: "CONNECT_LOST" });
  });

  it("a backend that is terminated fails the statement with the server's own reason", async () => {
    const db = await session();
    const running = failureOf(db.script("select pg_sleep(30)"));
    await cluster.sql(`select pg_terminate_backend(${db.processId})`);
    expect(await running).toMatchObject({ name: "ServerError", severity: "FATAL", sqlstate: "57P01" });
    await db.close();
  });

  it("a backend that is terminated while idle fails the next statement, and nothing before", async () => {
    const db = await session();
    await cluster.sql(`select pg_terminate_backend(${db.processId})`);
    await untilGone(db.processId);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await failureOf(db.query("select 1"))).toMatchObject({ sqlstate: "57P01" });
  });

  it("cancel ends the statement on the server, and the session stays usable", async () => {
    const db = await session();
    const running = failureOf(db.script("select pg_sleep(600)"));
    await db.cancel();
    expect(await running).toMatchObject({ sqlstate: "57014" });
    expect(await db.query("select 1 as x")).toMatchObject([{ x: "1" }]);
  });

  it("cancel ends a statement even when it is faster than the statement", async () => {
    const db = await session();
    for (let i = 0; i < 10; i++) {
      const running = failureOf(db.script("select pg_sleep(600)"));
      await db.cancel();
      expect(await running).toMatchObject({ sqlstate: "57014" });
    }
  });

  it("cancel of an idle session does not reach the statement after it", async () => {
    const db = await session();
    for (let i = 0; i < 20; i++) {
      await db.cancel();
      await db.script("select pg_sleep(0.001)");
    }
  });

  it("cancel never throws, not even after the end", async () => {
    const db = await session();
    await db.cancel();
    await db.close();
    await db.cancel();
  });

  it("one command at a time: a second is a bug, and says so", async () => {
    const db = await session();
    const first = db.script("select pg_sleep(0.05)");
    await expect(db.script("select 1")).rejects.toThrow("one command at a time");
    await first;
  });

  it("[D-15] a statement ends within about a second of the death of the process that sent it", async () => {
    const folder = compileSources();
    try {
      const module = join(folder, "pg/connect/open.js");
      const script = join(folder, "child.mjs");
      writeFileSync(
        script,
        `import { openSession } from ${JSON.stringify(module)};
         const settings = JSON.parse(process.argv[2]);
         const password = { expose: () => settings.secret };
         const db = await openSession({ ...settings, password: async () => password }, { signal: new AbortController().signal, clock: { monotonicMs: () => 0 } });
         process.stdout.write(String(db.processId));
         await db.script("select pg_catalog.pg_sleep(60)");`,
      );
      const settings = {
        hosts: [{ host: cluster.host, port: cluster.port }],
        user: "postgres",
        database,
        secret: cluster.password,
        sslMode: "disable",
        sslNegotiation: "postgres",
        tlsFiles: {},
        channelBinding: "prefer",
        targetSessionAttrs: "any",
        connectTimeoutMs: 5000,
        applicationName: "dying",
        serverSettings: {},
        loadBalanceHosts: false,
      };
      const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await once(child.stdout, "data");
      const pid = Number(String(line));
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await isGone(pid)).toBe(false);
      child.kill("SIGKILL");
      await untilGone(pid);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
