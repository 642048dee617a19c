/** The same words to libpq (through psql) and to us mean the same connection, or are refused by both. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import { resolveConnection } from "../../../src/pg/connect/resolve.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";

const QUESTION =
  "select session_user || ' ' || current_database() || ' ' || coalesce(host(inet_server_addr()), 'socket') || ' ' ||" +
  " current_setting('application_name') || ' ' || current_setting('work_mem') || ' ' || (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as answer";

let cluster: TestCluster;
const home = mkdtempSync(join(tmpdir(), "pgkeep-peer-"));

beforeAll(async () => {
  cluster = await startCluster({
    tls: true,
    settings: { listen_addresses: "127.0.0.1,::1" },
    hba: ["local all all trust", "host all all all scram-sha-256"],
  });
  await cluster.sql("create role \"we ird@:/\" login password 'p@:/ w?&#'; create role app login password 'secret'");
  await cluster.sql('create database "d b"');
  writeFileSync(join(home, ".pgpass"), `*:*:*:app:secret\n`, { mode: 0o600 });
  writeFileSync(
    join(home, ".pg_service.conf"),
    `[one]\nhost=127.0.0.1\nport=${cluster.port}\nuser=app\ndbname=postgres\n[two]\nhost=${cluster.socketDir}\nport=${cluster.port}\nuser=app\ndbname=d b\nsslmode=disable\noptions=-c work_mem=99kB\n`,
  );
});
afterAll(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true, force: true });
});

type Given = { string?: string; environment?: Record<string, string> };

/** "PORT" and "SOCKET" stand for those of the cluster. */
function fill(text: string): string {
  return text
    .replaceAll("PORT", String(cluster.port))
    .replaceAll("ENCODED", encodeURIComponent(cluster.socketDir))
    .replaceAll("SOCKET", cluster.socketDir);
}

function filled({ environment = {} }: Given): Record<string, string> {
  const entries = Object.entries(environment).map(([name, value]) => [name, fill(value)]);
  // psql would call itself psql; the role of the account must be the same for both.
  return { HOME: home, PGAPPNAME: "peer", USER: "app", ...Object.fromEntries(entries) };
}

function viaLibpq(given: Given): string {
  const words = given.string === undefined ? [] : ["-d", fill(given.string)];
  const result = spawnSync("psql", ["-X", "-w", "-At", "-c", QUESTION, ...words], {
    env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8", ...filled(given) },
    encoding: "utf8",
  });
  return result.status === 0 ? result.stdout.trim() : "refused";
}

async function viaUs(given: Given): Promise<string> {
  try {
    const request = given.string === undefined ? {} : { connection: fill(given.string) };
    const { settings } = await resolveConnection(request, { environment: filled(given), workingDirectory: home });
    await using db = await openSession(settings, { signal: AbortSignal.timeout(10_000), clock: systemClock });
    return (await db.query(QUESTION))[0]?.answer ?? "";
  } catch {
    return "refused";
  }
}

const CASES: Given[] = [
  { string: "postgresql://app@127.0.0.1:PORT/postgres" },
  { string: "postgres://app:secret@[::1]:PORT/postgres?sslmode=require" },
  { string: "postgresql://we%20ird%40%3A%2F:p%40%3A%2F%20w%3F%26%23@127.0.0.1:PORT/d%20b" },
  { string: "postgresql://app@ENCODED:PORT/d%20b" },
  { string: "postgresql:///postgres?host=SOCKET&port=PORT&user=app" },
  { string: "postgresql://app@127.0.0.1:1,127.0.0.1:PORT/postgres" },
  { string: "postgresql://127.0.0.1:PORT/postgres?user=app&password=secret" },
  { string: "postgresql://app:wrong@127.0.0.1:PORT/postgres" },
  { string: "postgresql://app@127.0.0.1:PORT/absent" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?options=-c%20work_mem%3D77kB" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?application_name=a%20b&connect_timeout=5" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?sslmode=verify-full" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?sslmode=bad" },
  { string: "postgresql://app@127.0.0.1:99999/postgres" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?channel_binding=require&sslmode=require" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?channel_binding=require&sslmode=disable" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?target_session_attrs=read-only" },
  { string: "postgresql://app@127.0.0.1:PORT/postgres?target_session_attrs=read-write" },
  { string: "host=127.0.0.1 port=PORT user=app dbname=postgres" },
  { string: "host=127.0.0.1 port=PORT user='we ird@:/' password='p@:/ w?&#' dbname='d b'" },
  { string: "host = 127.0.0.1 port = PORT user = app dbname = d\\ b" },
  { string: "host=db.invalid hostaddr=127.0.0.1 port=PORT user=app dbname=postgres" },
  { string: "host=127.0.0.1,SOCKET port=1,PORT user=app dbname=postgres" },
  { string: "host=127.0.0.1,SOCKET port=1,2,3 user=app dbname=postgres" },
  { string: "host=SOCKET port=PORT user=app dbname=postgres sslmode=verify-full" },
  { string: "service=one" },
  { string: "service=two" },
  { string: "service=one user=app dbname='d b' application_name=x" },
  { string: "service=none" },
  { string: "postgresql://?service=two" },
  { environment: { PGHOST: "127.0.0.1", PGPORT: "PORT", PGUSER: "app", PGDATABASE: "postgres" } },
  { environment: { PGHOST: "SOCKET", PGPORT: "PORT", PGUSER: "app", PGDATABASE: "d b" } },
  { environment: { PGHOST: "127.0.0.1", PGPORT: "PORT", PGUSER: "app", PGDATABASE: "postgres", PGPASSWORD: "wrong" } },
  {
    environment: {
      PGHOST: "127.0.0.1",
      PGPORT: "PORT",
      PGUSER: "app",
      PGDATABASE: "postgres",
      PGOPTIONS: "-c work_mem=88kB",
    },
  },
  {
    environment: {
      PGHOST: "127.0.0.1",
      PGPORT: "PORT",
      PGUSER: "app",
      PGDATABASE: "postgres",
      PGSSLMODE: "require",
      PGSSLMINPROTOCOLVERSION: "TLSv1.3",
    },
  },
  { environment: { PGSERVICE: "one", PGUSER: "postgres" } },
  { environment: { PGSERVICE: "one", PGHOST: "192.0.2.1" } },
  { environment: { PGHOST: "127.0.0.1", PGPORT: "x", PGUSER: "app", PGDATABASE: "postgres" } },
  {
    environment: {
      PGHOST: "127.0.0.1",
      PGPORT: "PORT",
      PGUSER: "app",
      PGDATABASE: "postgres",
      PGPASSFILE: "/nonexistent",
    },
  },
];

describe("[BX-07] [BX-08] [BX-09] [BX-10] a connection as libpq understands it", () => {
  it.each(CASES)("$string $environment", async (given) => {
    expect(await viaUs(given)).toBe(viaLibpq(given));
  });

  it("is compared on connections that work and on some that do not", () => {
    const answers = CASES.map(viaLibpq);
    expect(answers.filter((answer) => answer !== "refused").length).toBeGreaterThan(20);
    expect(answers.filter((answer) => answer === "refused").length).toBeGreaterThan(8);
  });
});
