/** How a deploy ends when it is not the script that ends it: lock, time limit, signals, broken connections. */
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { sleep } from "../../../../src/base/clock.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { Prompter } from "../../../../src/base/operation.ts";
import { Secret } from "../../../../src/base/secrets.ts";
import type { CommitGate } from "../../../../src/deploy/run/commit-gate.ts";
import { sharedCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { deploy, projectOf, type RunOptions, value } from "./harness.ts";

let cluster: TestCluster;
let database: string;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  database = await cluster.createDatabase();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  // A backend whose client vanished gives its lock back only when it has noticed.
  const left = "select count(*)::int from pg_stat_activity where application_name = 'pgmi'";
  await until(async () => (await value(cluster, database, left)) === 0);
});

const run = (script: string, options: RunOptions = {}) => deploy(cluster, database, { "deploy.sql": script }, options);
const exists = (name: string) => value(cluster, database, `select to_regclass('${name}') is not null`);

const notAsked = () => Promise.reject(new Error("not asked"));
const UNASKED: Prompter = { text: notAsked, secret: notAsked, confirm: notAsked, choose: notAsked };

const oidOf = (name: string) => value(cluster, "postgres", `select oid from pg_database where datname = '${name}'`);

/** Backends of the deploy that still run something. */
async function busyBackends(marker: string): Promise<number> {
  const [row] = await cluster.sql(
    "select count(*)::int as n from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like $1",
    { values: [`%${marker}%`] },
  );
  return row.n;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 30_000, interval: 10 });
}

describe("--timeout", () => {
  it("[CL-09] cancels the running statement on the server and ends with 16", async () => {
    const { error, report } = await run("begin; create table cl09(a int); select pg_sleep(600) /* cl09 */; commit;", {
      // Enough for a busy machine to come to the statement.
      timeout: "3s",
    });
    expect([error?.code, error?.exit, report.exitCode]).toEqual(["DEPLOY_TIMEOUT", 16, 16]);
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await busyBackends("cl09")).toBe(0);
    expect(await exists("cl09")).toBe(false);
    expect((await run("select 1;")).error).toBeUndefined();
  });

  it("[CL-07] comes from pgmi.yaml unless the command line has one", async () => {
    const files = { "deploy.sql": "select pg_sleep(1.2);", "pgmi.yaml": "timeout: 300ms\n" };
    expect((await deploy(cluster, database, files)).error?.exit).toBe(16);
    expect((await deploy(cluster, database, files, { timeout: "1m" })).error).toBeUndefined();
    expect((await deploy(cluster, database, files, { timeout: "0" })).error).toBeUndefined();
  });

  it("[CL-07] that is negative or no duration is refused before anything starts", async () => {
    for (const timeout of ["-1s", "5", "soon"]) {
      const { error } = await run("select 1;", { timeout });
      expect([error?.exit, error?.parts.state]).toEqual([10, "nothing was started"]);
    }
  });

  it("covers the countdown and the waiting for approval", async () => {
    const never = new Promise<string>(() => {});
    const target = await cluster.createDatabase();
    const prompt = {
      text: () => never,
      secret: () => never,
      confirm: async () => false,
      choose: async () => undefined,
    };
    const { error } = await deploy(
      cluster,
      target,
      { "deploy.sql": "" },
      { timeout: "300ms", overwrite: true, prompt },
    );
    expect(error?.exit).toBe(16);
    expect(await value(cluster, target, "select 1")).toBe(1);
  });
});

