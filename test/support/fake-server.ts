/**
 * Servers on loopback that speak just enough of the protocol to misbehave in one way.
 *
 * A script gets each connection's socket and the bytes it received; everything else is plain sockets, so that no code
 * under test helps in testing itself.
 */
import { createServer, type Socket } from "node:net";

export interface FakeServer extends AsyncDisposable {
  port: number;
  /** Everything each connection has sent, in order of connection. */
  received: Buffer[];
}

/** `talk` runs once per connection. `next` resolves with the next chunk that arrives. */
export type Talk = (io: { socket: Socket; next: () => Promise<Buffer>; connection: number }) => Promise<void>;

export async function fakeServer(talk: Talk): Promise<FakeServer> {
  const received: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = received.push(Buffer.alloc(0)) - 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    const chunks: Buffer[] = [];
    let wake: (() => void) | undefined;
    socket.on("data", (chunk: Buffer) => {
      received[connection] = Buffer.concat([received[connection] ?? Buffer.alloc(0), chunk]);
      chunks.push(chunk);
      wake?.();
    });
    const next = async (): Promise<Buffer> => {
      while (chunks.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return chunks.shift() ?? Buffer.alloc(0);
    };
    void talk({ socket, next, connection }).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One message of the server. */
export function message(type: string, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(5);
  header.write(type, "latin1");
  header.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([header, bytes]);
}

const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};

/** An authentication message with its code. */
export const auth = (code: number, body: Buffer | string = ""): Buffer =>
  message("R", Buffer.concat([int32(code), Buffer.from(body)]));

export const AUTH_OK = auth(0);
export const ASK_CLEARTEXT = auth(3);
export const askMd5 = (): Buffer => auth(5, Buffer.from([1, 2, 3, 4]));
export const askScram = (...mechanisms: string[]): Buffer => auth(10, `${mechanisms.join("\0")}\0\0`);

export const serverError = (sqlstate: string, text: string): Buffer =>
  message("E", `SFATAL\0VFATAL\0C${sqlstate}\0M${text}\0\0`);

/** What a server says once it has accepted somebody, up to "ready for query". */
export const WELCOME = Buffer.concat([
  AUTH_OK,
  message("S", "server_version\x0015.4\0"),
  message("K", Buffer.concat([int32(4711), int32(99)])),
  message("Z", "I"),
]);

/** Answers each simple query with "done", as many times as it sees one. */
export async function answerQueries(socket: Socket, next: () => Promise<Buffer>): Promise<void> {
  while (true) {
    const chunk = await next();
    let offset = 0;
    while (offset < chunk.length) {
      if (chunk[offset] === 0x51) socket.write(Buffer.concat([message("C", "SET\0"), message("Z", "I")]));
      offset += 1 + chunk.readInt32BE(offset + 1);
    }
  }
}
