/** Debian's nats-server with JetStream, TLS and users: one port with TLS, one without, over the same streams. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import type { Issued } from "../certificates.ts";
import { freePort } from "../free-port.ts";
import type { Listener } from "../listener.ts";
import { awaitPort, lifecycle, makeDen, type TestBroker, writeCertificates } from "./broker.ts";

const PROGRAM = "/usr/sbin/nats-server";

export const NATS = { isThere: existsSync(PROGRAM), reason: "Debian package nats-server is not installed" };

export type NatsBroker = TestBroker;

export interface NatsOptions {
  /** Replaces `authorization`; by default one user, "relay", with a password. */
  authorization?: (password: string) => string;
  /** Lines of the configuration's `tls` block beside certificate and key. */
  tls?: string;
  /** No TLS at all. */
  isPlain?: boolean;
  isWithoutJetstream?: boolean;
  /** Further lines. */
  settings?: string;
}

/** 2 MiB: messages of one MiB and their headers pass. */
const MAX_PAYLOAD = 2 ** 21;

export async function startNats(options: NatsOptions = {}): Promise<NatsBroker> {
  const den = await makeDen("nats");
  const files = await writeCertificates(den.directory);
  const port = await freePort();
  const password = `nats:/@ ${randomBytes(9).toString("base64url")}`;
  const authorization =
    options.authorization ?? ((secret: string) => `authorization { user: relay, password: ${JSON.stringify(secret)} }`);
  const tls = `tls { cert_file: "${files.certificateFile}", key_file: "${files.keyFile}", ca_file: "${files.caFile}"
    timeout: 5, ${options.tls ?? ""} }`;
  const configuration = join(den.directory, "nats.conf");
  await writeFile(
    configuration,
    `listen: "127.0.0.1:${port}"
     max_payload: ${MAX_PAYLOAD}
     ${options.isWithoutJetstream ? "" : `jetstream { store_dir: "${den.directory}/streams" }`}
     ${options.isPlain ? "" : tls}
     ${authorization(password)}
     ${options.settings ?? ""}
    `,
  );
  const launch = async () => {
    const server = den.start("nats", PROGRAM, ["-c", configuration]);
    await awaitPort(port, server);
    return server;
  };
  return {
    server: `nats-server ${version()}`,
    host: "127.0.0.1",
    port,
    user: "relay",
    password,
    authority: files.authority,
    ca: files.authority.pem,
    directory: den.directory,
    ...lifecycle({ den, launch, first: await launch() }),
  };
}

/** Greets as NATS does, asks for TLS and shows `certificate`. */
export async function startNatsImpostor(certificate: Issued, greeting: object = {}): Promise<Listener> {
  let accepted = 0;
  const sockets = new Set<import("node:net").Socket>();
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    const info = {
      server_id: "x",
      version: "2.9.10",
      proto: 1,
      max_payload: 1_048_576,
      tls_required: true,
      ...greeting,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    const encrypted = new TLSSocket(socket, {
      isServer: true,
      cert: certificate.certificate,
      key: certificate.key,
    });
    encrypted.on("error", () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    host: "127.0.0.1",
    port: address.port,
    accepted: () => accepted,
    open: () => sockets.size,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function version(): string {
  const { stdout, stderr } = spawnSync(PROGRAM, ["--version"], { encoding: "utf8" });
  return /v([\d.]+)/.exec(`${stdout}${stderr}`)?.[1] ?? "of unknown version";
}