describe("an interrupt", () => {
  const interruptAfter = async (script: string, isRunning: () => Promise<boolean>) => {
    const controller = new AbortController();
    const running = run(script, { signal: controller.signal });
    await until(isRunning);
    controller.abort();
    return await running;
  };

  it("[CL-10] cancels the statement, rolls back and ends with 130", async () => {
    const { error, report, events } = await interruptAfter(
      "begin; create table cl10(a int); select pg_sleep(600) /* cl10 */; commit;",
      async () => (await busyBackends("cl10")) > 0,
    );
    expect([error?.exit, report.exitCode]).toEqual([130, 130]);
    expect(events.filter(({ type }) => type === "deploy.interrupted")).toHaveLength(1);
    expect(await busyBackends("cl10")).toBe(0);
    expect(await exists("cl10")).toBe(false);
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
  });

  it("[CL-10] in the tail leaves what was committed, and says so", async () => {
    const { report } = await interruptAfter(
      "begin; create table cl10b(a int); commit; select pg_sleep(600) /* cl10b */; create table cl10c(a int);",
      async () => (await busyBackends("cl10b")) > 0,
    );
    expect(report.state).toBe("committed up to unit 1 of 3; unit 2 was rolled back");
    expect([await exists("cl10b"), await exists("cl10c")]).toEqual([true, false]);
  });

  it("[CL-11] gives the lock back at once", async () => {
    await interruptAfter("select pg_sleep(600) /* cl11 */;", async () => (await busyBackends("cl11")) > 0);
    expect((await run("select 1;")).error).toBeUndefined();
  });

  it("[CL-11] that arrives when the SQL had just finished still means 130, and the state is what it is", async () => {
    const controller = new AbortController();
    const { error, report } = await run(
      "begin; create table cl11b(a int); commit; do $$ begin raise notice 'last'; end $$;",
      {
        signal: controller.signal,
        onEvent: ({ message }) => {
          if (message === "last") controller.abort();
        },
      },
    );
    expect(error?.exit).toBe(130);
    expect(report.state).toMatch(/^committed/);
    expect(await exists("cl11b")).toBe(true);
  });

  it("[D-15] at any moment ends the run, with 130 or 0 and a true state, and leaves no statement behind", async () => {
    await using project = await projectOf({
      "deploy.sql":
        "begin; create table if not exists d15(a int); insert into d15 values (1); select pg_sleep(0.05); commit; select pg_sleep(0.05) /* d15 */;",
    });
    for (const delayMs of [0, 1, 2, 5, 8, 12, 16, 20, 25, 30, 35, 40, 50, 60, 70, 85, 100, 120, 150, 200]) {
      const before = (await exists("d15")) ? await value(cluster, database, "select count(*)::int from d15") : 0;
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), delayMs);
      const { error, report } = await deploy(cluster, database, project.path, { signal: controller.signal });
      clearTimeout(timer);
      expect([undefined, 130]).toContain(error?.exit);
      await until(async () => (await busyBackends("d15")) === 0);
      const after = (await exists("d15")) ? await value(cluster, database, "select count(*)::int from d15") : 0;
      const isCommitted = /^committed/.test(report.state ?? "");
      expect([delayMs, report.state, after !== before]).toEqual([delayMs, report.state, isCommitted]);
    }
  });

  it("[D-15] ends a run that waits for a server which never answers", async () => {
    const silent = await listen(() => {});
    const controller = new AbortController();
    // As the command line does it: the reason is a failure with a state of its own, which knows nothing of deploys.
    const reason = new PgkeepError("COMMAND_INTERRUPTED", "interrupted", { state: "the command did not finish" });
    setTimeout(() => controller.abort(reason), 200);
    // Whoever waited for the connect timeout would say so.
    const { error } = await run("select 1;", { port: silent.port, signal: controller.signal });
    expect(error?.code).toBe("DEPLOY_INTERRUPTED");
    expect([error?.exit, error?.parts.state]).toEqual([130, "not connected"]);
  });

  it("[D-15] ends a run whose server hangs in mid-statement, and does not claim to know what became of it", async () => {
    const proxy = await proxyTo(cluster.port);
    const controller = new AbortController();
    const running = run("begin; create table hang(a int); select pg_sleep(3) /* hang */; commit;", {
      port: proxy.port,
      signal: controller.signal,
    });
    await until(async () => (await busyBackends("hang")) > 0);
    proxy.freeze();
    controller.abort();
    // Nothing comes through the proxy any more: that the run ends is its own doing.
    const { error, report } = await running;
    expect(error?.exit).toBe(130);
    expect(report.state).toMatch(/^unknown for unit 1/);
    await until(async () => (await busyBackends("hang")) === 0);
  });
});

