/** Health of a relay process, its HTTP answers, its log and its traces. */
import { createServer } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../../src/base/secrets.ts";
import { answer, type EndpointContext } from "../../../../src/relay/observe/endpoints.ts";
import { catalogueEntry, ERROR_CATALOGUE, machineCodeOf } from "../../../../src/relay/observe/error-catalogue.ts";
import { RelayHealth } from "../../../../src/relay/observe/health.ts";
import { logEntryOf } from "../../../../src/relay/observe/log-lines.ts";
import { createMetrics } from "../../../../src/relay/observe/metrics.ts";
import { isLoopback, readListenAddress, serveRelay } from "../../../../src/relay/observe/serve.ts";
import { openTraces, spanOf } from "../../../../src/relay/observe/traces.ts";
import { exampleEvents, heldClock, ofPipeline } from "../../../support/relay-events.ts";

const clock = heldClock();
let health: RelayHealth;

beforeEach(() => {
  health = new RelayHealth({ group: "main", clock });
});

const reconciled = { type: "relay.reconciled", owned: 1, pipelines: 1, durationMs: 1, queries: 1 } as const;

describe("readiness", () => {
  it("begins when the catalog was read", () => {
    expect(health.isReady).toBe(false);
    health.observe(reconciled);
    expect(health.isReady).toBe(true);
  });

  it("ends while the database does not answer, and when the process stops", () => {
    health.observe(reconciled);
    const away = { type: "relay.error", component: "database", code: "X", reason: "gone", isTransient: true } as const;
    health.observe({ ...away, ...ofPipeline });
    expect(health.report()).toMatchObject({ ready: false, reasons: ["the database does not answer"] });
    health.observe(reconciled);
    expect(health.isReady).toBe(true);
    health.observe({ type: "relay.stopping", reason: "SIGTERM" });
    expect(health.isReady).toBe(false);
  });

  it("[relay 10] survives one failing pipeline, unless it is strict", () => {
    const strict = new RelayHealth({ group: "main", clock, isStrict: true });
    for (const each of [health, strict]) {
      each.observe(reconciled);
      each.observe({ type: "relay.state", state: "failed", code: "PGTIDE_PIPELINE_INVALID", ...ofPipeline });
    }
    expect(health.isReady).toBe(true);
    expect(strict.isReady).toBe(false);
  });

  it("reports each pipeline of this process, and forgets those that went elsewhere", () => {
    for (const event of exampleEvents()) health.observe(event);
    expect(health.report().pipelines.map(({ pipeline }) => pipeline)).toEqual(["mail-in", "orders"]);
    expect(health.report().pipelines[1]).toMatchObject({ state: "running", lag: 12, delivered: 3, position: "98" });
    health.observe({ type: "relay.ownership", event: "lost", epoch: 3n, ...ofPipeline });
    expect(health.report().pipelines.map(({ pipeline }) => pipeline)).toEqual(["mail-in"]);
  });
});

