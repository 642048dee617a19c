/** From what a person writes to a session on a real server: strings, services, files, hosts and methods of pg_hba.conf. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { PgkeepError } from "../../../src/base/errors.ts";
import type { ConnectionRequest } from "../../../src/pg/connect/input.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import { resolveConnection } from "../../../src/pg/connect/resolve.ts";
import type { Session } from "../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { freePort } from "../../support/free-port.ts";

const PASSWORD = "canary-Pa55 w:rd'\\";
const home = mkdtempSync(join(tmpdir(), "pgkeep-login-"));
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster({
    settings: { listen_addresses: "127.0.0.1,::1" },
    hba: [
      "local all all scram-sha-256",
      "host all plain all password",
      "host all md5user all md5",
      "host all trusted all trust",
      "host all rejected all reject",
      "host all postgres,app,nobody,limited all scram-sha-256",
    ],
  });
  const literal = `'${PASSWORD.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  await cluster.sql(`
    create role app login password E${literal};
    create role plain login password E${literal};
    create role trusted login; create role rejected login;
    create role nobody login password E${literal};
    create role limited login password E${literal} connection limit 0;
    set password_encryption = md5;
    create role md5user login password E${literal}`);
  await cluster.sql("create database closed");
  await cluster.sql("revoke connect on database closed from public");
});
afterAll(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true, force: true });
});

interface Attempt {
  request?: ConnectionRequest;
  environment?: Record<string, string>;
  warn?: (message: string) => void;
}

async function connect({ request = {}, environment = {}, warn = () => {} }: Attempt): Promise<Session> {
  const resolved = await resolveConnection(request, {
    environment: { HOME: home, ...environment },
    workingDirectory: home,
    warn,
  });
  return openSession(resolved.settings, { signal: new AbortController().signal, clock: systemClock, warn });
}

/** Who the server says we are, over what. */
async function identity(attempt: Attempt) {
  await using db = await connect(attempt);
  const [row] = await db.query(
    "select session_user as who, current_database() as database, inet_server_addr() as address, current_setting('application_name') as name",
  );
  return { ...row, method: db.target.authentication };
}

async function failure(attempt: Attempt): Promise<PgkeepError> {
  const outcome = await connect(attempt).catch((error: PgkeepError) => error);
  if (outcome instanceof Error) return outcome;
  await outcome.close();
  throw new Error("was accepted");
}

const encoded = encodeURIComponent(PASSWORD);
const port = () => String(cluster.port);