describe("an interrupt around the making of the database", () => {
  it("after the old one was replaced says that the new one is there and empty", async () => {
    const target = await cluster.createDatabase();
    await cluster.sql("create table old(a int)", { database: target });
    const controller = new AbortController();
    const { error, report } = await deploy(
      cluster,
      target,
      { "deploy.sql": "create table new(a int);" },
      {
        overwrite: true,
        force: true,
        signal: controller.signal,
        onEvent: ({ type }) => {
          if (type === "database.recreated") controller.abort();
        },
      },
    );
    expect(error?.exit).toBe(130);
    expect(report.state).toBe(`not connected; database "${target}" was recreated and is empty`);
    expect(await value(cluster, target, "select to_regclass('old') is null and to_regclass('new') is null")).toBe(true);
  });

  it("while it is created waits for the end of that, and says so", async () => {
    const controller = new AbortController();
    const { error, report } = await deploy(
      cluster,
      "made_meanwhile",
      { "deploy.sql": "create table new(a int);" },
      {
        signal: controller.signal,
        onEvent: ({ type }) => {
          if (type === "database.creating") controller.abort();
        },
      },
    );
    expect(error?.exit).toBe(130);
    expect(report.state).toBe('not connected; database "made_meanwhile" was created and is empty');
    expect(await value(cluster, "made_meanwhile", "select 1")).toBe(1);
    const [row] = await cluster.sql(
      "select count(*)::int as n from pg_stat_activity where query ilike 'create database%'",
    );
    expect(row.n).toBe(0);
  });

  it("before anything else is a deploy's interrupt as well", async () => {
    const { error, report } = await run("select 1;", { signal: AbortSignal.abort() });
    expect([error?.code, report.exitCode, report.state]).toEqual(["DEPLOY_INTERRUPTED", 130, "nothing was started"]);
  });
});

