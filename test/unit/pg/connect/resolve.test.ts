/** Which source of a connection setting wins, what each value means, and which are refused. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import type { PgkeepError } from "../../../../src/base/errors.ts";
import type { ConnectionRequest } from "../../../../src/pg/connect/input.ts";
import {
  type ConnectionFileSettings,
  type ResolvedConnection,
  resolveConnection,
} from "../../../../src/pg/connect/resolve.ts";
import { BROKEN_STRINGS } from "./broken-strings.ts";

const scratch = mkdtempSync(join(tmpdir(), "pgkeep-resolve-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Sources {
  request?: ConnectionRequest;
  environment?: Record<string, string>;
  file?: Record<string, string>;
  warn?: (message: string) => void;
}

function fileSettings(file: Record<string, string>): ConnectionFileSettings {
  return Object.fromEntries(Object.entries(file).map(([key, value]) => [key, { value, origin: `pgmi.yaml:${key}` }]));
}

/** Resolves with a database named by default, in a home without files. */
function resolve({ request = {}, environment = {}, file = {}, warn }: Sources): Promise<ResolvedConnection> {
  return resolveConnection(request, {
    environment: { HOME: join(scratch, "empty-home"), USER: "osuser", ...environment },
    workingDirectory: "/work-dir",
    fileSettings: fileSettings(file),
    warn,
  });
}

const failure = (sources: Sources): Promise<PgkeepError> =>
  resolve(sources).then(
    () => {
      throw new Error("was accepted");
    },
    (error) => error,
  );

async function passwordOf({ settings }: ResolvedConnection): Promise<string | undefined> {
  const [address] = settings.hosts;
  return address && (await settings.password?.(address))?.expose();
}

