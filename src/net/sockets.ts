/**
 * Sockets to brokers whose clients take a socket of ours: every address passes the policy, every TLS peer is verified.
 *
 * A client dials what its configuration names and also what a broker advertises later. Both come through `dial`, so
 * there is one place that checks the spelling of a host, and one `lookup` that checks what its name resolves to at the
 * moment of dialling. TLS is never unverified here: who wants no TLS says so in the scheme and is asked by the caller.
 */
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { AddressPolicy } from "./address-policy.ts";

export type { Socket };

export interface Peer {
  host: string;
  port: number;
}

/** PEM texts. Without `ca` the authorities that Node trusts count. */
export interface Trust {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** 60 s: below the idle limits of common load balancers. */
const KEEP_ALIVE_MS = 60_000;

/** Starts to dial. Throws AddressRefusal for a literal that may not be dialled; a refused name is the socket's error. */
export function dial(peer: Peer, addresses: AddressPolicy): Socket {
  addresses.checkHost(peer.host, peer.port);
  const socket = connect({ host: peer.host, port: peer.port, lookup: addresses.lookup });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** As `dial`, with TLS as the first thing said. */
export function dialTls(peer: Peer, trust: Trust, addresses: AddressPolicy): TLSSocket {
  addresses.checkHost(peer.host, peer.port);
  const socket = connectTls({ ...verified(peer, trust), port: peer.port, lookup: addresses.lookup });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** TLS over a connection that has begun in the clear. Resolves when the peer is verified. */
export function upgrade(socket: Socket, peer: Peer, trust: Trust): Promise<TLSSocket> {
  return opened(connectTls({ ...verified(peer, trust), socket }), "secureConnect");
}

/** Resolves when `socket` says `event`; rejects when it fails or ends before. */
export function opened<S extends Socket>(socket: S, event: "connect" | "secureConnect"): Promise<S> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => finish(() => reject(error));
    const onClose = () => finish(() => reject(new Error("the connection was closed while it was being made")));
    const onOpen = () => finish(() => resolve(socket));
    const finish = (settle: () => void) => {
      socket.off("error", onError).off("close", onClose).off(event, onOpen);
      settle();
    };
    socket.once("error", onError).once("close", onClose).once(event, onOpen);
  });
}

/** The peer's name is checked against its certificate; an address too, which cannot be sent as a server name. */
function verified({ host }: Peer, { ca, cert, key }: Trust): ConnectionOptions {
  return {
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
  };
}