describe("the deploy lock", () => {
  it("[SA-22] lets one deploy at a time into a database, with the key of the reference", async () => {
    // The first deploy goes on for as long as this session holds what it waits for.
    await using gate = await connectTo(cluster, { database });
    await gate.script("select pg_advisory_lock(22)");
    const first = run("select pg_advisory_lock(22) /* sa22 */;");
    await until(async () => (await busyBackends("sa22")) > 0);
    const [row] = await cluster.sql(
      "select pg_try_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0)) as free",
      { database },
    );
    expect(row.free).toBe(false);
    const { error } = await run("select 1;");
    expect([error?.code, error?.exit, error?.parts.state]).toEqual(["DEPLOY_LOCKED", 15, "nothing was started"]);
    const other = await cluster.createDatabase();
    expect((await deploy(cluster, other, { "deploy.sql": "select 1;" })).error).toBeUndefined();
    await gate.script("select pg_advisory_unlock(22)");
    expect((await first).error).toBeUndefined();
  });

  it("[D-13] keeps a database from being dropped while a deploy to it is under way", async () => {
    const kept = await cluster.createDatabase();
    const before = await oidOf(kept);
    const overwrite = { overwrite: true, force: true };
    await using other = await connectTo(cluster, { database: kept });
    await other.script("select pg_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0))");
    const { error, events } = await deploy(cluster, kept, { "deploy.sql": "select 1;" }, overwrite);
    expect([error?.code, error?.exit, error?.parts.state]).toEqual(["DEPLOY_LOCKED", 15, "nothing was started"]);
    expect(error?.parts.detail).toMatch(/held by process \d+, role/);
    expect(events.map(({ type }) => type)).not.toContain("database.overwrite_forced");
    expect(await oidOf(kept)).toBe(before);
    await other.script("select 'still here'");
    await other.close();
    expect((await deploy(cluster, kept, { "deploy.sql": "select 1;" }, overwrite)).error).toBeUndefined();
    expect(await oidOf(kept)).not.toBe(before);
  });

  it("[D-13] taken while a person types the database's name keeps it as well", async () => {
    const kept = await cluster.createDatabase();
    const before = await oidOf(kept);
    await using other = await connectTo(cluster, { database: kept });
    const text = async () => {
      await other.script("select pg_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0))");
      return kept;
    };
    const prompt = { ...UNASKED, text };
    const { error } = await deploy(cluster, kept, { "deploy.sql": "select 1;" }, { overwrite: true, prompt });
    expect(error?.code).toBe("DEPLOY_LOCKED");
    expect(await oidOf(kept)).toBe(before);
  });

  it.each(["discard all;", "select pg_advisory_unlock_all();"])(
    "that the project's SQL gives away is noticed: %s",
    async (sql) => {
      const { error, report, events, notices } = await run(`select 1; commit; ${sql} select 2;`);
      expect(error).toBeUndefined();
      expect(report.warnings?.map(({ id }) => id)).toContain("lock-lost");
      expect(events).toContainEqual(expect.objectContaining({ type: "warning", id: "lock-lost" }));
      expect(notices.join()).not.toContain("you don't own");
    },
  );

  it("that is still there at the end is not mentioned, whatever else the project locks", async () => {
    const { report } = await run("select pg_advisory_lock(42); commit; reset all; discard plans;");
    expect(report.warnings?.map(({ id }) => id)).not.toContain("lock-lost");
  });

  it("[D-09] held by somebody else names the holder and says that it is no deploy", async () => {
    await cluster.sql("create role squatter login password 'squat-squat'");
    const password = async () => new Secret("squat-squat");
    await using squatter = await connectTo(cluster, { database, user: "squatter", password });
    await squatter.script("select pg_advisory_lock(hashtextextended('pgmi.deploy.' || current_database(), 0))");
    const { error } = await run("select 1;");
    expect(error?.exit).toBe(15);
    expect(error?.parts.detail).toMatch(/process \d+, role "squatter"/);
    expect(error?.parts.detail).toContain("does not look like a deploy");
    await squatter.close();
    await cluster.sql("drop role squatter");
  });
});