function write(name: string, text: string, mode = 0o600): string {
  const path = join(scratch, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const DB = { database: "shop" };

describe("without a connection string", () => {
  it("defaults to localhost, 5432, the account's name, sslmode prefer and application name pgmi", async () => {
    const { settings } = await resolve({ request: DB });
    expect(settings).toMatchObject({
      hosts: [{ host: "localhost", port: 5432 }],
      user: "osuser",
      database: "shop",
      sslMode: "prefer",
      applicationName: "pgmi",
      channelBinding: "prefer",
      connectTimeoutMs: 30_000,
    });
    expect(settings.requireAuth).toBeUndefined();
    expect(settings.password).toBeUndefined();
  });

  const everything: [string, ConnectionRequest, Record<string, string>, Record<string, string>, string][] = [
    ["flag before variable before file", { host: "flag" }, { PGHOST: "variable" }, { host: "file" }, "flag"],
    ["variable before file", {}, { PGHOST: "variable" }, { host: "file" }, "variable"],
    ["file before default", {}, {}, { host: "file" }, "file"],
    ["an empty variable counts as absent", {}, { PGHOST: "" }, { host: "file" }, "file"],
  ];
  it.each(everything)("each key on its own: %s", async (_, request, environment, file, host) => {
    const { settings } = await resolve({
      request: { ...DB, ...request },
      environment,
      file: { port: "6000", ...file },
    });
    expect(settings.hosts).toEqual([{ host, port: 6000 }]);
  });

  it("says where each value came from", async () => {
    const { origin } = await resolve({
      request: { host: "h" },
      environment: { PGUSER: "u", PGPASSWORD: "p" },
      file: { database: "d", sslmode: "require" },
    });
    expect(origin).toMatchObject({
      host: "--host",
      username: "environment PGUSER",
      password: "environment PGPASSWORD",
      database: "pgmi.yaml:database",
      sslmode: "pgmi.yaml:sslmode",
      port: "default",
    });
  });

  it("[CL-30] takes the application name from PGAPPNAME", async () => {
    const { settings } = await resolve({ request: DB, environment: { PGAPPNAME: "ci" } });
    expect(settings.applicationName).toBe("ci");
  });

  it("needs the name of a database", async () => {
    expect(await failure({})).toMatchObject({ code: "CONFIG_TARGET_MISSING", exit: 10 });
  });

  const refused: [string, Sources][] = [
    ["port 0", { request: { port: 0 } }],
    ["port 65536", { request: { port: 65_536 } }],
    ["a port that is no whole number", { request: { port: 1.5 } }],
    ["a PGPORT that is no number", { environment: { PGPORT: "abc" } }],
    ["a negative PGCONNECT_TIMEOUT", { environment: { PGCONNECT_TIMEOUT: "-1" } }],
    ["a PGCONNECT_TIMEOUT that is no number", { environment: { PGCONNECT_TIMEOUT: "soon" } }],
    ["an unknown sslmode", { request: { sslmode: "on" } }],
    ["an unknown channel binding", { request: { channelBinding: "yes" } }],
    ["an unknown method in require_auth", { request: { requireAuth: "scram" } }],
    ["require_auth with and without !", { request: { requireAuth: "md5,!password" } }],
    ["require_auth naming a method twice", { request: { requireAuth: "md5,md5" } }],
    ["an unknown target_session_attrs", { environment: { PGTARGETSESSIONATTRS: "master" } }],
    ["a database name of 64 bytes", { request: { database: "x".repeat(64) } }],
    ["a role name of 64 bytes", { request: { username: "x".repeat(64) } }],
    ["PGREQUIREPEER, which cannot be kept", { environment: { PGREQUIREPEER: "postgres" } }],
    ["GSSAPI encryption", { environment: { PGGSSENCMODE: "require" } }],
  ];
  it.each(refused)("refuses %s", async (_, sources) => {
    expect(await failure({ ...sources, request: { ...DB, ...sources.request } })).toMatchObject({
      code: "CONFIG_VALUE_INVALID",
      exit: 10,
    });
  });

  it("never repeats a refused value", async () => {
    const error = await failure({ request: { ...DB, sslmode: "hunter2secret" } });
    expect(inspect(error, { depth: 5 })).not.toContain("hunter2");
    expect(error.parts.detail).toContain("--sslmode");
  });
});

describe("with a connection string", () => {
  const connection = "postgresql://app:pw@db:6432/shop?sslmode=require&application_name=name-in-string";

  it("takes everything from it", async () => {
    const resolved = await resolve({ request: { connection } });
    expect(resolved.settings).toMatchObject({
      hosts: [{ host: "db", port: 6432 }],
      user: "app",
      database: "shop",
      sslMode: "require",
      applicationName: "name-in-string",
    });
    expect(await passwordOf(resolved)).toBe("pw");
  });

  it("prefers --connection, then PGMI_CONNECTION_STRING, then DATABASE_URL", async () => {
    const environment = { PGMI_CONNECTION_STRING: "postgresql://two/x", DATABASE_URL: "postgresql://three/x" };
    const host = async (sources: Sources) => (await resolve(sources)).settings.hosts[0]?.host;
    expect(await host({ request: { connection: "postgresql://one/x" }, environment })).toBe("one");
    expect(await host({ environment })).toBe("two");
    expect(await host({ environment: { DATABASE_URL: "postgresql://three/x" } })).toBe("three");
  });

  it("[CL-25] puts it in place of the file's connection section, certificates and cloud settings excepted", async () => {
    const { settings } = await resolve({
      request: { connection: "postgresql://app@db" },
      file: {
        host: "file",
        port: "7000",
        username: "file",
        database: "file",
        sslmode: "verify-full",
        sslrootcert: "/ca",
      },
    });
    expect(settings).toMatchObject({ hosts: [{ host: "db", port: 5432 }], user: "app", database: "postgres" });
    expect(settings).toMatchObject({ sslMode: "prefer", tlsFiles: { rootCert: "/ca" } });
  });

  it.each(["host", "port", "username", "sslmode"] as const)("refuses --%s beside --connection", async (field) => {
    const flags = { host: "h", port: 1, username: "u", sslmode: "disable" };
    const error = await failure({ request: { connection, [field]: flags[field] } });
    expect(error).toMatchObject({ code: "CONFIG_CONFLICT", exit: 10 });
  });

  it("allows --database and the certificate flags beside it", async () => {
    const { settings } = await resolve({
      request: { connection, database: "other", sslcert: "c", sslkey: "/k", sslrootcert: "r" },
    });
    expect(settings.database).toBe("other");
    expect(settings.tlsFiles).toMatchObject({ cert: "/work-dir/c", key: "/k", rootCert: "/work-dir/r" });
  });

  it("[BX-16] lets flags outrank a string from the environment", async () => {
    const environment = { DATABASE_URL: connection, PGPASSWORD: "mine" };
    const resolved = await resolve({
      request: { host: "h2", port: 7, username: "me", sslmode: "disable" },
      environment,
    });
    expect(resolved.settings).toMatchObject({ hosts: [{ host: "h2", port: 7 }], user: "me", sslMode: "disable" });
    expect(await passwordOf(resolved)).toBe("mine");
  });

  it.each([{ host: "elsewhere" }, { username: "other" }, { port: 1 }])(
    "[BX-16] never sends the string's password to another place or role: %o",
    async (request) => {
      const resolved = await resolve({ request, environment: { DATABASE_URL: connection } });
      expect(await passwordOf(resolved)).toBeUndefined();
    },
  );

  it("[BX-16] keeps the string's password when only the mode of TLS is given", async () => {
    const resolved = await resolve({ request: { sslmode: "verify-full" }, environment: { DATABASE_URL: connection } });
    expect(resolved.settings.sslMode).toBe("verify-full");
    expect(await passwordOf(resolved)).toBe("pw");
  });

  it("[CL-30] honours PGAPPNAME beside a string that has no name", async () => {
    const { settings } = await resolve({
      request: { connection: "postgresql://db/x" },
      environment: { PGAPPNAME: "ci" },
    });
    expect(settings.applicationName).toBe("ci");
  });

  it("takes sslmode from the string, then PGSSLMODE, then prefer", async () => {
    const mode = async (text: string, PGSSLMODE: string) =>
      (await resolve({ request: { connection: text }, environment: { PGSSLMODE } })).settings.sslMode;
    expect(await mode("postgresql://db?sslmode=disable", "require")).toBe("disable");
    expect(await mode("postgresql://db", "require")).toBe("require");
    expect(await mode("postgresql://db", "")).toBe("prefer");
  });

  it("takes certificates from flag, string, variable and file in that order", async () => {
    const cert = async (request: ConnectionRequest, query: string, PGSSLROOTCERT: string) =>
      (
        await resolve({
          request: { connection: `postgresql://db/x${query}`, ...request },
          environment: { PGSSLROOTCERT },
          file: { sslrootcert: "/4" },
        })
      ).settings.tlsFiles.rootCert;
    expect(await cert({ sslrootcert: "/1" }, "?sslrootcert=/2", "/3")).toBe("/1");
    expect(await cert({}, "?sslrootcert=/2", "/3")).toBe("/2");
    expect(await cert({}, "", "/3")).toBe("/3");
    expect(await cert({}, "", "")).toBe("/4");
  });

  it("passes keys it does not know to the server as settings", async () => {
    const { settings } = await resolve({
      request: { connection: "postgresql://db/x?statement_timeout=5s&keepalives=1" },
    });
    expect(settings.serverSettings).toEqual({ statement_timeout: "5s" });
  });

  it("takes PGOPTIONS, PGTZ and PGCONNECT_TIMEOUT from the environment", async () => {
    const environment = { PGOPTIONS: "-c geqo=off", PGTZ: "UTC", PGCONNECT_TIMEOUT: "7" };
    const { settings } = await resolve({ request: DB, environment });
    expect(settings.serverSettings).toEqual({ options: "-c geqo=off", timezone: "UTC" });
    expect(settings.connectTimeoutMs).toBe(7_000);
  });

  it.each(["-c search_path=evil", "-csearch_path=evil", "--search-path=evil", "-c  client_encoding=latin1"])(
    "[T-09] reports options that touch pgkeep's own settings: %s",
    async (options) => {
      const warnings: string[] = [];
      const connection = `postgresql://db/x?options=${encodeURIComponent(options)}`;
      await resolve({ request: { connection }, warn: (message) => warnings.push(message) });
      expect(warnings).toEqual([expect.stringMatching(/search_path|client_encoding/)]);
    },
  );

  it.each(BROKEN_STRINGS)("[D-04] never repeats a broken one: %#", async (text) => {
    for (const sources of [{ request: { connection: text } }, { environment: { DATABASE_URL: text } }]) {
      const error = await failure(sources);
      expect(error).toMatchObject({ exit: 10 });
      expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2/);
    }
  });
});

describe("the maintenance database", () => {
  const cases: [string, Sources, string][] = [
    ["is postgres for a database from a string", { request: { connection: "postgresql://db/shop" } }, "postgres"],
    ["is the string's with -d", { request: { connection: "postgresql://db/admin", database: "shop" } }, "admin"],
    [
      "is postgres with -d and a URI without path",
      { request: { connection: "postgresql://db", database: "shop" } },
      "postgres",
    ],
    ["is the configured one with -d", { request: DB, file: { maintenance_database: "m" } }, "m"],
    ["is postgres with -d alone", { request: DB }, "postgres"],
  ];
  it.each(cases)("%s", async (_, sources, expected) => {
    expect((await resolve(sources)).maintenanceDatabase).toBe(expected);
  });

  it("[BX-13] is the configured one without -d as well", async () => {
    const { maintenanceDatabase } = await resolve({ file: { database: "shop", maintenance_database: "m" } });
    expect(maintenanceDatabase).toBe("m");
  });
});

describe("hosts", () => {
  const hosts = async (sources: Sources) =>
    (await resolve({ ...sources, request: { ...DB, ...sources.request } })).settings.hosts;

  it("[BX-07] may be a socket's directory, by flag, variable and string", async () => {
    const expected = [{ host: "/run/pg", port: 5433 }];
    expect(await hosts({ request: { host: "/run/pg", port: 5433 } })).toEqual(expected);
    expect(await hosts({ environment: { PGHOST: "/run/pg", PGPORT: "5433" } })).toEqual(expected);
    expect(await hosts({ request: { connection: "host=/run/pg port=5433" } })).toEqual(expected);
    expect(await hosts({ request: { connection: "postgresql://%2Frun%2Fpg:5433/" } })).toEqual(expected);
  });

  it("[BX-07] may not be an abstract socket, and says so", async () => {
    const error = await failure({ request: { ...DB, host: "@pg" } });
    expect(error.message).toContain("abstract");
  });

  it("[BX-08] may be an IPv6 address", async () => {
    expect(await hosts({ request: { host: "::1" } })).toEqual([{ host: "::1", port: 5432 }]);
    expect(await hosts({ request: { connection: "postgresql://[::1]:5433/" } })).toEqual([{ host: "::1", port: 5433 }]);
  });

  it("[BX-10] may be several, with one port for all or one each", async () => {
    expect(await hosts({ environment: { PGHOST: "a,b", PGPORT: "7" } })).toEqual([
      { host: "a", port: 7 },
      { host: "b", port: 7 },
    ]);
    expect(await hosts({ environment: { PGHOST: "a,b", PGPORT: "7,8" } })).toEqual([
      { host: "a", port: 7 },
      { host: "b", port: 8 },
    ]);
    expect(await failure({ request: DB, environment: { PGHOST: "a,b,c", PGPORT: "7,8" } })).toMatchObject({ exit: 10 });
  });

  it("may have a name for the certificate and an address to dial", async () => {
    expect(await hosts({ request: { connection: "host=db.example hostaddr=10.0.0.7" } })).toEqual([
      { host: "db.example", port: 5432, address: "10.0.0.7" },
    ]);
  });

  it("may not be an address in brackets, and the hint says so", async () => {
    const { parts } = await failure({ request: { ...DB, host: "[::1]" } });
    expect(parts.hint).toContain("without brackets");
  });

  it("may not be a directory below the current one, and the hint says what to write", async () => {
    const { parts } = await failure({ request: { ...DB, host: "./.pgkeep/run" } });
    expect(parts.hint).toContain("from the root on");
  });

  it.each(["a b", "user@db", "db/shop", "db?x"])("may not be %j", async (host) => {
    expect(await failure({ request: { ...DB, host } })).toMatchObject({ code: "CONFIG_VALUE_INVALID" });
  });
});

describe("[BX-10] a connection service", () => {
  const file = write(
    "service.conf",
    "# ours\n[prod]\nhost=db.prod\nport = 6432\nuser=app\ndbname=shop\npassword=fromservice\nsslmode=verify-full\n\n[other]\nhost=x\n",
  );

  it("supplies host, port, user, database, password and TLS mode by PGSERVICE", async () => {
    const resolved = await resolve({ environment: { PGSERVICE: "prod", PGSERVICEFILE: file } });
    expect(resolved.settings).toMatchObject({
      hosts: [{ host: "db.prod", port: 6432 }],
      user: "app",
      database: "shop",
      sslMode: "verify-full",
    });
    expect(await passwordOf(resolved)).toBe("fromservice");
    expect(resolved.origin.host).toBe(`service file ${file}`);
  });

  it("is named by a string as well, whose own values win, and wins over variables", async () => {
    const { settings } = await resolve({
      request: { connection: "service=prod user=me" },
      environment: { PGSERVICEFILE: file, PGHOST: "variable" },
    });
    expect(settings).toMatchObject({ user: "me", hosts: [{ host: "db.prod", port: 6432 }] });
  });

  it("supplies the database of a URI that has none", async () => {
    const resolved = await resolve({
      request: { connection: "postgresql://?service=prod" },
      environment: { PGSERVICEFILE: file, PGDATABASE: "variable" },
    });
    expect(resolved.database).toBe("shop");
  });

  it("is found in ~/.pg_service.conf", async () => {
    write("home/.pg_service.conf", "[s]\nhost=inhome\ndbname=d\n");
    const { settings } = await resolve({ environment: { PGSERVICE: "s", HOME: join(scratch, "home") } });
    expect(settings.hosts[0]?.host).toBe("inhome");
  });

  it("that does not exist is an error that names the near one", async () => {
    const error = await failure({ environment: { PGSERVICE: "prodd", PGSERVICEFILE: file } });
    expect(error).toMatchObject({ code: "CONFIG_VALUE_INVALID", parts: { hint: expect.stringContaining('"prod"') } });
  });

  it("[D-04] whose file is broken is an error that names the line and repeats nothing", async () => {
    const broken = write("broken.conf", "[prod]\nhost=a\nhunter2secret\n");
    const error = await failure({ environment: { PGSERVICE: "prod", PGSERVICEFILE: broken } });
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID", parts: { line: 3 } });
    expect(inspect(error, { depth: 5 })).not.toContain("hunter2");
  });

  it("does not mind lines of other services that only other programs understand, nor its own name twice", async () => {
    const mixed = write("mixed.conf", "[ldap]\nldap://x/dc=y\n[prod]\nhost=a\nhost=b\ndbname=d\n[prod]\nhost=c\n");
    const { settings } = await resolve({ environment: { PGSERVICE: "prod", PGSERVICEFILE: mixed } });
    expect(settings.hosts[0]?.host).toBe("a");
    const error = await failure({ environment: { PGSERVICE: "ldap", PGSERVICEFILE: mixed } });
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID", parts: { line: 2 } });
  });
});

describe("the password file", () => {
  const lines = [
    "# comment",
    "too:few:fields",
    "db:5432:shop:other:no",
    "d\\:b:*:*:app:with\\:colon\\\\",
    "db:*:shop:app:first",
    "db:*:*:app:second",
    "localhost:*:*:*:socket",
  ];
  const file = write("pgpass", lines.join("\n"));
  const password = async (request: ConnectionRequest, environment: Record<string, string> = { PGPASSFILE: file }) =>
    passwordOf(await resolve({ request: { username: "app", ...DB, ...request }, environment }));

  it("[CL-31] gives the first line that matches", async () => {
    expect(await password({ host: "db" })).toBe("first");
    expect(await password({ host: "db", database: "elsewhere" })).toBe("second");
    expect(await password({ host: "nowhere" })).toBeUndefined();
  });

  it("[CL-31] understands escaped colons and backslashes", async () => {
    expect(
      await passwordOf(
        await resolve({
          request: { connection: "host='d:b' user=app dbname=shop" },
          environment: { PGPASSFILE: file },
        }),
      ),
    ).toBe("with:colon\\");
  });

  it("[CL-31] matches localhost for the usual socket directories", async () => {
    expect(await password({ host: "/var/run/postgresql" })).toBe("socket");
    expect(await password({ host: "/elsewhere" })).toBeUndefined();
  });

  it("[CL-31] is ~/.pgpass when nobody names another", async () => {
    write("home2/.pgpass", "*:*:*:*:fromhome\n");
    expect(await password({}, { HOME: join(scratch, "home2") })).toBe("fromhome");
  });

  it("comes after PGPASSWORD", async () => {
    expect(await password({ host: "db" }, { PGPASSFILE: file, PGPASSWORD: "variable" })).toBe("variable");
  });

  it.each([0o640, 0o604, 0o644, 0o660])(
    "[BX-22] [T-07] is ignored with the chmod when its mode is %o",
    async (mode) => {
      const open = write(`pgpass-${mode}`, "*:*:*:*:leaky\n", mode);
      const warnings: string[] = [];
      const resolved = await resolve({
        request: DB,
        environment: { PGPASSFILE: open },
        warn: (message) => warnings.push(message),
      });
      expect(await passwordOf(resolved)).toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining(`chmod 0600 ${open}`)]);
      expect(resolved.warnings).toEqual(warnings);
    },
  );

  it("[BX-22] is ignored when it is a directory", async () => {
    const warnings: string[] = [];
    await resolve({ request: DB, environment: { PGPASSFILE: scratch }, warn: (message) => warnings.push(message) });
    expect(warnings).toEqual([expect.stringContaining("not a regular file")]);
  });
});

