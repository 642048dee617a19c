/** `pgkeep audit --probe` from end to end: what the flag adds, and what stands without it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import audit from "../../../src/operations/audit.run.ts";
import { startTlsServer, type TlsServer } from "../../support/audit/tls-server.ts";
import { issue } from "../../support/certificates.ts";
import { runOperation } from "../../support/operation.ts";

const ONLY = ["TLS-*", "NET-040", "NET-041", "NET-042", "NET-043"];
const directory = mkdtempSync(join(tmpdir(), "pgkeep-probe-"));
let server: TlsServer;

beforeAll(async () => {
  server = await startTlsServer({
    settings: { ssl_min_protocol_version: "TLSv1", ssl_ciphers: "ALL:@SECLEVEL=0", log_connections: "on" },
    hba: ["host all postgres all scram-sha-256", "host all all all trust"],
  });
  await server.serve(await issue({ commonName: "localhost", names: ["localhost"], days: -2, key: "RSA-2048" }));
});
afterAll(async () => {
  await server.cluster.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function run(input: Record<string, unknown>, sslmode = "prefer") {
  const before = readFileSync(server.cluster.logFile, "utf8").length;
  const { output } = await runOperation(
    audit,
    { connection: `${server.cluster.url()}?sslmode=${sslmode}`, only: ONLY, noRecord: true, ...input },
    { workingDirectory: directory, environment: { HOME: directory } },
  );
  const log = readFileSync(server.cluster.logFile, "utf8").slice(before);
  const failed = new Set(output.findings.map(({ check }) => check));
  return { output, failed, connections: log.split("connection received").length - 1 };
}

describe("audit --probe", () => {
  it("finds what only strangers see, and puts it in the place of what the settings say", async () => {
    const { failed, connections, output } = await run({ probe: true });
    for (const check of ["TLS-021", "TLS-023", "TLS-024", "TLS-031", "NET-040", "NET-041"]) {
      expect([...failed]).toContain(check);
    }
    for (const check of ["TLS-002", "TLS-004"]) expect([...failed]).not.toContain(check);
    expect(connections).toBeGreaterThan(50);
    expect(connections).toBeLessThan(310);
    expect(output.findings.find(({ check }) => check === "NET-041")).toMatchObject({
      object: "any role in plain text",
      severity: "high",
    });
    expect(JSON.stringify(output)).not.toContain(server.cluster.password);
  });

  it("tries other roles that can log in, because rules hold by name", async () => {
    await server.cluster.sql("create role let_in login");
    const { output } = await run({ probe: true, only: ["NET-041"] });
    expect(output.findings.map(({ object }) => object)).toContain("let_in in plain text");
    expect(output.findings.map(({ object }) => object)).not.toContain("postgres in plain text");
  });

  it("[U-09] is off by default: the settings stand, and the certificate of our own line", async () => {
    const { failed, connections } = await run({ thisDatabase: true });
    for (const check of ["TLS-002", "TLS-004", "TLS-024"]) expect([...failed]).toContain(check);
    for (const check of ["TLS-021", "TLS-031", "NET-041"]) expect([...failed]).not.toContain(check);
    expect(connections).toBe(1);
  });

  it("has no place to probe over a Unix socket, and says so", async () => {
    const { cluster } = server;
    writeFileSync(join(cluster.dataDir, "pg_hba.conf"), "local all all scram-sha-256\n");
    process.kill(cluster.pid, "SIGHUP");
    const socket = `postgresql://postgres:${cluster.password}@/postgres?host=${encodeURIComponent(cluster.socketDir)}&port=${cluster.port}`;
    await expect
      .poll(
        async () =>
          (await run({ connection: socket, probe: true, thisDatabase: true, listUnknown: true })).output.unknowns,
        { timeout: 10_000 },
      )
      .toContainEqual(
        expect.objectContaining({
          check: "TLS-021",
          reason: expect.stringContaining("this connection is a Unix socket"),
        }),
      );
  });
});

describe("audit of a configuration file", () => {
  it("judges what it says of TLS without a server", async () => {
    const conf = join(directory, "postgresql.conf");
    writeFileSync(conf, "ssl = off\nlisten_addresses = '*'\nssl_min_protocol_version = 'TLSv1'\nssl_ciphers = 'ALL'\n");
    const { output } = await runOperation(
      audit,
      { conf, only: ["TLS-*"], noRecord: true },
      { workingDirectory: directory, environment: { HOME: directory } },
    );
    const failed = output.findings.map(({ check, severity }) => [check, severity]);
    expect(failed).toContainEqual(["TLS-001", "high"]);
    expect(failed).toContainEqual(["TLS-002", "high"]);
    expect(failed).toContainEqual(["TLS-004", "medium"]);
  });
});
