/** Debian's mosquitto, with MQTT 5, TLS, a password file and sessions that outlive the client. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { awaitPort, lifecycle, makeDen, type TestBroker, writeCertificates } from "./broker.ts";

const PROGRAM = "/usr/sbin/mosquitto";

export const MOSQUITTO = { isThere: existsSync(PROGRAM), reason: "Debian package mosquitto is not installed" };

export interface MosquittoBroker extends TestBroker {
  /** The port without TLS. */
  plainPort: number;
}

/** `settings`: further lines of its configuration; `acl`: lines of the access list (default: everything). */
export async function startMosquitto(
  options: { settings?: string[]; acl?: string[]; requiresCertificate?: boolean } = {},
): Promise<MosquittoBroker> {
  const den = await makeDen("mosquitto");
  const files = await writeCertificates(den.directory);
  const [port, plainPort] = [await freePort(), await freePort()];
  const [user, password] = ["relay", `mqtt:/@ ${randomBytes(9).toString("base64url")}`];
  const at = (name: string) => join(den.directory, name);
  const made = spawnSync("/usr/bin/mosquitto_passwd", ["-b", "-c", at("passwords"), user, password], {
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`mosquitto_passwd: ${made.stderr}`);
  const rights = options.acl ?? ["topic readwrite #", "topic read $SYS/#"];
  await writeFile(at("acl"), `${[`user ${user}`, ...rights].join("\n")}\n`);
  const lines = [
    // It gives up root's rights otherwise, and then cannot read what only we may.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
    "per_listener_settings false",
    "allow_anonymous false",
    `password_file ${at("passwords")}`,
    `acl_file ${at("acl")}`,
    "persistence true",
    `persistence_location ${den.directory}/`,
    "autosave_interval 1",
    "autosave_on_changes true",
    "max_queued_messages 0",
    "max_inflight_messages 0",
    "log_type error",
    "log_type warning",
    ...(options.settings ?? []),
    `listener ${plainPort} 127.0.0.1`,
    `listener ${port} 127.0.0.1`,
    `cafile ${files.caFile}`,
    `certfile ${files.certificateFile}`,
    `keyfile ${files.keyFile}`,
    `require_certificate ${options.requiresCertificate === true}`,
  ];
  await writeFile(at("mosquitto.conf"), `${lines.join("\n")}\n`);
  const launch = async () => {
    const server = den.start("mosquitto", PROGRAM, ["-c", at("mosquitto.conf")]);
    await awaitPort(port, server);
    return server;
  };
  return {
    server: `mosquitto ${version()}`,
    host: "127.0.0.1",
    port,
    plainPort,
    user,
    password,
    authority: files.authority,
    ca: files.authority.pem,
    directory: den.directory,
    ...lifecycle({ den, launch, first: await launch() }),
  };
}

function version(): string {
  const help = spawnSync(PROGRAM, ["-h"], { encoding: "utf8" }).stdout;
  return /version ([\d.]+)/.exec(help)?.[1] ?? "of unknown version";
}