describe("TLS settings", () => {
  const tls = async (environment: Record<string, string>) => (await resolve({ request: DB, environment })).settings;

  it("sslrootcert=system means verify-full, and no weaker mode may be asked for", async () => {
    expect(await tls({ PGSSLROOTCERT: "system" })).toMatchObject({
      sslMode: "verify-full",
      tlsFiles: { rootCert: "system" },
    });
    expect(
      await failure({ request: DB, environment: { PGSSLROOTCERT: "system", PGSSLMODE: "require" } }),
    ).toMatchObject({
      code: "CONFIG_CONFLICT",
    });
  });

  it("uses the files in ~/.postgresql when they are there", async () => {
    for (const name of ["postgresql.crt", "postgresql.key", "root.crt", "root.crl"])
      write(`tlshome/.postgresql/${name}`, "x");
    const folder = join(scratch, "tlshome/.postgresql");
    expect((await tls({ HOME: join(scratch, "tlshome") })).tlsFiles).toMatchObject({
      cert: join(folder, "postgresql.crt"),
      key: join(folder, "postgresql.key"),
      rootCert: join(folder, "root.crt"),
      crl: join(folder, "root.crl"),
    });
  });

  it("looks for no file with sslmode disable, and for no client certificate with sslcertmode disable", async () => {
    const HOME = join(scratch, "tlshome");
    expect((await tls({ HOME, PGSSLMODE: "disable" })).tlsFiles).toEqual({});
    expect((await tls({ HOME, PGSSLCERTMODE: "disable" })).tlsFiles).toMatchObject({ cert: undefined, key: undefined });
  });

  it("direct negotiation needs a mode that cannot fall back", async () => {
    expect(await failure({ request: DB, environment: { PGSSLNEGOTIATION: "direct" } })).toMatchObject({
      code: "CONFIG_CONFLICT",
    });
    expect(await tls({ PGSSLNEGOTIATION: "direct", PGSSLMODE: "require" })).toMatchObject({ sslNegotiation: "direct" });
  });

  it("knows the versions of TLS, server name indication and the key's passphrase", async () => {
    const settings = await tls({ PGSSLMINPROTOCOLVERSION: "TLSv1.3", PGSSLSNI: "0", PGSSLPASSWORD: "key-pass" });
    expect(settings).toMatchObject({ tlsVersions: { min: "TLSv1.3" }, serverNameIndication: false });
    expect(settings.tlsKeyPassphrase?.expose()).toBe("key-pass");
  });

  it("[T-04] NODE_TLS_REJECT_UNAUTHORIZED is ignored with a warning", async () => {
    const warnings: string[] = [];
    await resolve({
      request: DB,
      environment: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
      warn: (message) => warnings.push(message),
    });
    expect(warnings).toEqual([expect.stringContaining("NODE_TLS_REJECT_UNAUTHORIZED")]);
  });
});

