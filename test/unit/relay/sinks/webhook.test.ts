/** The webhook sink against real HTTP and HTTPS servers: what it sends, how it reads answers, what it refuses. */
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it } from "vitest";
import { Secret } from "../../../../src/base/secrets.ts";
import { addressPolicy } from "../../../../src/net/address-guard.ts";
import type { ConnectorContext } from "../../../../src/relay/connector.ts";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";
import type { Delivery, Disposition } from "../../../../src/relay/message.ts";
import type { Sink } from "../../../../src/relay/sinks/sink.ts";
import webhook, { idempotencyKey } from "../../../../src/relay/sinks/webhook.ts";
import { connectorContext, deliveries, delivery, readConfig } from "../../../conformance/relay/connector.ts";
import { startGarbageServer, startSilentServer } from "../../../conformance/relay/network.ts";
import { createAuthority, issue } from "../../../support/certificates.ts";
import { startWebServer, type WebServer, type WebServerOptions } from "../../../support/web-server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const LOCAL = addressPolicy({ rules: { allow: ["localhost"] } });

async function server(options: WebServerOptions = {}): Promise<WebServer> {
  const made = await startWebServer(options);
  open.push(made);
  return made;
}

async function sink(config: Record<string, unknown>, changes: Partial<ConnectorContext> = {}): Promise<Sink> {
  const context = connectorContext({ addresses: LOCAL, allowInsecure: true, ...changes });
  const made = await webhook.open(readConfig(webhook, { allow_http: true, ...config }), context);
  open.push(made);
  return made;
}

const send = (made: Sink, batch: readonly Delivery[]) => made.send(batch, new AbortController().signal);
async function sendOne(made: Sink, one: Delivery = delivery(1)): Promise<Disposition> {
  const [outcome] = await send(made, [one]);
  if (!outcome) throw new Error("no disposition");
  return outcome;
}

async function refusal(
  config: Record<string, unknown>,
  changes: Partial<ConnectorContext> = {},
): Promise<ConnectorFailure> {
  const thrown = await sink(config, changes).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ConnectorFailure)) throw new Error(`no ConnectorFailure: ${String(thrown)}`);
  return thrown;
}

/** OpenSSL's own server, which says in the handshake of TLS 1.2 what is wrong with a client's certificate; 1.3 says it too late. */
async function startOpenssl(leaf: { certificate: string; key: string }, authority: string): Promise<{ port: number }> {
  const folder = await mkdtemp(join(tmpdir(), "pgkeep-openssl-"));
  await writeFile(join(folder, "leaf.pem"), `${leaf.certificate}\n${leaf.key}`);
  await writeFile(join(folder, "ca.pem"), authority);
  const child = spawn(
    "openssl",
    [
      "s_server",
      "-accept",
      "127.0.0.1:0",
      "-cert",
      "leaf.pem",
      "-CAfile",
      "ca.pem",
      "-Verify",
      "1",
      "-verify_return_error",
      "-tls1_2",
    ],
    { cwd: folder, stdio: ["pipe", "pipe", "ignore"] },
  );
  open.push({
    close: async () => {
      child.kill();
      await rm(folder, { recursive: true });
    },
  });
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("error", reject).once("exit", () => reject(new Error("openssl ended")));
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
      const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port) resolve({ port: Number(port) });
    });
  });
}

const MESSAGE = '{"dedup_key":"a","n":1.10}';

