/**
 * Listeners that several pipelines share: one HTTP server per address, one route per path, closed when the last route
 * has gone.
 *
 * A path that was released while others go on is answered with 503 and not 404: a pipeline that starts again is back in
 * a moment, and senders take 404 for an endpoint that does not exist any more.
 */
import { createHash } from "node:crypto";
import { PgkeepError } from "../base/errors.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { type HttpServerTls, hostAndPort } from "./http-listen.ts";
import type { RequestHead } from "./http-request.ts";
import { type BodyRoute, type HttpServer, startHttpServer } from "./http-server.ts";

export interface SharedRoute {
  host: string;
  /** 0: any free one, shared with nobody. */
  port: number;
  /** The whole path, "/hooks/stripe". */
  path: string;
  tls?: HttpServerTls | undefined;
  route(head: RequestHead): HttpAnswer | BodyRoute;
  onError?: ((error: unknown) => void) | undefined;
}

export interface Registration {
  /** "127.0.0.1:8080". */
  readonly address: string;
  /** Takes the route away, and closes the listener with the last one. Never throws. */
  release(graceMs: number): Promise<void>;
}

interface Listener {
  server: Promise<HttpServer>;
  tls: string;
  /** undefined: released. */
  routes: Map<string, SharedRoute | undefined>;
}

/** Of this process, by address. */
const listeners = new Map<string, Listener>();
/** Listeners that are closing, by address: a new one must wait until the port is free. */
const closing = new Map<string, Promise<void>>();

const AWAY: HttpAnswer = { status: 503, headers: { "retry-after": "1" } };

/** Adds a route. Throws RELAY_LISTEN_FAILED: no listener to be had, path taken, or shared with other certificates. */
export async function listenShared(route: SharedRoute): Promise<Registration> {
  if (route.port === 0) return listenAlone(route);
  const address = hostAndPort(route.host, route.port);
  await closing.get(address);
  const listener = listeners.get(address) ?? startListener(address, route);
  join(listener, address, route);
  try {
    const server = await listener.server;
    return { address: server.address, release: (graceMs) => leave({ listener, address, route }, graceMs) };
  } catch (error) {
    listener.routes.delete(route.path);
    if (listeners.get(address) === listener) listeners.delete(address);
    throw error;
  }
}

async function listenAlone(route: SharedRoute): Promise<Registration> {
  const listener = newListener(route);
  listener.routes.set(route.path, route);
  const server = await listener.server;
  return { address: server.address, release: (graceMs) => server.close(graceMs) };
}

function startListener(address: string, route: SharedRoute): Listener {
  const listener = newListener(route);
  listeners.set(address, listener);
  return listener;
}

function newListener({ host, port, tls, onError }: SharedRoute): Listener {
  const routes: Listener["routes"] = new Map();
  const route = (head: RequestHead): HttpAnswer | BodyRoute => {
    if (!routes.has(head.path)) return { status: 404 };
    return routes.get(head.path)?.route(head) ?? AWAY;
  };
  return { server: startHttpServer({ host, port, tls, route, onError }), tls: tlsKey(tls), routes };
}

function join(listener: Listener, address: string, route: SharedRoute): void {
  if (listener.tls !== tlsKey(route.tls)) {
    throw taken(address, "Another pipeline listens there with another certificate, or without one.");
  }
  if (listener.routes.get(route.path)) throw taken(address, `Another pipeline has the path ${route.path} there.`);
  listener.routes.set(route.path, route);
}

/** A route of a listener that others may share. */
interface Membership {
  listener: Listener;
  address: string;
  route: SharedRoute;
}

async function leave({ listener, address, route }: Membership, graceMs: number): Promise<void> {
  if (listener.routes.get(route.path) !== route) return;
  listener.routes.set(route.path, undefined);
  if ([...listener.routes.values()].some((other) => other !== undefined)) return;
  listeners.delete(address);
  const closed = listener.server.then((server) => server.close(graceMs));
  closing.set(address, closed);
  await closed;
  if (closing.get(address) === closed) closing.delete(address);
}

function tlsKey(tls: HttpServerTls | undefined): string {
  return tls === undefined ? "" : createHash("sha256").update(JSON.stringify(tls)).digest("hex");
}

function taken(address: string, detail: string): PgkeepError {
  return new PgkeepError("RELAY_LISTEN_FAILED", `could not listen on ${address}`, {
    detail,
    hint: "Give the pipeline a path or an address of its own.",
    state: "not listening",
  });
}
