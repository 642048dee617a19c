/** The embedded server as its user and its neighbours on the machine meet it. */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { embeddedStatus, resetEmbedded, stopEmbedded } from "../../../src/pg/embedded/control.ts";
import { embeddedConnection } from "../../../src/pg/embedded/running-server.ts";
import { type EmbeddedServer, startEmbedded } from "../../../src/pg/embedded/start.ts";
import { projectDirectory, seededDirectory, start, TEST_CACHE } from "../../support/embedded.ts";
import { needsRoot } from "../../support/needs.ts";
import { eventually, isRunning, listeningAddresses, processesMentioning, uidOf } from "../../support/processes.ts";

const clock = systemClock;
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const passwordOf = (directory: string): string =>
  readFileSync(join(directory, ".pgkeep/pgpass"), "utf8").trim().split(":").at(-1) ?? "";

async function query(server: EmbeddedServer, text: string, options: { password?: string } = {}): Promise<unknown[]> {
  const { hosts, user, database } = server.settings;
  const password = options.password ?? (await server.settings.password?.({ host: "", port: 0 }))?.expose();
  const tls = server.settings.tlsFiles.rootCert;
  const ssl = tls ? { ca: readFileSync(tls, "utf8"), servername: "localhost" } : false;
  const client = new pg.Client({ host: hosts[0]?.host, port: hosts[0]?.port, user, database, password, ssl });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

const SLEEPING = "select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";

function psql(url: string, ...args: string[]): string {
  return execFileSync("psql", ["-X", "-At", "-d", url, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

describe("a started server", () => {
  // For tests that change nothing of it.
  let shared: EmbeddedServer;
  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), "pgkeep-project-"));
    chmodSync(directory, 0o755);
    shared = await startEmbedded({
      directory,
      background: false,
      loopbackPort: 0,
      clock,
      cacheDirectories: [TEST_CACHE],
    });
    return async () => {
      await shared.stop();
      await resetEmbedded({ directory, clock });
      rmSync(directory, { recursive: true, force: true });
    };
  });

  it("[E-01] has a random password, in a file that only its owner reads, and shows it nowhere else", async () => {
    const [directory, other] = [projectDirectory(), projectDirectory()];
    const server = await start(directory);
    await start(other);
    const password = passwordOf(directory);
    expect(password).toMatch(/^[\w-]{32}$/);
    expect(passwordOf(other)).not.toBe(password);
    expect(mode(join(directory, ".pgkeep/pgpass"))).toBe("600");
    expect(`${server.url} ${JSON.stringify(server)}`).not.toContain(password);
    for (const name of ["db.json", "ca.crt", "db/server.log", "db/postmaster.opts"]) {
      expect(readFileSync(join(directory, ".pgkeep", name), "utf8"), name).not.toContain(password);
    }
    expect(processesMentioning(password)).toEqual([]);
  });

  it("[E-01] lets nobody in without the password, over the socket or TCP", async () => {
    const server = shared;
    await expect(query(server, "select 1", { password: "postgres" })).rejects.toMatchObject({ code: "28P01" });
    const client = new pg.Client({ host: server.socketDir, port: server.port, user: "postgres", password: "postgres" });
    await expect(client.connect()).rejects.toMatchObject({ code: "28P01" });
    const rules = await query(server, "select type, auth_method, error from pg_hba_file_rules order by rule_number");
    expect(rules).toEqual([
      ["local", "scram-sha-256", null],
      ["local", "scram-sha-256", null],
      ["hostssl", "scram-sha-256", null],
      ["hostssl", "scram-sha-256", null],
      ["host", "reject", null],
    ]);
    expect(await query(server, "select left(rolpassword, 13) from pg_authid where rolpassword is not null")).toEqual([
      ["SCRAM-SHA-256"],
    ]);
  });

  it("[E-01] has a socket in a directory of mode 0700 and listens on no TCP port unless asked", async () => {
    const server = await start(await seededDirectory());
    expect(mode(server.socketDir)).toBe("700");
    expect(existsSync(join(server.socketDir, ".s.PGSQL.5432"))).toBe(true);
    expect(listeningAddresses(server.pid)).toEqual([]);
    expect(await query(server, "select 1")).toEqual([[1]]);
    expect(psql(server.url, "-c", "select current_user, inet_server_addr() is null")).toBe("postgres|t\n");
  });

  it("[E-02] listens on 127.0.0.1 only, whatever its stored settings say", async () => {
    const directory = await seededDirectory();
    const first = await start(directory, { loopbackPort: 0 });
    expect(listeningAddresses(first.pid)).toEqual([`127.0.0.1:${first.port}`]);
    await query(first, "alter system set listen_addresses = '*'");
    await query(first, "alter system set ssl = off");
    await first.stop();
    writeFileSync(join(first.dataDir, "pg_hba.conf"), "host all all 0.0.0.0/0 trust\nlocal all all trust\n");
    const again = await start(directory, { loopbackPort: 0 });
    expect(listeningAddresses(again.pid)).toEqual([`127.0.0.1:${again.port}`]);
    expect(await query(again, "select current_setting('ssl'), count(*) from pg_hba_file_rules")).toEqual([["on", "5"]]);
    await expect(query(again, "select 1", { password: "wrong" })).rejects.toMatchObject({ code: "28P01" });
  });

  it("[E-02] speaks TLS 1.3 and SCRAM-SHA-256-PLUS on its port, verifiable in full by both of its names", async () => {
    const server = shared;
    const tls = "select version from pg_stat_ssl where pid = pg_backend_pid()";
    expect(psql(server.url, "-c", tls)).toBe("TLSv1.3\n");
    expect(psql(`${server.url}&channel_binding=require`, "-c", "select 1")).toBe("1\n");
    expect(psql(server.url.replace("127.0.0.1", "localhost"), "-c", tls)).toBe("TLSv1.3\n");
  });

  it("[E-02] refuses a connection in clear text, and one to a name that its certificate does not hold", async () => {
    const server = shared;
    expect(() => psql(server.url.replace("verify-full", "disable"), "-c", "select 1")).toThrow(/no encryption/);
    const other = new pg.Client({
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      password: "irrelevant",
      ssl: { ca: readFileSync(server.settings.tlsFiles.rootCert ?? "", "utf8"), servername: "db.example.com" },
    });
    await expect(other.connect()).rejects.toThrow(/altnames/);
  });

  it("[E-03] never runs as root: it gets an account without rights, and can be told which", async () => {
    const server = await start(projectDirectory());
    expect(uidOf(server.pid)).not.toBe(0);
    if (process.getuid?.() !== 0) return;
    const asNobody = await start(projectDirectory(), { runAs: "nobody" });
    expect(asNobody.runsAs).toBe("nobody");
    expect(uidOf(asNobody.pid)).toBe(Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" })));
    await expect(start(projectDirectory(), { runAs: "root" })).rejects.toMatchObject({ code: "DB_USER_UNAVAILABLE" });
    await expect(start(projectDirectory(), { runAs: "no-such" })).rejects.toMatchObject({
      code: "DB_USER_UNAVAILABLE",
    });
  });

  it("[E-03] works below a directory that its account cannot enter, by keeping the data elsewhere", async (context) => {
    needsRoot(context);
    const directory = projectDirectory({ mode: 0o700 });
    const server = await start(directory);
    expect(server.dataDir).toMatch(/^\/var\/lib\/pgkeep\/[0-9a-f]{16}\/db$/);
    expect(mode(server.dataDir)).toBe("700");
    expect(await query(server, "select 1")).toEqual([[1]]);
    await server.stop();
    expect((await embeddedStatus(directory)).dataDir).toBe(server.dataDir);
    await resetEmbedded({ directory, clock });
    expect(existsSync(join(server.dataDir, ".."))).toBe(false);
  });

  it("works under a umask that closes everything", async () => {
    const { cache, root } = ownCopy();
    rmSync(root, { recursive: true });
    const directory = projectDirectory({ mode: process.getuid?.() === 0 ? 0o700 : 0o755 });
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const server = await start(directory, { cacheDirectories: [join(cache, "new")] });
    expect(await query(server, "select 1")).toEqual([[1]]);
  });

  it("[E-04] is not started when one byte of a program or library differs", async () => {
    const directory = await seededDirectory();
    for (const file of ["bin/postgres", "lib/libssl.so.1.1"]) {
      const { cache, root } = ownCopy();
      const path = join(root, file);
      const bytes = readFileSync(path);
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      await expect(start(directory, { cacheDirectories: [cache] }), file).rejects.toMatchObject({
        code: "DB_BINARIES_CHANGED",
      });
    }
    expect(processesMentioning(directory)).toEqual([]);
  });

  it("[E-04] is not started when a library was added or taken away, or its directory is open to others", async () => {
    const directory = projectDirectory();
    const added = ownCopy();
    copyFileSync(join(added.root, "lib/libz.so.1"), join(added.root, "lib/libnss_evil.so"));
    const removed = ownCopy();
    rmSync(join(removed.root, "lib/libz.so.1"));
    for (const { cache } of [added, removed]) {
      await expect(start(directory, { cacheDirectories: [cache] })).rejects.toMatchObject({
        code: "DB_BINARIES_CHANGED",
      });
    }
    const open = ownCopy();
    execFileSync("chmod", ["777", open.root]);
    await expect(start(directory, { cacheDirectories: [open.cache] })).rejects.toMatchObject({
      code: "DB_DIRECTORY_UNSAFE",
    });
  });

  it("[E-06] keeps its directories closed to others and out of git", async () => {
    const directory = projectDirectory();
    const server = await start(directory);
    const account = process.getuid?.() === 0 ? "710" : "700";
    expect(mode(join(directory, ".pgkeep"))).toBe(account);
    expect(mode(server.dataDir)).toBe("700");
    for (const name of ["pgpass", "db.json", "ca.crt"])
      expect(mode(join(directory, ".pgkeep", name)), name).toBe("600");
    for (const name of ["server.key", "server.log"]) expect(mode(join(server.dataDir, name)), name).toBe("600");
    execFileSync("git", ["init", "-q", directory]);
    expect(execFileSync("git", ["-C", directory, "status", "--porcelain"], { encoding: "utf8" })).toBe("");
  });

  it("[E-06] closes a state directory that was open, and refuses one that is a link", async () => {
    const directory = await seededDirectory();
    await (await start(directory)).stop();
    execFileSync("chmod", ["755", join(directory, ".pgkeep")]);
    const server = await start(directory);
    expect(mode(join(directory, ".pgkeep"))).not.toBe("755");
    await server.stop();
    const other = projectDirectory();
    for (const target of [join(directory, ".pgkeep"), "/nonexistent/elsewhere"]) {
      symlinkSync(target, join(other, ".pgkeep"));
      await expect(start(other)).rejects.toMatchObject({ code: "DB_DIRECTORY_UNSAFE", exit: 10 });
      rmSync(join(other, ".pgkeep"));
    }
  });

  it("[E-07] works without any install script: the links it needs are made in its copy", async () => {
    const { cache, root } = ownCopy();
    rmSync(root, { recursive: true });
    await start(await seededDirectory(), { cacheDirectories: [cache] });
    const links = readdirSync(join(root, "lib"), { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
    expect(links.length).toBeGreaterThan(5);
    expect(readdirSync(cache).filter((name) => name.includes(".")).length, "no half-made copies").toBe(1);
  });

  it("logs no statement text, so that a password typed into a failing one stays out of the log", async () => {
    const server = shared;
    await expect(query(server, "select 'canary-4711' from nowhere")).rejects.toMatchObject({ code: "42P01" });
    const log = readFileSync(join(server.dataDir, "server.log"), "utf8");
    expect(log).toContain("ready to accept connections");
    expect(log).toContain('relation "nowhere" does not exist');
    expect(log).not.toContain("canary-4711");
  });

  it("keeps its log under a bound", async () => {
    const server = await start(await seededDirectory());
    await query(server, "do $$ begin for i in 1..30000 loop raise warning '%', repeat('x', 200); end loop; end $$");
    await query(server, "do $$ begin raise warning 'the last line'; end $$");
    await server.stop();
    const sizes = readdirSync(server.dataDir)
      .filter((name) => name.startsWith("server.log"))
      .map((name) => statSync(join(server.dataDir, name)).size);
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1 << 20);
    expect(sizes.length).toBeLessThanOrEqual(2);
    expect(readFileSync(join(server.dataDir, "server.log"), "utf8")).toContain("database system is shut down");
  });
});

describe("between runs", () => {
  it("the data, the password and the certificate stay", async () => {
    const directory = await seededDirectory();
    const first = await start(directory);
    await query(first, "create table kept as select 42 as answer");
    await first.stop();
    const before = [passwordOf(directory), readFileSync(join(directory, ".pgkeep/ca.crt"), "utf8")];
    const second = await start(directory);
    expect(await query(second, "select answer from kept")).toEqual([[42]]);
    expect([passwordOf(directory), readFileSync(join(directory, ".pgkeep/ca.crt"), "utf8")]).toEqual(before);
    expect(second.url).toBe(first.url);
  });

  it("a certificate in its last month is replaced", async () => {
    const directory = await seededDirectory();
    await (await start(directory)).stop();
    const before = readFileSync(join(directory, ".pgkeep/ca.crt"), "utf8");
    const later = { ...clock, now: () => new Date(clock.now().getTime() + 705 * 24 * 3_600_000) };
    await (await start(directory, { clock: later })).stop();
    expect(readFileSync(join(directory, ".pgkeep/ca.crt"), "utf8")).not.toBe(before);
  });

  it("stop ends sessions that are still at work, and what they had committed stays", async () => {
    const directory = await seededDirectory();
    const server = await start(directory, { background: true });
    await query(server, "create table committed ()");
    const working = query(server, "select pg_sleep(600)");
    const ended = expect(working).rejects.toMatchObject({ code: "57P01" });
    expect(await eventually(async () => (await query(server, SLEEPING)).length === 1)).toBe(true);
    await stopEmbedded({ directory, clock });
    await ended;
    expect(processesMentioning(directory)).toEqual([]);
    expect(await query(await start(directory), "select count(*) from committed")).toEqual([["0"]]);
  });

  it("stop leaves no process, no socket and no lock, and says so when repeated", async () => {
    const directory = await seededDirectory();
    const server = await start(directory, { background: true });
    expect(await stopEmbedded({ directory, clock })).toBe(server.pid);
    expect(processesMentioning(directory)).toEqual([]);
    expect(existsSync(join(server.socketDir, ".s.PGSQL.5432"))).toBe(false);
    expect(readdirSync(join(directory, ".pgkeep")).filter((name) => name.includes("lock"))).toEqual([]);
    expect(await stopEmbedded({ directory, clock })).toBeUndefined();
    expect((await embeddedStatus(directory)).state).toBe("stopped");
  });

  it("reset removes data, password and record, and the next start begins empty", async () => {
    const directory = await seededDirectory();
    const first = await start(directory, { background: true });
    await query(first, "create table gone ()");
    expect(await resetEmbedded({ directory, clock })).toBe(first.dataDir);
    expect(isRunning(first.pid)).toBe(false);
    expect(readdirSync(join(directory, ".pgkeep"))).toEqual([".gitignore"]);
    expect((await embeddedStatus(directory)).state).toBe("absent");
    const second = await start(directory);
    expect(await query(second, "select count(*) from pg_tables where tablename = 'gone'")).toEqual([["0"]]);
  });
});

describe("what the last run left behind", () => {
  it("[E-05] a stale process id, now another program's, does not stop a start and is not signalled", async () => {
    const directory = await seededDirectory();
    const server = await start(directory);
    const leftover = readFileSync(join(server.dataDir, "postmaster.pid"), "utf8");
    await server.stop();
    // Another program of the same account has the number now, as after the restart of a container. PostgreSQL itself
    // would take it for a running server and refuse to start.
    const { uid, gid } = statSync(server.dataDir);
    const other = spawn("sleep", ["600"], { uid, gid, stdio: "ignore" });
    onTestFinished(() => void other.kill("SIGKILL"));
    const pid = other.pid ?? 0;
    writeFileSync(join(server.dataDir, "postmaster.pid"), leftover.replace(/^\d+/, String(pid)));
    expect((await embeddedStatus(directory)).state).toBe("stopped");
    expect(await stopEmbedded({ directory, clock })).toBeUndefined();
    expect(await query(await start(directory), "select 1")).toEqual([[1]]);
    expect(isRunning(pid)).toBe(true);
  });

  it("[E-05] the recorded number with another start moment is another process", async () => {
    const directory = await seededDirectory();
    const server = await start(directory);
    const record = JSON.parse(readFileSync(join(directory, ".pgkeep/db.json"), "utf8"));
    const leftover = readFileSync(join(server.dataDir, "postmaster.pid"), "utf8");
    await server.stop();
    const wrong = { ...record, server: { pid: process.ppid, started: record.server.started } };
    writeFileSync(join(directory, ".pgkeep/db.json"), JSON.stringify(wrong));
    writeFileSync(join(server.dataDir, "postmaster.pid"), leftover.replace(/^\d+/, String(process.ppid)));
    expect(await stopEmbedded({ directory, clock })).toBeUndefined();
    expect(isRunning(process.ppid)).toBe(true);
  });

  it("[E-05] a record that cannot be read counts as none, and a running server is found without it", async () => {
    const directory = await seededDirectory();
    const server = await start(directory, { background: true });
    for (const content of ["", "{", "[]", '{"format":1}', '{"format":2,"server":null}', "\u0000\u0001"]) {
      writeFileSync(join(directory, ".pgkeep/db.json"), content);
      const found = { state: "running", server: { server: { pid: server.pid }, socketDir: server.socketDir } };
      expect(await embeddedStatus(directory), content).toMatchObject(found);
      expect((await start(directory, { background: true })).isJoined).toBe(true);
    }
    expect(await stopEmbedded({ directory, clock })).toBe(server.pid);
    expect((await embeddedStatus(directory)).state).toBe("stopped");
  });

  it("[E-05] a lock of a process that died is taken over", async () => {
    const directory = await seededDirectory();
    await (await start(directory)).stop();
    const died = { pid: 999_999_999, started: "another machine start:1", token: "t" };
    writeFileSync(join(directory, ".pgkeep/db.lock"), JSON.stringify(died));
    expect(await query(await start(directory), "select 1")).toEqual([[1]]);
  });

  it("a start that was killed in the middle of making the data directory is begun again", async () => {
    const directory = await seededDirectory();
    const server = await start(directory);
    await server.stop();
    const half = `${server.dataDir}.unfinished-0123`;
    renameSync(server.dataDir, half);
    const again = await start(directory);
    expect(await query(again, "select 1")).toEqual([[1]]);
    expect(existsSync(half)).toBe(false);
  });

  it("a copied project does not take the original's server or data for its own", async () => {
    const [original, copy] = [await seededDirectory(), projectDirectory()];
    const server = await start(original, { background: true });
    await query(server, "create table original ()");
    execFileSync("cp", ["-a", join(original, ".pgkeep"), copy]);
    expect((await embeddedStatus(copy)).state).toBe("stopped");
    expect(await stopEmbedded({ directory: copy, clock })).toBeUndefined();
    await resetEmbedded({ directory: copy, clock });
    expect(await query(server, "select count(*) from original")).toEqual([["0"]]);
  });

  it("data of another major version is refused with the way out", async () => {
    const directory = await seededDirectory();
    const server = await start(directory);
    await server.stop();
    writeFileSync(join(server.dataDir, "PG_VERSION"), "17\n");
    await expect(start(directory)).rejects.toMatchObject({
      code: "DB_START_FAILED",
      parts: { detail: expect.stringContaining("PostgreSQL 17"), hint: expect.stringContaining("db reset") },
    });
  });

  it("a server that cannot start gives the end of its log, and leaves nothing running", async () => {
    const directory = await seededDirectory();
    const server = await start(directory);
    await server.stop();
    writeFileSync(join(server.dataDir, "postgresql.auto.conf"), "max_wal_senders = 'many'\n");
    await expect(start(directory)).rejects.toMatchObject({
      code: "DB_START_FAILED",
      parts: { detail: expect.stringContaining("max_wal_senders") },
    });
    expect(processesMentioning(directory)).toEqual([]);
  });
});

describe("ports", () => {
  it("[E-05] a taken port is named, and nothing is left running", async () => {
    const directory = await seededDirectory();
    const taken = await listen();
    await expect(start(directory, { loopbackPort: taken })).rejects.toMatchObject({
      code: "DB_START_FAILED",
      message: expect.stringContaining(String(taken)),
      parts: { hint: expect.stringContaining("another port") },
    });
    expect(processesMentioning(directory)).toEqual([]);
  });

  it("a free port stays the same between runs, until another program takes it", async () => {
    const directory = await seededDirectory();
    const ports: number[] = [];
    for (let run = 0; run < 2; run++) {
      const server = await start(directory, { loopbackPort: 0 });
      ports.push(server.port);
      await server.stop();
    }
    expect(ports[0]).toBe(ports[1]);
    await listen(ports[0]);
    const server = await start(directory, { loopbackPort: 0 });
    expect(server.port).not.toBe(ports[0]);
    expect(await query(server, "select 1")).toEqual([[1]]);
  });
});

describe("a directory whose path is too long for a socket", () => {
  it("gets a short socket directory, private as well, that is gone after the stop", async () => {
    const directory = join(projectDirectory(), "d".repeat(120));
    execFileSync("mkdir", [directory]);
    onTestFinished(async () => void (await resetEmbedded({ directory, clock })));
    const server = await start(directory);
    expect(server.socketDir.startsWith(join(tmpdir(), "pgkeep-"))).toBe(true);
    expect(mode(server.socketDir)).toBe("700");
    expect(await query(server, "select 1")).toEqual([[1]]);
    await server.stop();
    expect(existsSync(server.socketDir)).toBe(false);
  });
});

describe("the connection to a running server", () => {
  it("needs nothing but the directory", async () => {
    const directory = await seededDirectory();
    await start(directory, { background: true });
    const settings = await embeddedConnection(directory);
    expect(settings).toMatchObject({ user: "postgres", requireAuth: ["scram-sha-256"] });
    expect((await settings.password?.({ host: "", port: 0 }))?.expose()).toBe(passwordOf(directory));
  });

  it("does not exist when none runs", async () => {
    await expect(embeddedConnection(projectDirectory())).rejects.toMatchObject({ code: "DB_NOT_RUNNING", exit: 11 });
  });
});

/** A copy of the binaries that a test may damage. */
function ownCopy(): { cache: string; root: string } {
  const name = readdirSync(TEST_CACHE).find((entry) => /^postgresql-18[^/]*-linux-\w+$/.test(entry)) ?? "";
  const cache = join(tmpdir(), `pgkeep-cache-copy-${process.pid}-${Math.random().toString(36).slice(2)}`);
  execFileSync("mkdir", [cache]);
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }));
  execFileSync("cp", ["-a", "--reflink=auto", join(TEST_CACHE, name), cache]);
  return { cache, root: join(cache, name) };
}

/** Listens on 127.0.0.1 until the test ends; returns the port. */
async function listen(port = 0): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}