describe("cloud identities", () => {
  it.each([
    { azure: true, aws: true },
    { azure: true, googleInstance: "p:r:i" },
    { awsRegion: "eu", azureClientId: "c" },
  ])("exclude each other: %o", async (flags) => {
    expect(await failure({ request: { ...DB, ...flags } })).toMatchObject({ code: "CONFIG_CONFLICT", exit: 10 });
  });

  it("are enabled by auth_method of the file, with options from the file", async () => {
    const error = await failure({ request: DB, file: { auth_method: "aws" } });
    expect(error).toMatchObject({
      code: "CONNECT_AUTH_CONFIG",
      parts: { hint: expect.stringContaining("--aws-region") },
    });
  });

  it("need the region for AWS, from flag, variable or file", async () => {
    expect(await failure({ request: { ...DB, aws: true } })).toMatchObject({ code: "CONNECT_AUTH_CONFIG" });
  });

  it("[T-08] refuse a connection without TLS, before any token is asked for", async () => {
    const request = { ...DB, aws: true, awsRegion: "eu-west-1", host: "db", sslmode: "disable", username: "app" };
    expect(await failure({ request })).toMatchObject({ code: "CONNECT_AUTH_CONFIG" });
  });

  it("[T-08] make the token the password and TLS a must", async () => {
    const environment = {
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret-access-key",
      AWS_REGION: "eu-west-1",
    };
    const resolved = await resolve({ request: { ...DB, aws: true, host: "db", username: "app" }, environment });
    expect(resolved.settings.sslMode).toBe("require");
    expect(await passwordOf(resolved)).toMatch(/^db:5432\/\?.*X-Amz-Signature/);
    expect(resolved.origin.password).toContain("--aws");
    expect(inspect(resolved, { depth: 9 })).not.toContain("X-Amz-Signature");
  });
});

