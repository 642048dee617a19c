/**
 * Debian's rabbitmq-server as a node of its own: own name, own cookie, own epmd on an own port. Starting takes six seconds:
 * one per test file.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { awaitPort, lifecycle, makeDen, type TestBroker, writeCertificates } from "./broker.ts";

const PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/** After a SIGKILL it was once seen to come back without a queue that a client had declared: 404, so it is started again. */
const RESTARTS = 3;

export const RABBITMQ = { isThere: existsSync(PROGRAM), reason: "Debian package rabbitmq-server is not installed" };

export interface RabbitmqBroker extends TestBroker {
  /** The port without TLS. */
  plainPort: number;
  /** rabbitmqctl on this node; what it printed. */
  control(...args: string[]): string;
  /** Writes queues and exchanges to disk, and has `restart` see to it that the queues came back. */
  keepDefinitions(): void;
}

/** `settings`: further lines of rabbitmq.conf. */
export async function startRabbitmq(options: { settings?: string[] } = {}): Promise<RabbitmqBroker> {
  const den = await makeDen("rabbitmq");
  const files = await writeCertificates(den.directory);
  const [port, plainPort, epmdPort, distributionPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const [user, password] = ["relay", `rabbit:/@ ${randomBytes(9).toString("base64url")}`];
  const at = (name: string) => join(den.directory, name);
  for (const name of ["mnesia", "log"]) await mkdir(at(name));
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${plainPort}`,
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${files.caFile}`,
    `ssl_options.certfile = ${files.certificateFile}`,
    `ssl_options.keyfile = ${files.keyFile}`,
    "ssl_options.verify = verify_peer",
    "ssl_options.fail_if_no_peer_cert = false",
    `default_user = ${user}`,
    `default_pass = ${password}`,
    "loopback_users = none",
    "log.file.level = warning",
    "log.console = false",
    ...(options.settings ?? []),
  ];
  await writeFile(at("rabbitmq.conf"), `${lines.join("\n")}\n`);
  await writeFile(at("enabled_plugins"), "[].\n");
  await writeFile(at(".erlang.cookie"), randomBytes(15).toString("hex"), { mode: 0o400 });
  const epmd = den.start("epmd", epmdProgram(), ["-port", String(epmdPort), "-address", "127.0.0.1"]);
  await awaitPort(epmdPort, epmd);
  const env = {
    RABBITMQ_NODENAME: `pgkeep${plainPort}@localhost`,
    RABBITMQ_MNESIA_BASE: at("mnesia"),
    RABBITMQ_LOG_BASE: at("log"),
    RABBITMQ_CONFIG_FILE: at("rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: at("enabled_plugins"),
    RABBITMQ_PID_FILE: at("pid"),
    RABBITMQ_DIST_PORT: String(distributionPort),
    ERL_EPMD_PORT: String(epmdPort),
    // The start script then becomes the server, so that its process is ours to signal.
    RUNNING_UNDER_SYSTEMD: "true",
    // Two schedulers, not a tenth of a second of busy waiting in each: other servers share this machine.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
  };
  const launch = async () => {
    const server = den.start("rabbitmq", PROGRAM, [], env);
    await awaitPort(port, server, 60_000);
    return server;
  };
  const life = lifecycle({ den, launch, first: await launch() });
  const control = (...args: string[]): string => {
    const environment = { PATH: process.env.PATH, HOME: den.directory, LC_ALL: "C.UTF-8", ...env };
    const { status, stdout, stderr } = spawnSync(CONTROL, ["-q", ...args], { encoding: "utf8", env: environment });
    if (status !== 0) throw new Error(`rabbitmqctl ${args[0]}: ${stderr}`);
    return stdout;
  };
  const queues = () => control("list_queues", "--silent", "name").split("\n").filter(Boolean);
  let kept: string[] = [];
  const restart = async (): Promise<void> => {
    await life.restart();
    for (let times = 1; kept.length > 0; times++) {
      const there = new Set(queues());
      const missing = kept.filter((name) => !there.has(name));
      if (missing.length === 0) return;
      if (times === RESTARTS) throw new Error(`RabbitMQ came back without what it had on disk: ${missing.join(" ")}`);
      await life.kill();
      await life.restart();
    }
  };
  const stop = async (): Promise<void> => {
    await epmd.end("SIGKILL");
    await life.stop();
  };
  return {
    server: `rabbitmq-server ${version()}`,
    host: "127.0.0.1",
    port,
    plainPort,
    user,
    password,
    authority: files.authority,
    ca: files.authority.pem,
    directory: den.directory,
    control,
    keepDefinitions: () => {
      control("eval", "mnesia:sync_log().");
      kept = queues();
    },
    ...life,
    restart,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Erlang's own directory carries its version. */
function epmdProgram(): string {
  const erlang = "/usr/lib/erlang";
  const runtime = readdirSync(erlang).find((name) => name.startsWith("erts-"));
  if (runtime === undefined) throw new Error("Erlang's epmd is not installed");
  return join(erlang, runtime, "bin/epmd");
}

function version(): string {
  const installed = spawnSync("/usr/bin/dpkg-query", ["-W", "-f", "${Version}", "rabbitmq-server"], {
    encoding: "utf8",
  }).stdout;
  return /^[\d.]+/.exec(installed)?.[0] ?? "of unknown version";
}
