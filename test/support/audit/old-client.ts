/** A client with an old TLS library: a session that this machine's own would never agree on. Needs a role under trust. */
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type SecureVersion } from "node:tls";

export interface OldSession extends AsyncDisposable {
  protocol: string;
}

export async function oldSession(
  target: { host: string; port: number },
  maxVersion: SecureVersion,
): Promise<OldSession> {
  const plain = connectSocket(target.port, target.host);
  await event(plain, "connect");
  plain.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
  await event(plain, "data");
  const secure = { rejectUnauthorized: false, minVersion: "TLSv1" as const, maxVersion, ciphers: "ALL:@SECLEVEL=0" };
  const tls = connectTls({ socket: plain, ...secure });
  await event(tls, "secureConnect");
  tls.write(startup({ user: "old_client", database: "postgres" }));
  await new Promise<void>((resolve, reject) => {
    let received = "";
    tls.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (received.includes("Z\0\0\0\u0005I")) resolve();
    });
    tls.once("close", () => reject(new Error(`no session: ${received}`)));
  });
  const protocol = tls.getProtocol() ?? "";
  return {
    protocol,
    async [Symbol.asyncDispose]() {
      tls.destroy();
    },
  };
}

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(`${Object.entries(parameters).flat().join("\0")}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

function event(socket: Socket, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, () => resolve());
    socket.once("error", reject);
  });
}
