/** A webhook receiver that notes what it was sent, by whom and when. */
import { startWebServer, type WebAnswer, type WebServer } from "../web-server.ts";
import type { Arrival } from "./arrivals.ts";

export interface Receiver extends AsyncDisposable {
  arrivals: Arrival[];
  server: WebServer;
  port: number;
  /** Configuration of a pipeline that delivers here, with the relay's label in each request. */
  pipeline(changes?: Record<string, unknown>): Record<string, unknown>;
}

export interface ReceiverOptions {
  /** Milliseconds before each answer. */
  delayMs?: () => number;
  /** The port that relays are told, when something stands between. */
  port?: (own: number) => Promise<number>;
}

/** Events with a field "bad" are refused for good, as long as no others are in their request. */
export async function startReceiver({ delayMs = () => 0, port }: ReceiverOptions = {}): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const server = await startWebServer({
    answer: async ({ body, headers }): Promise<WebAnswer> => {
      const at = Date.now();
      const events: { dedup_key: string; payload: { key: string; name: string; bad?: boolean } }[] = JSON.parse(
        body.toString("utf8"),
      );
      const waitMs = delayMs();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (events.some(({ payload }) => payload.bad)) return { status: 422 };
      for (const { dedup_key: dedupKey, payload } of events) {
        arrivals.push({ dedupKey, key: payload.key, name: payload.name, relay: headers["x-relay"]?.toString(), at });
      }
      return { status: 200 };
    },
  });
  const shown = port === undefined ? server.port : await port(server.port);
  return {
    arrivals,
    server,
    port: shown,
    pipeline: (changes = {}) => ({
      sink_type: "webhook",
      config: {
        url: `http://127.0.0.1:${shown}/hook`,
        allow_http: true,
        headers: { "x-relay": "${env:RELAY}" },
        timeout_secs: 2,
      },
      order_key: "payload.key",
      ...changes,
    }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
