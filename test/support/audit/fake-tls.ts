/**
 * A server that speaks the beginning of SSL 3.0 to TLS 1.2 with whatever suites a test wants, as RFC 6101 and 5246 have it,
 * because no build of PostgreSQL at hand has RC4 or SSL 3.0 any more. And servers that break off, say nonsense, or say
 * nothing. Written on plain sockets, so that no code under test helps in testing itself.
 */
import { createServer, type Socket } from "node:net";

export interface FakeTls extends AsyncDisposable {
  port: number;
  /** Connections so far. */
  connections: number;
}

export interface FakeBehaviour {
  /** Answer to SSLRequest; default "S". */
  answer?: string | Buffer | undefined;
  /** Suites by version code, most wanted first. */
  suites?: Readonly<Record<number, readonly number[]>>;
  /** DER of a certificate. */
  certificate?: Buffer;
  /** Content of ServerKeyExchange by suite; none without. */
  keyExchange?: Readonly<Record<number, Buffer>>;
  /** What happens after a ClientHello instead of an answer by the RFC. */
  afterHello?: (socket: Socket, flight: Buffer) => void;
  /** What happens instead of an answer to SSLRequest. */
  onRequest?: (socket: Socket) => void;
  /** Answer to a startup packet; default: it hangs up. */
  startup?: (socket: Socket, packet: Buffer) => void;
}

export async function fakeTls(behaviour: FakeBehaviour): Promise<FakeTls> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = react(socket, Buffer.concat([received, chunk]), behaviour);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const SSL_REQUEST = 80_877_103;
const GSSENC_REQUEST = 80_877_104;

/** What is left of `bytes` after the answer to them. */
function react(socket: Socket, bytes: Buffer, behaviour: FakeBehaviour): Buffer {
  const none = Buffer.alloc(0);
  if (bytes.length >= 8 && bytes.readInt32BE(0) === 8) {
    const code = bytes.readInt32BE(4);
    if (code === GSSENC_REQUEST) socket.write("N");
    else if (code === SSL_REQUEST && behaviour.onRequest) behaviour.onRequest(socket);
    else if (code === SSL_REQUEST) socket.write(behaviour.answer ?? "S");
    return none;
  }
  if (bytes[0] === 22 && bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3)) {
    const flight = flightFor(bytes, behaviour);
    if (behaviour.afterHello) behaviour.afterHello(socket, flight);
    else socket.write(flight);
    return none;
  }
  if (bytes[0] === 0 && bytes.length >= 4 && bytes.length >= bytes.readInt32BE(0)) {
    if (behaviour.startup) behaviour.startup(socket, bytes);
    else socket.end();
    return none;
  }
  return bytes;
}

function flightFor(hello: Buffer, { suites = {}, certificate, keyExchange = {} }: FakeBehaviour): Buffer {
  const version = hello.readUInt16BE(9);
  const sessionBytes = hello[43] ?? 0;
  const suitesAt = 44 + sessionBytes;
  const offered = new Set<number>();
  for (let at = suitesAt + 2; at < suitesAt + 2 + hello.readUInt16BE(suitesAt); at += 2)
    offered.add(hello.readUInt16BE(at));
  const wanted = suites[version];
  if (wanted === undefined) return alert(70);
  const chosen = wanted.find((suite) => offered.has(suite));
  if (chosen === undefined) return alert(40);
  const exchange = keyExchange[chosen];
  return record(version, [
    message(
      2,
      Buffer.concat([uint16(version), Buffer.alloc(32, 7), Buffer.from([0]), uint16(chosen), Buffer.from([0])]),
    ),
    ...(certificate === undefined ? [] : [message(11, list(list(certificate)))]),
    ...(exchange === undefined ? [] : [message(12, exchange)]),
    message(14, Buffer.alloc(0)),
  ]);
}

export function alert(description: number, level = 2): Buffer {
  return Buffer.from([21, 3, 1, 0, 2, level, description]);
}

export function record(version: number, messages: readonly Buffer[]): Buffer {
  const body = Buffer.concat(messages);
  return Buffer.concat([Buffer.from([22]), uint16(version), uint16(body.length), body]);
}

function message(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 0]), uint16(body.length), body]);
}

/** With three bytes of length before it. */
function list(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), uint16(content.length), content]);
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

/** One message of the server outside TLS: "R" with a code and what follows. */
export function serverMessage(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export function authentication(code: number, rest = ""): Buffer {
  const body = Buffer.alloc(4);
  body.writeInt32BE(code);
  return serverMessage("R", Buffer.concat([body, Buffer.from(rest, "latin1")]));
}

/** An error with this SQLSTATE. */
export function failure(state: string): Buffer {
  return serverMessage("E", Buffer.from(`SFATAL\0C${state}\0Mno\0\0`, "latin1"));
}