describe("the embedded server", () => {
  it("cannot be asked for together with another", async () => {
    expect(await failure({ request: { embedded: true, host: "db" } })).toMatchObject({ code: "CONFIG_CONFLICT" });
  });

  const asked = async (request: ConnectionRequest, environment = {}, file = {}) => {
    const { settings } = await resolve({ request: DB });
    const embedded = async () => ({ ...settings, database: "postgres" });
    const sources = { environment, workingDirectory: "/", fileSettings: fileSettings(file), embedded };
    return await resolveConnection({ ...request, embedded: true }, sources);
  };

  it.each([
    ["--azure", { azure: true }],
    ["--aws-region", { awsRegion: "eu-central-1" }],
    ["--sslrootcert", { sslrootcert: "ca.pem" }],
    ["--require-auth", { requireAuth: "none" }],
    ["--channel-binding", { channelBinding: "require" }],
  ])("does not leave %s unheeded", async (flag, request) => {
    await expect(asked(request)).rejects.toMatchObject({
      code: "CONFIG_CONFLICT",
      parts: { detail: expect.stringContaining(`a configuration file, was asked for together with ${flag}.`) },
    });
  });

  it("has the database that a variable names before that of a file, and says so", async () => {
    const file = { database: "from_file" };
    const variable = await asked({}, { PGDATABASE: "from_variable" }, file);
    expect(variable).toMatchObject({ database: "from_variable", origin: { database: "environment PGDATABASE" } });
    expect(variable.settings.database).toBe("from_variable");
    expect(await asked({}, {}, file)).toMatchObject({
      database: "from_file",
      origin: { database: "pgmi.yaml:database" },
    });
    expect(await asked({}, {}, {})).toMatchObject({ database: "postgres", origin: { database: "embedded server" } });
  });

  it("gives its own settings, with the database of -d", async () => {
    const { settings } = await resolve({ request: DB });
    const own = { ...settings, hosts: [{ host: "/embedded", port: 1 }], database: "postgres" };
    const resolved = await resolveConnection(
      { embedded: true, database: "shop" },
      { environment: {}, workingDirectory: "/", embedded: async () => own },
    );
    expect(resolved.settings).toEqual({ ...own, database: "shop" });
    expect(resolved.maintenanceDatabase).toBe("postgres");
  });
});
