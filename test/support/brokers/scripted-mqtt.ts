/**
 * An MQTT 5 broker that does what a test tells it: answers with any reason code, counts what is on its way, ends connections.
 * For what mosquitto never does. It knows CONNECT, PUBLISH (qos 1) and PINGREQ.
 */
import { createServer, type Socket } from "node:net";

export interface ScriptedBroker extends AsyncDisposable {
  port: number;
  /** Most messages that were not acknowledged at the same time. */
  mostInFlight(): number;
}

export interface Script {
  /** What it grants in its CONNACK. */
  receiveMaximum?: number;
  /** Reason code of the CONNACK; default success. */
  connectReason?: number;
  /** Reason code for a message; "disconnect <code>" ends the connection with that one. Default 0. */
  answer?(topic: string): number | { disconnect: number };
}

const [CONNECT, PUBLISH, PINGREQ] = [1, 3, 12];
/** 30 ms: long enough for a client to send all it dares. */
const ACKNOWLEDGE_AFTER_MS = 30;

export async function startScriptedMqtt(script: Script = {}): Promise<ScriptedBroker> {
  let most = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    let waiting: { id: number; topic: string }[] = [];
    const acknowledge = () => {
      for (const { id, topic } of waiting.splice(0)) {
        const answer = script.answer?.(topic) ?? 0;
        if (typeof answer !== "number") return socket.end(Buffer.from([0xe0, 2, answer.disconnect, 0]));
        socket.write(Buffer.from([0x40, 3, id >> 8, id & 0xff, answer]));
      }
      return undefined;
    };
    const handle = (type: number, body: Buffer) => {
      if (type === CONNECT) socket.write(connack(script));
      if (type === PINGREQ) socket.write(Buffer.from([0xd0, 0]));
      if (type !== PUBLISH) return;
      const length = body.readUInt16BE(0);
      if (waiting.length === 0) setTimeout(acknowledge, ACKNOWLEDGE_AFTER_MS);
      waiting = [...waiting, { id: body.readUInt16BE(2 + length), topic: body.toString("utf8", 2, 2 + length) }];
      most = Math.max(most, waiting.length);
    };
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let packet = first(received); packet; packet = first(received)) {
        received = received.subarray(packet.size);
        handle(packet.type, packet.body);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    mostInFlight: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connack({ connectReason = 0, receiveMaximum }: Script): Buffer {
  const properties = receiveMaximum === undefined ? [] : [0x21, receiveMaximum >> 8, receiveMaximum & 0xff];
  return Buffer.from([0x20, 3 + properties.length, 0, connectReason, properties.length, ...properties]);
}

/** The first whole packet in `bytes` (MQTT 5, 2.1). */
function first(bytes: Buffer): { type: number; body: Buffer; size: number } | undefined {
  let length = 0;
  for (let at = 1; at < bytes.length && at <= 4; at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte >= 0x80) continue;
    const size = at + 1 + length;
    if (bytes.length < size) return undefined;
    return { type: (bytes[0] ?? 0) >> 4, body: bytes.subarray(at + 1, size), size };
  }
  return undefined;
}
