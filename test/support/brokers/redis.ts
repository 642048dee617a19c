/** Debian's redis-server, which answers only after a write is on disk, so that what it confirmed outlives a kill. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { freePort } from "../free-port.ts";
import { awaitPort, lifecycle, makeDen, type TestBroker, writeCertificates } from "./broker.ts";

const PROGRAM = "/usr/bin/redis-server";

export const REDIS = { isThere: existsSync(PROGRAM), reason: "Debian package redis-server is not installed" };

export interface RedisBroker extends TestBroker {
  /** The port without TLS. */
  plainPort: number;
}

/** `settings`: further lines of its configuration. User "default" has the password; `tlsClients` asks for client certificates. */
export async function startRedis(
  options: { settings?: Record<string, string>; tlsClients?: "no" | "yes" } = {},
): Promise<RedisBroker> {
  const den = await makeDen("redis");
  const files = await writeCertificates(den.directory);
  const [port, plainPort] = [await freePort(), await freePort()];
  const password = `redis:/@ ${randomBytes(9).toString("base64url")}`;
  const settings: Record<string, string> = {
    port: String(plainPort),
    "tls-port": String(port),
    bind: "127.0.0.1",
    dir: den.directory,
    requirepass: password,
    "tls-ca-cert-file": files.caFile,
    "tls-cert-file": files.certificateFile,
    "tls-key-file": files.keyFile,
    "tls-auth-clients": options.tlsClients ?? "no",
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    daemonize: "no",
    ...options.settings,
  };
  const launch = async () => {
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const server = den.start("redis", PROGRAM, args);
    await awaitPort(port, server);
    return server;
  };
  return {
    server: `redis-server ${version()}`,
    host: "127.0.0.1",
    port,
    plainPort,
    user: "default",
    password,
    authority: files.authority,
    ca: files.authority.pem,
    directory: den.directory,
    ...lifecycle({ den, launch, first: await launch() }),
  };
}

function version(): string {
  return /v=([\d.]+)/.exec(spawnSync(PROGRAM, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "of unknown version";
}
