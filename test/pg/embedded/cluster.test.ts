/** The clusters that all tests with a server rest on: each major, private settings, and nothing left behind. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { availableMajors, hasMajor, sharedCluster, startCluster } from "../../support/cluster.ts";
import { eventually, isRunning } from "../../support/processes.ts";

describe("a test cluster", () => {
  it("exists for every supported major that this machine can have", () => {
    expect(availableMajors()).toEqual(expect.arrayContaining([14, 16, 17, 18]));
    expect(hasMajor(15)).toBe(existsSync("/usr/lib/postgresql/15/bin/initdb"));
  });

  it.each(availableMajors())("runs PostgreSQL %i with TLS, its own settings and access rules", async (major) => {
    await using cluster = await startCluster({
      major,
      tls: true,
      settings: { log_statement: "all", wal_level: "logical" },
      hba: ["hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all all 127.0.0.1/32 reject"],
    });
    const tls = `host=localhost sslmode=verify-full sslrootcert=${cluster.caFile} channel_binding=require`;
    const asked = "select current_setting('server_version_num')::int / 10000, current_setting('wal_level')";
    expect(await cluster.psql(["-At", "-c", asked, tls])).toEqual({
      status: 0,
      stdout: `${major}|logical\n`,
      stderr: "",
    });
    const refused = await cluster.psql(["-c", "select 1", "sslmode=disable"]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/no encryption|SSL off/);
    expect(readFileSync(cluster.logFile, "utf8")).toContain(asked);
  });

  it("gives each file databases of its own on a shared cluster", async () => {
    const cluster = await sharedCluster();
    expect(await sharedCluster()).toBe(cluster);
    const [one, two] = [await cluster.createDatabase(), await cluster.createDatabase()];
    await cluster.sql("create table only_here (); create schema s", { database: one });
    expect(await cluster.sql("select to_regclass('only_here') as found", { database: two })).toEqual([{ found: null }]);
    await cluster.sql("create role app login password 'app-password'");
    const asApp = { user: "app", password: "app-password", database: one };
    expect(await cluster.sql("select current_user as me where $1 = 1", { ...asApp, values: [1] })).toEqual([
      { me: "app" },
    ]);
    expect((await cluster.psql(["-At"], { database: two, stdin: "select current_database()" })).stdout).toBe(
      `${two}\n`,
    );
  });

  it("leaves neither process nor file when stopped", async () => {
    const cluster = await startCluster();
    await cluster.stop();
    await cluster.stop();
    expect(isRunning(cluster.pid)).toBe(false);
    expect(await eventually(() => !existsSync(dirname(cluster.dataDir)))).toBe(true);
  });
});