describe("every way to write a connection reaches the server", () => {
  it("[BX-07] a socket's directory by flag, by URI and by keywords", async () => {
    const expected = { who: "app", database: "postgres", address: null };
    const environment = { PGPASSWORD: PASSWORD };
    const { socketDir } = cluster;
    const flags = { host: socketDir, port: cluster.port, username: "app", database: "postgres" };
    expect(await identity({ request: flags, environment })).toMatchObject(expected);
    const uri = `postgresql://app@${encodeURIComponent(socketDir)}:${port()}/postgres`;
    expect(await identity({ request: { connection: uri }, environment })).toMatchObject(expected);
    const keywords = `host=${socketDir} port=${port()} user=app dbname=postgres`;
    expect(await identity({ request: { connection: keywords }, environment })).toMatchObject(expected);
  });

  it("[BX-08] an IPv6 address by flag and by URI", async () => {
    const connection = `postgresql://app:${encoded}@[::1]:${port()}/postgres`;
    expect(await identity({ request: { connection } })).toMatchObject({ who: "app", address: "::1" });
    const request = { host: "::1", port: cluster.port, username: "app", database: "postgres" };
    expect(await identity({ request, environment: { PGPASSWORD: PASSWORD } })).toMatchObject({ address: "::1" });
  });

  it("[BX-09] keyword/value pairs with a quoted password", async () => {
    const quoted = PASSWORD.replace(/[\\']/g, "\\$&");
    const connection = `host=127.0.0.1 port=${port()} user=app password='${quoted}' dbname=postgres`;
    expect(await identity({ request: { connection } })).toMatchObject({ who: "app" });
  });

  it("ADO.NET pairs with a quoted password", async () => {
    const connection = `Host=127.0.0.1;Port=${port()};Username=app;Password="${PASSWORD}";Database=postgres`;
    expect(await identity({ request: { connection } })).toMatchObject({ who: "app" });
  });

  it("[BX-10] a service file, and several hosts of which the first does not listen", async () => {
    const file = join(home, "services.conf");
    writeFileSync(file, `[shop]\nhost=127.0.0.1\nport=${port()}\nuser=app\npassword=${PASSWORD}\ndbname=postgres\n`);
    expect(await identity({ environment: { PGSERVICE: "shop", PGSERVICEFILE: file } })).toMatchObject({ who: "app" });
    const connection = `postgresql://app:${encoded}@127.0.0.1:${await freePort()},127.0.0.1:${port()}/postgres`;
    expect(await identity({ request: { connection } })).toMatchObject({ who: "app" });
  });

  it("[BX-16] flags, although DATABASE_URL names another place", async () => {
    const environment = { DATABASE_URL: "postgresql://no:no@192.0.2.1:1/no", PGPASSWORD: PASSWORD };
    const request = { host: "127.0.0.1", port: cluster.port, username: "app", database: "postgres" };
    expect(await identity({ request, environment })).toMatchObject({ who: "app", database: "postgres" });
  });

  it("[CL-25] [CL-30] variables alone, with the default application name or PGAPPNAME", async () => {
    const environment = {
      PGHOST: "127.0.0.1",
      PGPORT: port(),
      PGUSER: "app",
      PGPASSWORD: PASSWORD,
      PGDATABASE: "postgres",
    };
    expect(await identity({ environment })).toMatchObject({ who: "app", name: "pgmi" });
    expect(await identity({ environment: { ...environment, PGAPPNAME: "ci" } })).toMatchObject({ name: "ci" });
  });

  it("[CL-31] the password file, at its usual place and by PGPASSFILE", async () => {
    const line = `127.0.0.1:*:*:app:${PASSWORD.replace(/[\\:]/g, "\\$&")}\n`;
    const request = { host: "127.0.0.1", port: cluster.port, username: "app", database: "postgres" };
    const named = join(home, "named-pgpass");
    writeFileSync(named, line, { mode: 0o600 });
    expect(await identity({ request, environment: { PGPASSFILE: named } })).toMatchObject({ who: "app" });
    const other = join(home, "home");
    mkdirSync(other);
    writeFileSync(join(other, ".pgpass"), line, { mode: 0o600 });
    expect(await identity({ request, environment: { HOME: other } })).toMatchObject({ who: "app" });
    chmodSync(join(other, ".pgpass"), 0o644);
    const warnings: string[] = [];
    const error = await failure({ request, environment: { HOME: other }, warn: (text) => warnings.push(text) });
    expect(error.code).toBe("CONNECT_PASSWORD_MISSING");
    expect(warnings).toEqual([expect.stringContaining("chmod 0600")]);
  });

  it("localhost, wherever of ::1 and 127.0.0.1 the server listens", async () => {
    await using onlyV4 = await startCluster({ settings: { listen_addresses: "127.0.0.1" } });
    await using onlyV6 = await startCluster({
      settings: { listen_addresses: "::1" },
      hba: ["host all all all trust", "local all all trust"],
    });
    for (const target of [onlyV4, onlyV6]) {
      const request = { host: "localhost", port: target.port, username: "postgres", database: "postgres" };
      expect(await identity({ request, environment: { PGPASSWORD: target.password } })).toMatchObject({
        who: "postgres",
      });
    }
  });
});

describe("methods of pg_hba.conf", () => {
  const as = (username: string, more: ConnectionRequest = {}): Attempt => ({
    request: { host: "127.0.0.1", port: cluster.port, database: "postgres", username, ...more },
    environment: { PGPASSWORD: PASSWORD },
  });

  it("scram-sha-256", async () => expect(await identity(as("app"))).toMatchObject({ method: "scram-sha-256" }));
  it("md5", async () => expect(await identity(as("md5user"))).toMatchObject({ method: "md5" }));
  it("trust", async () => expect(await identity(as("trusted"))).toMatchObject({ method: "none" }));

  it("[T-01] password: refused over TCP without TLS, used when require_auth names it", async () => {
    expect(await failure(as("plain"))).toMatchObject({ code: "CONNECT_CLEARTEXT_REFUSED" });
    expect(await identity(as("plain", { requireAuth: "password" }))).toMatchObject({ method: "password" });
  });

  it("[T-03] trust is refused by require_auth, and warned of without", async () => {
    expect(await failure(as("trusted", { requireAuth: "scram-sha-256,md5" }))).toMatchObject({
      code: "CONNECT_AUTH_REFUSED",
    });
    expect(await failure(as("trusted", { requireAuth: "!none" }))).toMatchObject({ code: "CONNECT_AUTH_REFUSED" });
    const warnings: string[] = [];
    await identity({ ...as("trusted"), warn: (text) => warnings.push(text) });
    expect(warnings).toEqual([expect.stringContaining("without asking for the password")]);
  });

  it("[T-03] md5 is refused by require_auth", async () => {
    expect(await failure(as("md5user", { requireAuth: "scram-sha-256" }))).toMatchObject({
      code: "CONNECT_AUTH_REFUSED",
    });
    expect(await failure(as("md5user", { requireAuth: "!md5" }))).toMatchObject({ code: "CONNECT_AUTH_REFUSED" });
  });
});

describe("[CL-04] [CL-05] what a refusal says", () => {
  const request = (more: ConnectionRequest): ConnectionRequest => ({
    host: "127.0.0.1",
    port: cluster.port,
    database: "postgres",
    username: "app",
    ...more,
  });

  it.each([
    ["a wrong password", { username: "nobody" }, "wrong-password", "CONNECT_PASSWORD_REJECTED"],
    ["a role that no line of pg_hba.conf has", { username: "unlisted" }, PASSWORD, "CONNECT_REJECTED"],
    ["a role that is rejected", { username: "rejected" }, PASSWORD, "CONNECT_REJECTED"],
    ["a database that does not exist", { database: "absent" }, PASSWORD, "CONNECT_DATABASE_MISSING"],
    ["a database that may not be connected to", { database: "closed" }, PASSWORD, "CONNECT_PERMISSION"],
  ])("%s: short, exit 11, with a remedy, without the password", async (_, more, password, code) => {
    const error = await failure({ request: request(more), environment: { PGPASSWORD: password } });
    expect(error).toMatchObject({ code, exit: 11 });
    expect(error.parts.state).toBe("not connected");
    expect(error.parts.hint).toBeTruthy();
    expect(error.message).not.toContain("\n");
    expect(inspect(error, { depth: 9 })).not.toContain(password);
  });

  it("too many connections: tried again, then said", async () => {
    const error = await failure({ request: request({ username: "limited" }), environment: { PGPASSWORD: PASSWORD } });
    expect(error).toMatchObject({ code: "CONNECT_TOO_MANY", retryable: true, parts: { sqlstate: "53300" } });
  });

  it("no password at all", async () => {
    expect(await failure({ request: request({}) })).toMatchObject({ code: "CONNECT_PASSWORD_MISSING" });
  });

  it("a directory without a socket", async () => {
    expect(await failure({ request: request({ host: home }), environment: { PGPASSWORD: PASSWORD } })).toMatchObject({
      code: "CONNECT_REFUSED",
    });
  });
});

describe("target_session_attrs", () => {
  it("[BX-10] passes over servers of the wrong kind, and says so when there is no other", async () => {
    await using reader = await startCluster({
      settings: { default_transaction_read_only: "on" },
      hba: ["host all all all trust", "local all all trust"],
    });
    const places = `127.0.0.1:${reader.port},127.0.0.1:${port()}`;
    const uri = (attrs: string, where = places) =>
      `postgresql://app:${encoded}@${where}/postgres?target_session_attrs=${attrs}`;
    await reader.sql("begin read write; create role app login; commit", { password: reader.password });
    const portOf = async (connection: string) => {
      await using db = await connect({ request: { connection } });
      return db.target.port;
    };
    expect(await portOf(uri("any"))).toBe(reader.port);
    expect(await portOf(uri("read-write"))).toBe(cluster.port);
    expect(await portOf(uri("read-only"))).toBe(reader.port);
    expect(await portOf(uri("primary"))).toBe(reader.port);
    expect(await portOf(uri("prefer-standby"))).toBe(reader.port);
    const only = `127.0.0.1:${reader.port}`;
    expect(await failure({ request: { connection: uri("read-write", only) } })).toMatchObject({
      code: "CONNECT_WRONG_SERVER",
    });
    expect(await failure({ request: { connection: uri("standby") } })).toMatchObject({ code: "CONNECT_WRONG_SERVER" });
  });
});

describe("[T-09] options of the connection", () => {
  it("reach the server, and cannot change pgkeep's own encoding", async () => {
    const options = encodeURIComponent("-c client_encoding=latin1 -c work_mem=77kB");
    const connection = `postgresql://app:${encoded}@127.0.0.1:${port()}/postgres?options=${options}`;
    await using db = await connect({ request: { connection } });
    const [row] = await db.query("select current_setting('client_encoding') as e, current_setting('work_mem') as m");
    expect(row).toMatchObject({ e: "UTF8", m: "77kB" });
  });
});