describe("a request", () => {
  it("[relay 8.1] holds the batch as a compact JSON array, byte for byte, under one idempotency key", async () => {
    const there = await server();
    const made = await sink({ url: `${there.origin}/hook?a=b` });
    const batch = [delivery(1, { body: MESSAGE }), delivery(2, { body: '{"x":"é\\u0000"}' })];
    expect(await send(made, batch)).toEqual([{ outcome: "delivered" }, { outcome: "delivered" }]);
    await send(made, batch.slice(0, 1));
    expect(there.requests.map(({ method, url, body }) => [method, url, body.toString()])).toEqual([
      ["POST", "/hook?a=b", `[${MESSAGE},{"x":"é\\u0000"}]`],
      ["POST", "/hook?a=b", `[${MESSAGE}]`],
    ]);
    const [both, one] = there.requests.map(({ headers }) => headers);
    expect(both?.["content-type"]).toBe("application/json");
    // printf '\0\0\0\0\0\0\0\x11outbox_orders:1:0\0\0\0\0\0\0\0\x11outbox_orders:2:0' | sha256sum
    expect(both?.["idempotency-key"]).toBe("batch-7aa3317578243268e7c987fafa15b978fbff70bdaaf62aec47d86fe067696bf1");
    expect(one?.["idempotency-key"]).toBe("outbox_orders:1:0");
  });

  it("has an event to itself where that is asked for, the events of one key after each other", async () => {
    const answering: string[] = [];
    const there = await server({
      answer: async ({ body }) => {
        answering.push(`+${body}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
        answering.push(`-${body}`);
        return {};
      },
    });
    const made = await sink({ url: there.origin, body: "single" });
    const body = (key: string, id: number) => delivery(id, { body: `"${key}${id}"`, orderKey: key });
    await send(made, [body("a", 1), body("b", 2), body("a", 3), body("b", 4)]);
    expect(there.concurrency()).toBe(2);
    for (const key of ["a", "b"]) {
      const [first, second] = key === "a" ? [1, 3] : [2, 4];
      const steps = answering.filter((step) => step.includes(key));
      expect(steps).toEqual([`+"${key}${first}"`, `-"${key}${first}"`, `+"${key}${second}"`, `-"${key}${second}"`]);
    }
    expect(there.requests.map(({ headers }) => headers["idempotency-key"]).sort()).toEqual(
      [1, 2, 3, 4].map((id) => `outbox_orders:${id}:0`),
    );
  });

  it("is the engine's own when events are single, so that each has its own answer", () => {
    const config = (body: string) => readConfig(webhook, { url: "https://a.example", body });
    expect(webhook.batchMessages?.(config("single"))).toBe(1);
    expect(webhook.batchMessages?.(config("array"))).toBe(100);
    expect(webhook.lanes(config("array"))).toBe(16);
  });

  it("of a key stops behind the first that was not delivered", async () => {
    const there = await server({ answer: ({ body }) => ({ status: body.toString() === '"2"' ? 400 : 200 }) });
    const made = await sink({ url: there.origin, body: "single" });
    const batch = [1, 2, 3, 4].map((id) => delivery(id, { body: `"${id}"`, orderKey: id === 4 ? "other" : "same" }));
    expect(await send(made, batch)).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", scope: "message" },
      { outcome: "retry", scope: "sink" },
      { outcome: "delivered" },
    ]);
    expect(there.requests.map(({ body }) => body.toString()).sort()).toEqual(['"1"', '"2"', '"4"']);
  });

  it("is not made for nothing, nor with an event that is too large", async () => {
    const there = await server();
    const made = await sink({ url: there.origin });
    expect(await send(made, [])).toEqual([]);
    const large = delivery(2, { body: `"${"x".repeat(1024 * 1024 - 1)}"` });
    expect(await send(made, [delivery(1), large, delivery(3)])).toMatchObject([
      { outcome: "delivered" },
      { outcome: "reject", class: "message_too_large", scope: "message" },
      { outcome: "delivered" },
    ]);
    expect(there.requests).toHaveLength(1);
    expect(await sendOne(made, large)).toMatchObject({ outcome: "reject" });
    expect(await sendOne(made, delivery(4, { body: `"${"x".repeat(1024 * 1024 - 2)}"` }))).toEqual({
      outcome: "delivered",
    });
  });

  it("carries the content type of the format, in both shapes, and a tombstone as null", async () => {
    const there = await server();
    const event = { ...delivery(1), contentType: "application/cloudevents+json; charset=utf-8" };
    await sendOne(await sink({ url: there.origin, body: "single" }), event);
    await sendOne(await sink({ url: there.origin }), event);
    await send(await sink({ url: there.origin }), [delivery(1), delivery(1, { body: null })]);
    await sendOne(await sink({ url: there.origin, body: "single" }), delivery(1, { body: null }));
    expect(there.requests.map(({ headers, body }) => [headers["content-type"], body.toString()])).toEqual([
      ["application/cloudevents+json; charset=utf-8", '{"number":1}'],
      ["application/cloudevents-batch+json", '[{"number":1}]'],
      ["application/json", '[{"number":1},null]'],
      ["application/json", "null"],
    ]);
    expect(there.requests.at(-1)?.headers["idempotency-key"]).toBe("outbox_orders:1:0:tombstone");
    const avro = { ...delivery(1, { body: Buffer.of(0, 1, 255) }), contentType: "application/avro" };
    expect(await sendOne(await sink({ url: there.origin }), avro)).toMatchObject({
      outcome: "reject",
      class: "invalid_config",
      scope: "sink",
    });
    await sendOne(await sink({ url: there.origin, body: "single" }), avro);
    expect(there.requests.at(-1)?.body).toEqual(Buffer.of(0, 1, 255));
  });

  it("is one of as many at once as there are lanes", async () => {
    const there = await server({
      answer: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return {};
      },
    });
    const made = await sink({ url: there.origin, lanes: 5 });
    await Promise.all(deliveries(1, 20).map((one) => sendOne(made, one)));
    expect(there.concurrency()).toBe(5);
  });

  it("ends when the pipeline stops, and is a failure when the sink was closed", async () => {
    const there = await server({ answer: () => new Promise(() => undefined) });
    const made = await sink({ url: there.origin });
    const stopping = new AbortController();
    const outcome = made.send([delivery(1)], stopping.signal);
    await expect.poll(() => there.requests.length).toBe(1);
    stopping.abort();
    expect(await outcome).toMatchObject([{ outcome: "retry", scope: "sink" }]);
    await made.close();
    expect(await sendOne(made)).toMatchObject({ outcome: "retry", scope: "sink" });
  });
});

describe("idempotency keys of batches", () => {
  it("tell apart what joined texts would not", () => {
    const of = (...keys: string[]) =>
      idempotencyKey(keys.map((dedupKey) => ({ ...delivery(1), message: { ...delivery(1).message, dedupKey } })));
    expect(of("ab", "c")).not.toBe(of("a", "bc"));
    expect(of("ab", "c")).toBe(of("ab", "c"));
    expect(of("a", "b")).toMatch(/^batch-[0-9a-f]{64}$/);
  });
});

describe("a signature", () => {
  const secret = "correct horse battery staple";
  const hmac = (body: Buffer) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

  it("[relay 8.1] of signing_secret is over the exact bytes, in X-Pg-Tide-Signature", async () => {
    const there = await server();
    await sendOne(await sink({ url: there.origin, signing_secret: secret }), delivery(1, { body: '{"é":1.0}' }));
    const [request] = there.requests;
    expect(request?.headers["x-pg-tide-signature"]).toBe(hmac(request?.body ?? Buffer.alloc(0)));
  });

  it("of the guide's form is in the header it names", async () => {
    const there = await server();
    const signature = { scheme: "hmac-sha256", secret, header: "X-Signature-256" };
    await sendOne(await sink({ url: there.origin, signature }));
    const [request] = there.requests;
    expect(request?.headers["x-signature-256"]).toBe(hmac(request?.body ?? Buffer.alloc(0)));
  });

  it("of standard-webhooks is accepted by the vendor's library under each secret of a rotation, with the idempotency key as id", async () => {
    const there = await server();
    const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
    await sendOne(await sink({ url: there.origin, signature: { scheme: "standard-webhooks", secrets } }));
    const [request] = there.requests;
    const headers = Object.fromEntries(
      Object.entries(request?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    for (const one of secrets) {
      expect(new Webhook(one).verify(request?.body ?? "", headers)).toEqual([{ number: 1 }]);
    }
    expect(headers["webhook-id"]).toBe("outbox_orders:1:0");
  });

  it.each([
    [{ signature: { scheme: "svix", secret: "whsec_not base64" } }, "cannot work"],
    [{ signature: { scheme: "svix" } }, "has no secret"],
    [{ signature: { scheme: "hmac-sha256", secret: "short" } }, "shorter than 8"],
    [{ signature: { scheme: "hmac-sha256", secret, secrets: [secret] } }, "not both"],
    [{ signature: { scheme: "hmac-sha256", secret, header: "a b" } }, "signature.header"],
    [{ signature: { scheme: "github", secret, header: "x" } }, "Unrecognized key"],
    [{ signature: { scheme: "ed25519", secret: "f".repeat(63) } }, "private key"],
  ])("that cannot be made is refused when the pipeline starts: %j", async (config, message) => {
    const failure = await refusal({ url: "https://hooks.example", ...config });
    expect(failure.class).toBe("invalid_config");
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain(secret);
  });

  it("of an unknown scheme, or both forms at once, is no configuration", () => {
    const url = "https://hooks.example";
    expect(() => readConfig(webhook, { url, signature: { scheme: "md5", secret } })).toThrow("scheme");
    expect(() => readConfig(webhook, { url, signing_secret: secret, signature: { scheme: "github", secret } })).toThrow(
      "not both",
    );
    expect(() => readConfig(webhook, { url, signing_secret: secret, signing_algorithm: "md5" })).toThrow(
      "signing_algorithm",
    );
  });
});

describe("[R-08] headers", () => {
  it("of the configuration are sent, and win over those of an event", async () => {
    const there = await server();
    const headers = { Authorization: "Bearer abc", "X-Tenant": "one", "User-Agent": "shop" };
    const made = await sink({ url: there.origin, body: "single", headers });
    await sendOne(
      made,
      delivery(1, { headers: { "x-tenant": "two", "x-other": "kept", traceparent: "00-ab-cd-01", "ce-id": "7" } }),
    );
    expect(there.requests[0]?.headers).toMatchObject({
      authorization: "Bearer abc",
      "x-tenant": "one",
      "user-agent": "shop",
      "x-other": "kept",
      traceparent: "00-ab-cd-01",
      "ce-id": "7",
    });
  });

  const HOSTILE: Record<string, Record<string, string>> = {
    "line breaks in values": {
      "x-a": "b\r\nx-injected: 1",
      "x-b": "b\nx-injected: 1",
      "x-c": "b\rx-injected: 1",
      "x-d": "\r\n\r\nGET / HTTP/1.1",
    },
    "line breaks in names": {
      "x-a\r\nx-injected": "1",
      "x-a: b\r\nx-injected": "1",
      "x\n": "1",
      "": "1",
      "x a": "1",
      "x:": "1",
    },
    "headers of the connection": {
      connection: "close",
      "transfer-encoding": "chunked",
      "content-length": "0",
      host: "evil",
      upgrade: "h2c",
      te: "trailers",
      trailer: "x",
      expect: "100-continue",
      "keep-alive": "timeout=9",
      "proxy-authorization": "x",
    },
    "headers that receivers believe": {
      authorization: "Bearer evil",
      cookie: "a=b",
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-host": "evil",
      forwarded: "for=1",
      "x-real-ip": "10.0.0.1",
      "x-original-url": "/admin",
      "x-rewrite-url": "/admin",
      "x-http-method-override": "DELETE",
      "x-api-key": "k",
    },
    "signatures and ids": {
      "webhook-signature": "v1,evil",
      "webhook-id": "evil",
      "x-pg-tide-signature": "evil",
      "x-signature-256": "evil",
      "x-hub-signature-256": "evil",
      "stripe-signature": "evil",
      "x-slack-signature": "evil",
      "idempotency-key": "evil",
      "Idempotency-Key": "evil",
    },
    "bytes that are none of a header": {
      "x-a": "a\0b",
      "x-b": "\u0100",
      "x-c": "é",
      "x-d": "\u007f",
      "x-e": " x",
      "x-f": "",
      "x-g": "x".repeat(5_000),
      "x-ü": "1",
    },
    "more than a header can hold": Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`x-h${index}`, "v".repeat(100)]),
    ),
  };

  it.each(Object.keys(HOSTILE))("of an event that are %s do not arrive", async (name) => {
    const there = await server();
    const signature = { scheme: "standard-webhooks", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
    const made = await sink({ url: there.origin, body: "single", signature });
    expect(await sendOne(made)).toEqual({ outcome: "delivered" });
    expect(await sendOne(made, delivery(1, { headers: HOSTILE[name] ?? {} }))).toEqual({ outcome: "delivered" });
    const [plain, hostile] = there.requests;
    const namesOf = (headers: string[] = []) =>
      headers.filter((_, index) => index % 2 === 0).filter((one) => !/^x-h\d+$/.test(one));
    expect(namesOf(hostile?.rawHeaders)).toEqual(namesOf(plain?.rawHeaders));
    expect(hostile?.rawHeaders.join()).not.toContain("evil");
    expect(hostile?.rawHeaders.length).toBeLessThanOrEqual((plain?.rawHeaders.length ?? 0) + 64);
    expect(hostile?.headers["idempotency-key"]).toBe("outbox_orders:1:0");
    expect(there.requests).toHaveLength(2);
  });

  it.each([
    { Host: "evil" },
    { "content-length": "0" },
    { "Transfer-Encoding": "chunked" },
    { "a b": "c" },
    { a: "b\r\nc: d" },
    { a: "" },
    { a: "ü" },
    { A: "1", a: "2" },
    { a: "x".repeat(5_000) },
  ])("of the configuration that cannot be are refused by name, without the value: %#", async (headers) => {
    const failure = await refusal({ url: "https://hooks.example", headers });
    expect(failure.class).toBe("invalid_config");
    for (const value of Object.values(headers)) if (value.length > 2) expect(failure.message).not.toContain(value);
  });
});

describe("[relay 8.1] an answer", () => {
  it.each([
    [200, { outcome: "delivered" }],
    [201, { outcome: "delivered" }],
    [204, { outcome: "delivered" }],
    [299, { outcome: "delivered" }],
    [300, { outcome: "reject", class: "invalid_destination", scope: "sink" }],
    [301, { outcome: "reject", class: "invalid_destination", scope: "sink" }],
    [307, { outcome: "reject", class: "invalid_destination", scope: "sink" }],
    [400, { outcome: "reject", class: "protocol_rejection", scope: "message" }],
    [401, { outcome: "reject", class: "authentication", scope: "sink" }],
    [403, { outcome: "reject", class: "authentication", scope: "sink" }],
    [404, { outcome: "reject", class: "protocol_rejection", scope: "message" }],
    [408, { outcome: "retry", class: "timeout", scope: "sink" }],
    [409, { outcome: "reject", class: "protocol_rejection", scope: "message" }],
    [413, { outcome: "reject", class: "message_too_large", scope: "message" }],
    [422, { outcome: "reject", class: "protocol_rejection", scope: "message" }],
    [425, { outcome: "retry", class: "throttled", scope: "sink" }],
    [429, { outcome: "retry", class: "throttled", scope: "sink" }],
    [500, { outcome: "retry", class: "unavailable", scope: "message" }],
    [502, { outcome: "retry", class: "unavailable", scope: "sink" }],
    [503, { outcome: "retry", class: "unavailable", scope: "sink" }],
    [504, { outcome: "retry", class: "unavailable", scope: "sink" }],
    [507, { outcome: "retry", class: "unavailable", scope: "message" }],
    [522, { outcome: "retry", class: "unavailable", scope: "sink" }],
  ])("%i is %j, for every event of the request", async (status, expected) => {
    const there = await server({ answer: () => ({ status, headers: { location: "/elsewhere" } }) });
    const outcomes = await send(await sink({ url: there.origin }), [delivery(1), delivery(2)]);
    expect(outcomes).toMatchObject([expected, expected]);
    expect(there.requests).toHaveLength(1);
  });

  it("says how long to wait, where waiting is all there is to do", async () => {
    let status = 429;
    const there = await server({ answer: () => ({ status, headers: { "retry-after": "17" } }) });
    const made = await sink({ url: there.origin });
    expect(await sendOne(made)).toMatchObject({ retryAfterMs: 17_000 });
    status = 500;
    expect(await sendOne(made)).toMatchObject({ retryAfterMs: 17_000 });
    status = 400;
    expect(await sendOne(made)).toMatchObject({ retryAfterMs: undefined });
  });

  it("[R-06] is kept as a reason without secrets and control characters, and shortened", async () => {
    const token = "tok-5f1c-canary-of-the-endpoint";
    new Secret(token);
    const there = await server({
      answer: () => ({ status: 400, body: `no\u001b[31m ${token} \u202e${"z".repeat(5_000)}` }),
    });
    const outcome = await sendOne(await sink({ url: there.origin, headers: { authorization: `Bearer ${token}` } }));
    const { reason } = outcome as { reason: string };
    expect(reason).toMatch(/^the endpoint answered 400: no\\u\{1b\}\[31m \[secret\] \\u\{202e\}zzz/);
    expect(Buffer.byteLength(reason)).toBeLessThan(4_096);
  });

  it.each([
    ["as it is", (body: string) => `bad: ${body}`],
    ["quoted in JSON", (body: string) => JSON.stringify({ error: "bad", received: body })],
    ["twice quoted", (body: string) => JSON.stringify(JSON.stringify(body))],
    ["inside of HTML", (body: string) => `<p>${body}</p>`],
    ["over several lines", (body: string) => JSON.stringify(JSON.parse(body), null, 2)],
    ["in part", (body: string) => `no such customer: ${body.slice(20, 70)}`],
  ])("[R-06] that echoes the request %s is not kept", async (_name, write) => {
    const there = await server({ answer: ({ body }) => ({ status: 422, body: write(body.toString()) }) });
    const event = { customer: { name: "Ada Lovelace", card: "4111-1111-1111-1111" }, note: "leave it at the door" };
    const outcome = await sendOne(await sink({ url: there.origin }), delivery(1, { body: JSON.stringify(event) }));
    expect(outcome).toMatchObject({ reason: "the endpoint answered 422 and repeated the request" });
  });

  it("that says what is wrong is kept, also when it names a field", async () => {
    const says = '{"error":"amount must be positive","key":"outbox_orders:1:0"}';
    const there = await server({ answer: () => ({ status: 422, body: says }) });
    const body = '{"dedup_key":"outbox_orders:1:0","amount":-1}';
    const outcome = await sendOne(await sink({ url: there.origin }), delivery(1, { body }));
    expect(outcome).toMatchObject({ reason: `the endpoint answered 422: ${says}` });
  });

  it("[R-01] that redirects is not followed, and said to be one", async () => {
    const target = await server();
    for (const status of [301, 302, 303, 307, 308]) {
      const there = await server({ answer: () => ({ status, headers: { location: `${target.origin}/` } }) });
      const outcome = await sendOne(await sink({ url: there.origin }));
      expect(outcome).toMatchObject({
        class: "invalid_destination",
        reason: `the endpoint answered ${status}, a redirect, which is not followed`,
      });
    }
    expect(target.connections()).toBe(0);
  });

  it("that does not come is the endpoint's fault, or the message's when others are answered", async () => {
    const there = await server({
      answer: ({ body }) => (body.includes("hang") ? new Promise(() => undefined) : {}),
    });
    const made = await sink({ url: there.origin, timeout_secs: 1 });
    const hang = delivery(1, { body: '"hang"' });
    const alone = await sendOne(made, hang);
    expect(alone).toMatchObject({ outcome: "retry", class: "timeout", scope: "sink", reason: "no answer within 1 s" });
    const waiting = sendOne(made, hang);
    await sendOne(made, delivery(2));
    expect(await waiting).toMatchObject({ outcome: "retry", class: "timeout", scope: "message" });
  });

  it("that breaks off is to be tried again, and so is a server that has gone", async () => {
    const there = await server();
    const made = await sink({ url: there.origin });
    await sendOne(made);
    await there.close();
    expect(await sendOne(made)).toMatchObject({ outcome: "retry", class: "unavailable", scope: "sink" });
  });
});

describe("[R-01] where it may post", () => {
  it("[R-02] not to this machine unless the process permits it, whatever the pipeline says; nothing is dialled", async () => {
    const there = await server();
    for (const allow of [[], ["10.0.0.0/8"]]) {
      const addresses = addressPolicy({ rules: { allow }, wish: { allow: ["127.0.0.0/8"], protection: false } });
      for (const host of ["127.0.0.1", "2130706433", "localhost", "[::ffff:7f00:1]"]) {
        const failure = await refusal({ url: `http://${host}:${there.port}/` }, { addresses });
        expect(failure.class).toBe("ssrf_rejected");
        expect(failure.message).toContain("which this process does not permit");
      }
    }
    expect(there.connections()).toBe(0);
  });

  it("not where a name leads later", async () => {
    const there = await server({ answer: () => ({ headers: { connection: "close" } }) });
    let address = "127.0.0.1";
    const addresses = addressPolicy({
      rules: { allow: ["127.0.0.1"] },
      resolveName: async () => [{ address, family: 4 }],
    });
    const made = await sink({ url: `http://rebind.example:${there.port}/` }, { addresses });
    expect(await sendOne(made)).toEqual({ outcome: "delivered" });
    address = "10.0.0.1";
    await expect.poll(() => sendOne(made)).toMatchObject({ outcome: "reject", class: "ssrf_rejected", scope: "sink" });
  });

  it.each([
    ["ftp://hooks.example/", "not an https URL"],
    ["file:///etc/passwd", "not an https URL"],
    ["hooks.example", "not an https URL"],
    ["https://user:hunter2@hooks.example/", "user or password"],
    ["http://hooks.example/", "plain http"],
  ])("not to %s", async (url, message) => {
    const failure = await refusal({ url, allow_http: false });
    expect(failure).toMatchObject({ class: "invalid_config" });
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain("hunter2");
  });

  it("not over plain http when the process does not permit it", async () => {
    const there = await server();
    expect((await refusal({ url: there.origin }, { allowInsecure: false })).message).toContain("--allow-insecure");
    expect(there.connections()).toBe(0);
  });

  it("not on a port of other services", async () => {
    expect(await refusal({ url: "http://127.0.0.1:22/" })).toMatchObject({ class: "ssrf_rejected" });
  });

  it("says that a name is unknown, which may pass", async () => {
    const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    const addresses = addressPolicy({ rules: { allow: [] }, resolveName: () => Promise.reject(unknown) });
    expect(await refusal({ url: "https://nowhere.example/" }, { addresses })).toMatchObject({
      class: "unavailable",
      message: "the connection failed (ENOTFOUND)",
    });
  });
});

describe("[R-19] TLS", () => {
  it("verifies the endpoint: authority, name, dates", async () => {
    const authority = await createAuthority("endpoints");
    const names = ["127.0.0.1"];
    const status = async (leaf: { certificate: string; key: string }) => {
      const there = await server({ tls: { cert: leaf.certificate, key: leaf.key } });
      const config = { url: there.origin, tls_ca_cert: authority.pem };
      const outcome = await sink(config).then(sendOne, (error: ConnectorFailure) => error.class);
      expect(there.requests).toHaveLength(typeof outcome === "string" ? 0 : 1);
      return typeof outcome === "string" ? outcome : outcome.outcome;
    };
    expect(await status(await issue({ commonName: "x", names }, authority))).toBe("delivered");
    expect(await status(await issue({ commonName: "x", names }))).toBe("tls_verification");
    expect(await status(await issue({ commonName: "x", names, days: -1 }, authority))).toBe("tls_verification");
    expect(await status(await issue({ commonName: "x", names: ["10.0.0.1"] }, authority))).toBe("tls_verification");
    expect(await status(await issue({ commonName: "x", names }, await createAuthority("other")))).toBe(
      "tls_verification",
    );
  });

  it("shows our certificate to endpoints that ask, and says when that is what is missing", async () => {
    const authority = await createAuthority("endpoints");
    const leaf = await issue({ commonName: "x", names: ["127.0.0.1"] }, authority);
    const ours = await issue({ commonName: "relay", usage: "client" }, authority);
    const there = await server({ tls: { cert: leaf.certificate, key: leaf.key, ca: authority.pem } });
    const config = { url: there.origin, tls_ca_cert: authority.pem };
    const pair = { tls_client_cert: ours.certificate, tls_client_key: ours.key };
    expect(await sendOne(await sink({ ...config, ...pair }))).toEqual({ outcome: "delivered" });
    expect(await sendOne(await sink(config))).toMatchObject({ outcome: "retry", class: "unavailable", scope: "sink" });
    expect(there.requests).toHaveLength(1);
  });

  it("takes the endpoint's word that our certificate is missing or not the right one", async () => {
    const authority = await createAuthority("endpoints");
    const leaf = await issue({ commonName: "x", names: ["127.0.0.1"] }, authority);
    const stranger = await issue({ commonName: "relay", usage: "client" }, await createAuthority("other"));
    const endpoint = await startOpenssl(leaf, authority.pem);
    const config = { url: `https://127.0.0.1:${endpoint.port}/`, tls_ca_cert: authority.pem, timeout_secs: 3 };
    const pair = { tls_client_cert: stranger.certificate, tls_client_key: stranger.key };
    for (const one of [config, { ...config, ...pair }]) {
      const outcome = await sink(one).then(sendOne, ({ class: failureClass }) => ({ class: failureClass }));
      expect(outcome).toMatchObject({ class: "authentication" });
    }
  });

  it("waits for a silent endpoint no longer than its time, and not at all when the pipeline stops", async () => {
    await using silent = await startSilentServer();
    const url = `https://127.0.0.1:${silent.port}/`;
    expect(await refusal({ url, timeout_secs: 1 })).toMatchObject({ class: "timeout" });
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 50);
    // Whoever waited for the end of the time would say "timeout".
    expect(await refusal({ url }, { signal: stopping.signal })).toMatchObject({ class: "unavailable" });
    await expect.poll(() => silent.open()).toBe(0);
  });

  it("takes an endpoint that speaks no TLS for one that is away or wrong, and shows nothing of what it said", async () => {
    await using garbage = await startGarbageServer();
    const failure = await refusal({ url: `https://127.0.0.1:${garbage.port}/` });
    expect(["unavailable", "tls_verification"]).toContain(failure.class);
    expect(failure.message).toMatch(/^[ -~]{1,200}$/);
    expect(failure.message).not.toContain("garbage");
  });

  it("needs certificates as PEM, both halves, belonging together", async () => {
    const one = await issue({ commonName: "a", usage: "client" });
    const two = await issue({ commonName: "b", usage: "client" });
    const url = "https://hooks.example/";
    expect(() => readConfig(webhook, { url, tls_client_cert: one.certificate })).toThrow("go together");
    const pairs = [
      { tls_client_cert: one.certificate, tls_client_key: two.key },
      { tls_client_cert: "/etc/ssl/client.pem", tls_client_key: one.key },
      { tls_client_cert: one.certificate, tls_client_key: "nothing" },
    ];
    for (const pair of pairs) {
      const failure = await refusal({ url, ...pair });
      expect(failure.class).toBe("invalid_config");
      expect(failure.message).not.toContain(one.key.slice(40, 80));
    }
    expect(
      (await refusal({ url, tls_ca_cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" })).class,
    ).toBe("invalid_config");
  });
});