describe("a broken connection", () => {
  it("while the gate looks at what followed the head leaves no doubt that all is committed", async () => {
    let looks = 0;
    const gate: CommitGate = async (session) => {
      looks += 1;
      if (looks === 1) return;
      await session.close();
      throw new PgkeepError("CONNECT_LOST", "the connection to the server was lost");
    };
    const { report } = await run("begin; create table gate_head (); commit; create table gate_tail ();", { gate });
    expect(report).toMatchObject({
      code: "CONNECT_LOST",
      state: `committed; all of deploy.sql is in database "${database}"`,
    });
    expect(await exists("gate_tail")).toBe(true);
  });

  it("[D-11] that the server ends in words is a rollback, and is known to be", async () => {
    const running = run("begin; create table d11a(a int); select pg_sleep(30) /* d11a */; commit;");
    await until(async () => (await busyBackends("d11a")) > 0);
    await cluster.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%d11a%' and pid <> pg_backend_pid()",
    );
    const { report } = await running;
    expect(report).toMatchObject({ status: "failed", sqlstate: "57P01" });
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await exists("d11a")).toBe(false);
  });

  it("[D-11] during COMMIT is asked about over a new connection: committed", async () => {
    await run(slowCommit("d11b", "return null;"));
    const proxy = await proxyTo(cluster.port, { cutAfter: "transaction" });
    const { error, report } = await run("begin; insert into d11b values (1); select 1; commit;", { port: proxy.port });
    expect([error?.code, error?.exit]).toEqual(["CONNECT_LOST", 11]);
    expect(report.state).toBe(`committed; all of deploy.sql is in database "${database}"`);
    expect(await value(cluster, database, "select count(*)::int from d11b")).toBe(1);
  });

  it("[D-11] during a COMMIT that fails is asked about as well: rolled back", async () => {
    await run(slowCommit("d11d", "raise 'no';"));
    const proxy = await proxyTo(cluster.port, { cutAfter: "transaction", atOnce: true });
    const { error, report } = await run("begin; insert into d11d values (1); select 1; commit;", { port: proxy.port });
    expect(error?.code).toBe("CONNECT_LOST");
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    expect(await value(cluster, database, "select count(*)::int from d11d")).toBe(0);
  });

  it("[D-11] before COMMIT was reached is a rollback, and nothing runs on", async () => {
    const proxy = await proxyTo(cluster.port);
    const running = run("begin; create table d11c(a int); select pg_sleep(20) /* d11c */; commit;", {
      port: proxy.port,
    });
    await until(async () => (await busyBackends("d11c")) > 0);
    proxy.cut();
    const { error, report } = await running;
    expect(error?.code).toBe("CONNECT_LOST");
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    await until(async () => (await busyBackends("d11c")) === 0);
    expect(await exists("d11c")).toBe(false);
  });

  it("[D-11] in a statement that has written nothing yet is a rollback", async () => {
    const proxy = await proxyTo(cluster.port);
    const running = run("select pg_sleep(20) /* d11e */; create table d11e(a int);", { port: proxy.port });
    await until(async () => (await busyBackends("d11e")) > 0);
    proxy.cut();
    const { report } = await running;
    expect(report.state).toBe(`rolled back; database "${database}" is as before this run`);
    await until(async () => (await busyBackends("d11e")) === 0);
    expect(await exists("d11e")).toBe(false);
  });

  it("[D-11] stays unknown when another session committed meanwhile, because nobody can tell the two apart", async () => {
    const proxy = await proxyTo(cluster.port);
    const running = run("select pg_sleep(20) /* d11h */; create table d11h(a int);", { port: proxy.port });
    await until(async () => (await busyBackends("d11h")) > 0);
    await cluster.sql("create table if not exists d11_other(n int)", { database });
    proxy.cut();
    const { report } = await running;
    expect(report.state).toMatch(/^unknown for unit 1, whose connection was lost; look for its changes/);
    await until(async () => (await busyBackends("d11h")) === 0);
  });

  it("[D-11] inside a transaction of several units is a rollback, even when nobody can be asked", async () => {
    const proxy = await proxyTo(cluster.port);
    const script =
      "create table d11f(a int); commit; begin; insert into d11f values (1); select pg_sleep(20) /* d11f */; commit;";
    const running = run(script, { port: proxy.port });
    await until(async () => (await busyBackends("select pg_sleep(20) /* d11f")) > 0);
    proxy.close();
    const { error, report } = await running;
    expect(error?.code).toBe("CONNECT_LOST");
    expect(report.state).toBe("committed up to unit 1 of 5; units 2 to 4 were rolled back");
    // Nobody could tell the server either; it notices by itself, within its interval.
    await until(async () => (await busyBackends("d11f")) === 0);
    expect(await value(cluster, database, "select count(*)::int from d11f")).toBe(0);
  });

  it("[D-11] at 25 moments, ended by the server: the state is exact", async () => {
    await run("create table if not exists d11(n int);");
    for (let moment = 0; moment < 25; moment++) {
      const script = `begin; insert into d11 values (${moment}); select pg_sleep(0.01); commit; select pg_sleep(0.02);`;
      const running = run(script);
      await sleep(10 + moment * 3);
      await cluster.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgmi' and datname = $1",
        { values: [database] },
      );
      const { error, report } = await running;
      const isThere = await value(cluster, database, `select count(*) > 0 from d11 where n = ${moment}`);
      const claim = error === undefined || /^committed/.test(report.state ?? "");
      expect([moment, report.state, claim]).toEqual([moment, report.state, isThere]);
      expect(report.state).not.toContain("unknown");
    }
  });

  it("[D-11] at 25 moments, cut on the way: the state is exact in the head and in the tail", async () => {
    await run("create table if not exists d11g(n int);");
    let settled = 0;
    for (let moment = 0; moment < 25; moment++) {
      const proxy = await proxyTo(cluster.port);
      const write = (n: number) => `insert into d11g values (${n});`;
      const script = `begin; ${write(moment)} select pg_sleep(0.03); commit;
        begin; ${write(1000 + moment)} select pg_sleep(0.03); commit; select pg_sleep(0.02) /* d11g */;`;
      const running = run(script, { port: proxy.port });
      setTimeout(() => proxy.cut(), 40 + moment * 5);
      const { error, report } = await running;
      const rows = await cluster.sql(`select n from d11g where n in (${moment}, ${1000 + moment})`, { database });
      const state = report.state ?? "";
      const told = error === undefined ? 2 : claimedTransactions(state);
      if (told === undefined) continue;
      settled++;
      expect([moment, state, told]).toEqual([moment, state, rows.length]);
    }
    expect(settled).toBeGreaterThanOrEqual(15);
  });
});

