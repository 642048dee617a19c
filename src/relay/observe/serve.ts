/** Opens the relay's own HTTP port over the answers of endpoints.ts. */
import type { Clock } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { Secret } from "../../base/secrets.ts";
import { type HttpServer, startHttpServer } from "../../net/http-server.ts";
import { answer } from "./endpoints.ts";
import type { RelayHealth } from "./health.ts";
import type { RelayMetrics } from "./metrics.ts";

/** Where to listen when nobody says: reachable from this machine only. */
export const DEFAULT_METRICS_ADDRESS = "127.0.0.1:9090";

export interface ListenAddress {
  host: string;
  port: number;
}

/** "127.0.0.1:9090", "[::1]:0", ":9090" (every address). Throws CONFIG_VALUE_INVALID. */
export function readListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits !== "" && port <= 65_535) return { host: bracketed ?? (plain || "0.0.0.0"), port };
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the address for metrics is not HOST:PORT", {
    hint: `Write it as ${DEFAULT_METRICS_ADDRESS}; port 0 is any free one, and off opens none.`,
    state: "nothing was started",
  });
}

/** Whether only this machine can reach the address. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

export interface ServeOptions {
  address: ListenAddress;
  metrics: RelayMetrics;
  health: RelayHealth;
  token: Secret | undefined;
  clock: Clock;
  onError(error: unknown): void;
}

/** Listens. Throws RELAY_LISTEN_FAILED. */
export function serveRelay({ address, metrics, health, token, clock, onError }: ServeOptions): Promise<HttpServer> {
  return startHttpServer({
    ...address,
    clock,
    onError,
    route: async ({ method, path, headers }) => {
      const {
        status,
        headers: sent,
        body,
      } = await answer({ method, path, authorization: headers.authorization }, { metrics, health, token });
      const { "content-type": contentType, ...others } = sent;
      return { status, headers: others, body: method === "HEAD" ? "" : body, ...(contentType ? { contentType } : {}) };
    },
  });
}
