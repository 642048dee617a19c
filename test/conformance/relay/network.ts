/**
 * What stands between a connector and its server in tests, or in the server's place: a proxy that counts and cuts, and
 * servers that are silent, talk nonsense or show a wrong certificate.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Issued } from "../../support/certificates.ts";
import type { Listener } from "../../support/listener.ts";

export interface TestProxy extends Listener {
  /** Cuts all connections after so many more bytes have gone to the server, and refuses new ones until `heal`. */
  cutAfter(bytes: number): void;
  /** Passes nothing on any more, in either direction, and closes nothing: a black hole. */
  freeze(): void;
  /** From now on connections work again; old ones stay as they are. */
  heal(): void;
}

/** Passes bytes to the server at `target` until told otherwise. */
export async function startProxy(target: { host: string; port: number }): Promise<TestProxy> {
  let budget = Number.POSITIVE_INFINITY;
  let isCut = false;
  let isFrozen = false;
  const cutAll = () => {
    isCut = true;
    for (const socket of listener.sockets) socket.destroy();
  };
  const listener = await listen((socket) => {
    if (isCut) return socket.destroy();
    const upstream = connect({ host: target.host, port: target.port });
    const end = () => {
      socket.destroy();
      upstream.destroy();
    };
    for (const side of [socket, upstream]) side.on("error", end).on("close", end);
    socket.on("data", (chunk) => {
      if (isFrozen) return;
      upstream.write(chunk.subarray(0, Math.max(0, budget)));
      budget -= chunk.length;
      if (budget <= 0) setImmediate(cutAll);
    });
    upstream.on("data", (chunk) => {
      if (!isFrozen) socket.write(chunk);
    });
    return undefined;
  });
  return {
    ...listener.handle,
    cutAfter: (bytes) => {
      budget = bytes;
    },
    freeze: () => {
      isFrozen = true;
    },
    heal: () => {
      budget = Number.POSITIVE_INFINITY;
      isCut = false;
      isFrozen = false;
    },
  };
}

/** Accepts and never says a word. */
export async function startSilentServer(): Promise<Listener> {
  const { handle } = await listen((socket) => socket.resume());
  return handle;
}

/** Answers whatever it is sent, and whoever says nothing, with bytes of no protocol. */
export async function startGarbageServer(): Promise<Listener> {
  const nonsense = Buffer.from("\u0000\u0001garbage \u001b[31m{]}\r\n".repeat(40));
  const { handle } = await listen((socket) => {
    socket.write(nonsense);
    socket.on("data", () => socket.write(nonsense));
  });
  return handle;
}

/** Does the TLS handshake with `certificate`, says nothing after it, and counts what it hears. */
export async function startImpostor(certificate: Issued): Promise<Listener> {
  let heard = 0;
  const server = createTlsServer({ cert: certificate.certificate, key: certificate.key }, (socket) => {
    socket
      .on("error", () => {})
      .on("data", (chunk) => {
        heard += chunk.length;
      });
  });
  server.on("tlsClientError", () => {});
  const { handle } = await listen(() => {}, server);
  return { ...handle, heard: () => heard };
}

interface Listening {
  handle: Listener;
  sockets: Set<Socket>;
}

async function listen(onConnection: (socket: Socket) => unknown, server: Server = createServer()): Promise<Listening> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const handle = {
    host: "127.0.0.1",
    port: address.port,
    accepted: () => accepted,
    open: () => sockets.size,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return { handle, sockets };
}