/** How many of two transactions (units 1 and 2 to 5) the sentence says are there; undefined when it does not know. */
function claimedTransactions(state: string): number | undefined {
  if (state.includes("unknown for unit 6")) return 2;
  if (state.includes("unknown")) return undefined;
  const [, unit] = /^committed up to unit (\d)/.exec(state) ?? [];
  if (unit !== undefined) return Number(unit) >= 5 ? 2 : 1;
  return state.startsWith("committed") ? 2 : 0;
}

/** A table whose inserts make COMMIT take half a second, and then do `last`. */
function slowCommit(table: string, last: string): string {
  return `create table ${table}(a int);
    create function ${table}_late() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); ${last} end $$;
    create constraint trigger late after insert on ${table} deferrable initially deferred
      for each row execute function ${table}_late();`;
}

interface Proxy {
  port: number;
  /** Ends all connections without a word. */
  cut(): void;
  /** As `cut`, and takes no new connections. */
  close(): void;
  /** Stops passing bytes, in both directions, also on new connections. */
  freeze(): void;
}

async function listen(onSocket: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port };
}

/** A way to the server that can fail: when told to, or when the server has sent bytes that hold a text. */
async function proxyTo(port: number, trap: { cutAfter?: string; atOnce?: boolean } = {}): Promise<Proxy> {
  const pairs: Socket[] = [];
  const state = { closed: false, frozen: false, trapped: false, sprung: false };
  const { port: own } = await listen((client) => {
    if (state.closed) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    server.on("error", () => client.destroy());
    pairs.push(client, server);
    client.on("data", (bytes) => !state.frozen && server.write(bytes));
    server.on("data", (bytes) => {
      if (state.frozen) return;
      if (state.trapped && !state.sprung) {
        state.sprung = true;
        client.destroy();
      } else client.write(bytes);
      if (!trap.cutAfter || state.trapped || !bytes.includes(`${trap.cutAfter}\0`)) return;
      state.trapped = true;
      if (!trap.atOnce) return;
      state.sprung = true;
      setTimeout(() => client.destroy(), 20);
    });
    // The server's side stays open, as behind a network that lost the client.
    client.on("close", () => !state.frozen && !trap.cutAfter && server.destroy());
    server.on("close", () => !state.frozen && client.destroy());
  });
  cleanups.push(() => {
    for (const socket of pairs) socket.destroy();
  });
  return {
    port: own,
    cut: () => {
      for (const socket of pairs) socket.destroy();
    },
    close: () => {
      state.closed = true;
      for (const socket of pairs) socket.destroy();
    },
    freeze: () => {
      state.frozen = true;
    },
  };
}
