/** The built program deploys with a cloud identity over a real TLS connection, and shows the token nowhere. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { pgkeep } from "../../support/pgkeep.ts";
import { temporaryDirectory } from "../../support/project.ts";
import { startProvider } from "./identity-provider.ts";

const TOKEN = "eyJ0b2tlbiI6ImNhbmFyeSJ9.as-a-password";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ tls: true, settings: { log_statement: "all", log_connections: "on" } });
  await cluster.sql(`create role app login createdb password '${TOKEN}'`);
});
afterAll(() => cluster?.stop());

const project = () =>
  temporaryDirectory({
    "deploy.sql":
      "create table made_by_cloud as select current_user as who, ssl from pg_stat_ssl where pid = pg_backend_pid();\n",
  });

describe("deploy with a cloud identity", () => {
  it.each([
    ["by flag", ["--azure"], {}, undefined],
    ["by the project's file", [], {}, "connection:\n  auth_method: azure\n"],
  ])("[T-08] chosen %s", async (name, flags, variables, configuration) => {
    const expiresOn = String(Math.floor(Date.now() / 1000) + 3600);
    await using provider = await startProvider(() => ({ body: { access_token: TOKEN, expires_on: expiresOn } }));
    using files = temporaryDirectory({
      "deploy.sql":
        "create table made_by_cloud as select current_user as who, ssl from pg_stat_ssl where pid = pg_backend_pid();\n",
      ...(configuration && { "pgmi.yaml": configuration }),
    });
    const database = `cloud ${name}`;
    const words = ["deploy", files.path, "-h", "localhost", "-p", String(cluster.port), "-U", "app", "-d", database];
    const tls = ["--sslmode", "verify-full", "--sslrootcert", cluster.caFile ?? ""];
    const finished = await pgkeep([...words, ...tls, ...flags, "-v"], {
      env: { IDENTITY_ENDPOINT: `${provider.origin}/token`, IDENTITY_HEADER: "header-canary", ...variables },
    });
    expect(finished.stderr).toContain(`Database "${database}" does not exist; creating`);
    expect(finished.status).toBe(0);
    expect(await cluster.sql("select who, ssl from made_by_cloud", { database })).toEqual([{ who: "app", ssl: true }]);
    expect(finished.stdout + finished.stderr).not.toMatch(/eyJ0b2tlbiI|header-canary/);
    // The positive control: the log is the one that the deploy wrote into.
    const log = readFileSync(cluster.logFile, "utf8");
    expect(log).toContain("made_by_cloud");
    expect(provider.requests.length).toBeGreaterThan(0);
  });

  it("[T-08] refuses to go without TLS, and asks for no token", async () => {
    await using provider = await startProvider(() => ({ body: {} }));
    using files = project();
    const words = ["deploy", files.path, "-h", "localhost", "-p", String(cluster.port), "-U", "app", "-d", "postgres"];
    const { status, stderr } = await pgkeep([...words, "--sslmode", "disable", "--azure"], {
      env: { IDENTITY_ENDPOINT: `${provider.origin}/token`, IDENTITY_HEADER: "x" },
    });
    expect(status).toBe(10);
    expect(stderr).toContain("CODE: CONNECT_AUTH_CONFIG");
    expect(provider.requests).toEqual([]);
  });

  it("reports a refusal of the identity provider as a failed connection", async () => {
    await using provider = await startProvider(() => ({ status: 403, body: { error: `no ${TOKEN}` } }));
    using files = project();
    const words = ["deploy", files.path, "-h", "localhost", "-p", String(cluster.port), "-U", "app", "-d", "postgres"];
    const { status, stderr } = await pgkeep([...words, "--azure"], {
      env: { IDENTITY_ENDPOINT: `${provider.origin}/token`, IDENTITY_HEADER: "x" },
    });
    expect(status).toBe(11);
    expect(stderr).toContain("CODE: CONNECT_TOKEN_FAILED");
    expect(stderr).not.toContain("eyJ0b2tlbiI");
  });
});
