/** A network between a client and its server that misbehaves as networks do: it loses nothing of a connection that lives on. */
import { connect, createServer, type Socket } from "node:net";

export interface RoughLink extends AsyncDisposable {
  host: string;
  port: number;
  /** Both ends are told that their connections are gone; new ones are refused until `heal`. */
  cut(): void;
  /** Nothing passes and nobody is told, until `heal`: then everything arrives, late. */
  blackHole(): void;
  /** The server's ends are closed, the client's stay open and silent for good. New connections work. */
  loseServer(): void;
  /** The client's ends are closed, the server's stay open and silent until `heal`. New connections work. */
  loseClient(): void;
  heal(): void;
}

interface Pair {
  client: Socket;
  /** undefined: nobody was asked yet. */
  upstream: Socket | undefined;
  /** Its ends no longer belong together. */
  isTorn: boolean;
}

export async function startRoughLink(target: { host: string; port: number }): Promise<RoughLink> {
  const pairs = new Set<Pair>();
  let state: "open" | "cut" | "silent" = "open";
  const endBoth = (pair: Pair) => {
    pair.client.destroy();
    pair.upstream?.destroy();
    pairs.delete(pair);
  };
  const join = (pair: Pair) => {
    const upstream = connect(target);
    pair.upstream = upstream;
    pass(pair.client, upstream);
    pass(upstream, pair.client);
    for (const side of [pair.client, upstream]) {
      side
        .on("error", () => undefined)
        .on("close", () => {
          if (!pair.isTorn) endBoth(pair);
        });
    }
  };
  const server = createServer((client) => {
    client.on("error", () => undefined);
    if (state === "cut") return void client.destroy();
    const pair: Pair = { client, upstream: undefined, isTorn: false };
    pairs.add(pair);
    if (state === "open") join(pair);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const tear = (end: "client" | "upstream") => {
    for (const pair of pairs) {
      pair.isTorn = true;
      pair[end]?.destroy();
      (end === "client" ? pair.upstream : pair.client)?.pause();
    }
  };
  return {
    host: "127.0.0.1",
    port: address.port,
    cut: () => {
      state = "cut";
      for (const pair of pairs) endBoth(pair);
    },
    blackHole: () => {
      state = "silent";
      for (const { client, upstream } of pairs) {
        client.pause();
        upstream?.pause();
      }
    },
    loseServer: () => tear("upstream"),
    loseClient: () => tear("client"),
    heal: () => {
      state = "open";
      for (const pair of [...pairs]) {
        if (pair.isTorn && pair.client.destroyed) endBoth(pair);
        else if (!pair.isTorn && pair.upstream === undefined) join(pair);
        else if (!pair.isTorn) {
          pair.client.resume();
          pair.upstream?.resume();
        }
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const pair of pairs) endBoth(pair);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pass(from: Socket, to: Socket): void {
  from.on("data", (chunk) => {
    if (!to.destroyed) to.write(chunk);
  });
  from.on("end", () => to.end());
}
