/**
 * What the relay's own HTTP port answers: metrics, and whether the process lives and is ready.
 *
 * Reading only. Health says one word, so it needs no token. What tells about pipelines (`/status`) is never given without one;
 * `/metrics` asks for it when the operator set one. Anything else does not exist.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../base/secrets.ts";
import type { RelayHealth } from "./health.ts";
import type { RelayMetrics } from "./metrics.ts";

export interface EndpointRequest {
  method: string;
  /** Path with its query, as it came. */
  path: string;
  authorization: string | undefined;
}

export interface EndpointAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface EndpointContext {
  metrics: RelayMetrics;
  health: RelayHealth;
  /** Bearer token of /status, and of /metrics. */
  token: Secret | undefined;
}

const TEXT = "text/plain; charset=utf-8";
const READY = new Set(["/readyz", "/health", "/healthz"]);

export async function answer(request: EndpointRequest, context: EndpointContext): Promise<EndpointAnswer> {
  const path = request.path.split("?")[0] ?? "";
  const isKnown = path === "/metrics" || path === "/status" || path === "/livez" || READY.has(path);
  if (!isKnown) return text(404, "not found");
  if (request.method !== "GET" && request.method !== "HEAD")
    return { ...text(405, "method not allowed"), headers: { ...text(405, "").headers, allow: "GET, HEAD" } };
  if (path === "/livez") return text(200, "alive");
  if (READY.has(path)) return context.health.isReady ? text(200, "ready") : text(503, "not ready");
  if (!isPermitted(path, request.authorization, context.token)) return unauthorized();
  if (path === "/metrics") return { ...text(200, ""), ...(await metricsOf(context)) };
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: `${JSON.stringify(context.health.report())}\n`,
  };
}

async function metricsOf({ metrics }: EndpointContext): Promise<Pick<EndpointAnswer, "headers" | "body">> {
  return { headers: { "content-type": metrics.contentType, "cache-control": "no-store" }, body: await metrics.text() };
}

function text(status: number, body: string): EndpointAnswer {
  return { status, headers: { "content-type": TEXT, "cache-control": "no-store" }, body: body && `${body}\n` };
}

function unauthorized(): EndpointAnswer {
  const refused = text(401, "a bearer token is needed");
  return { ...refused, headers: { ...refused.headers, "www-authenticate": 'Bearer realm="relay"' } };
}

/** Hashes are compared, so that neither the time taken nor a difference in length tells about the token. */
function isPermitted(path: string, authorization: string | undefined, token: Secret | undefined): boolean {
  if (token === undefined) return path === "/metrics";
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const digest = (value: string): Buffer => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(given), digest(token.expose()));
}