describe("the endpoints", () => {
  const token = new Secret("metrics-token-4711");
  let context: EndpointContext;
  beforeEach(async () => {
    context = { metrics: await createMetrics({ group: "main", clock }), health, token: undefined };
  });
  const get = (path: string, more: { method?: string; authorization?: string } = {}) =>
    answer({ method: more.method ?? "GET", path, authorization: more.authorization }, context);

  it("[relay 10] answer alive, ready and not ready as text", async () => {
    expect(await get("/livez")).toMatchObject({ status: 200, body: "alive\n" });
    for (const path of ["/readyz", "/health", "/healthz?x=1"])
      expect(await get(path)).toMatchObject({ status: 503, body: "not ready\n" });
    health.observe(reconciled);
    expect(await get("/readyz")).toMatchObject({
      status: 200,
      body: "ready\n",
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  });

  it("[R-18] answer GET and HEAD on known paths and nothing else", async () => {
    expect(await get("/metrics", { method: "POST" })).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    for (const path of ["/", "/debug", "/metrics/../status", "//status", "/status/", "/%2e%2e/etc/passwd"])
      expect((await get(path)).status, path).toBe(404);
  });

  it("[R-18] tell about pipelines only to who has the token", async () => {
    expect((await get("/status")).status).toBe(401);
    expect((await get("/metrics")).status).toBe(200);
    context = { ...context, token };
    for (const authorization of [undefined, "Bearer wrong", "Basic bWV0cmljcw==", `Bearer ${token.expose()}x`])
      for (const path of ["/status", "/metrics"])
        expect((await get(path, authorization === undefined ? {} : { authorization })).status, path).toBe(401);
    const granted = await get("/status", { authorization: `Bearer ${token.expose()}` });
    expect(JSON.parse(granted.body)).toMatchObject({ schema_version: 1, group: "main", ready: false });
    expect((await get("/livez")).status).toBe(200);
  });

  it("are served over HTTP, and a taken port is told", async () => {
    const options = { ...context, address: { host: "127.0.0.1", port: 0 }, clock, onError: () => undefined };
    const server = await serveRelay(options);
    try {
      const response = await fetch(`http://${server.address}/metrics`);
      expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0.0.4/);
      expect((await fetch(`http://${server.address}/status`)).status).toBe(401);
      expect((await fetch(`http://${server.address}/status`, { method: "PUT", body: "{}" })).status).toBe(405);
      const again = serveRelay({ ...options, address: { host: "127.0.0.1", port: server.port } });
      await expect(again).rejects.toMatchObject({ code: "RELAY_LISTEN_FAILED" });
    } finally {
      await server.close();
    }
  });

  it("listen where the address says, and know what is only this machine", () => {
    expect(readListenAddress("[::1]:0")).toEqual({ host: "::1", port: 0 });
    expect(readListenAddress(":9090")).toEqual({ host: "0.0.0.0", port: 9090 });
    for (const text of ["9090", "a:b", "h:70000", "user@h:1", "http://h:1"])
      expect(() => readListenAddress(text), text).toThrow(expect.objectContaining({ code: "CONFIG_VALUE_INVALID" }));
    expect(isLoopback(readListenAddress("127.0.0.1:1"))).toBe(true);
    expect(isLoopback(readListenAddress("0.0.0.0:1"))).toBe(false);
  });
});

describe("the log", () => {
  const entries = () => exampleEvents().flatMap((event) => logEntryOf(event, "main") ?? []);

  it("[relay 10] names the step, the outcome and both ends of a batch", () => {
    expect(entries().find(({ type }) => type === "relay.batch_settled")).toMatchObject({
      level: "warn",
      event_code: "PGTIDE_DELIVERY_TRANSITION",
      pipeline: "orders",
      relay_group: "main",
      direction: "forward",
      tenant: "default",
      source: "outbox",
      sink: "webhook",
      batch_size: 5,
      stage: "publish_failed",
      outcome: "protocol_rejection",
      duplicate_risk: true,
      error_code: "PGTIDE_CONNECTOR_PROTOCOL_REJECTION",
    });
  });

  it("can be written as JSON: no value is a bigint", () => {
    expect(() => JSON.stringify(entries())).not.toThrow();
  });

  it("[R-06] hides secrets in what a receiver answered", () => {
    const secret = new Secret("sink-password-99");
    const event = exampleEvents().find(({ type }) => type === "relay.batch_settled");
    if (event?.type !== "relay.batch_settled") throw new Error("no example");
    const failure = { class: "authentication" as const, reason: `echo ${secret.expose()}` };
    expect(JSON.stringify(logEntryOf({ ...event, failure }, "main"))).not.toContain(secret.expose());
    expect(spanOf({ ...event, failure })?.error).not.toContain(secret.expose());
  });
});

describe("traces", () => {
  it("[relay 10] have pg_tide's names and attributes", () => {
    const names = exampleEvents().flatMap((event) => spanOf(event)?.name ?? []);
    expect(names).toEqual(["relay.source.poll", "relay.sink.publish", "relay.dlq.insert", "relay.source.acknowledge"]);
    expect(spanOf({ type: "relay.state", state: "retrying", nextRetryMs: 50, ...ofPipeline })).toMatchObject({
      name: "relay.backoff.sleep",
      attributes: { "pipeline.name": "orders", "pipeline.direction": "forward" },
    });
  });

  it("are sent to an OTLP receiver", async () => {
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk.toString("utf8")));
      request.on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const address = receiver.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const traces = await openTraces(`http://127.0.0.1:${port}`, { clock });
    for (const event of exampleEvents()) traces?.observe(event);
    await traces?.[Symbol.asyncDispose]();
    await new Promise((resolve) => receiver.close(resolve));
    expect(bodies.join("")).toContain("relay.sink.publish");
    expect(bodies.join("")).toContain("pg-tide-relay");
  });

  it("go to a URL and nowhere else", async () => {
    for (const endpoint of ["bogus", "file:///tmp/x", "collector:4318"])
      await expect(openTraces(endpoint, { clock }), endpoint).rejects.toMatchObject({ code: "CONFIG_VALUE_INVALID" });
  });

  it("say which packages to install when they are missing", async () => {
    const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    const opened = openTraces("http://127.0.0.1:4318", { clock, load: () => Promise.reject(missing) });
    await expect(opened).rejects.toMatchObject({
      code: "RELAY_PACKAGE_MISSING",
      parts: { hint: expect.stringContaining("npm i @opentelemetry/api@") },
    });
  });

  it("are not made unless they were asked for", async () => {
    expect(await openTraces(undefined, { clock })).toBeUndefined();
  });
});

describe("the catalogue of machine codes", () => {
  it("[relay 1] has every code once, each with cause and action", () => {
    const codes = ERROR_CATALOGUE.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code.startsWith("PGTIDE_CONNECTOR_"))).toHaveLength(10);
    for (const entry of ERROR_CATALOGUE) {
      expect(entry.likely_cause.length, entry.code).toBeGreaterThan(4);
      expect(entry.next_action.length, entry.code).toBeGreaterThan(5);
    }
  });

  it("[relay 1] knows which of them a failure of ours is", () => {
    expect(machineCodeOf("CONNECT_PASSWORD_REJECTED")).toBe("PGTIDE_POSTGRES_AUTHENTICATION");
    expect(machineCodeOf("CONNECT_REFUSED")).toBe("PGTIDE_POSTGRES_UNAVAILABLE");
    expect(machineCodeOf("RELAY_NOT_INSTALLED")).toBe("PGTIDE_CATALOG_MISSING");
    expect(machineCodeOf("CONFIG_VALUE_INVALID")).toBe("operator.failure");
    expect(catalogueEntry("PGTIDE_POSTGRES_UNAVAILABLE").retryable).toBe(true);
  });
});
