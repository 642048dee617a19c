/** The webhook receiver over real HTTP: who is believed, when 200 is said, and what is refused without being stored. */
import { createHmac } from "node:crypto";
import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startHttpServer } from "../../../../src/net/http-server.ts";
import type { ConnectorContext } from "../../../../src/relay/connector.ts";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";
import type { Deliver, Source } from "../../../../src/relay/sources/source.ts";
import webhook from "../../../../src/relay/sources/webhook.ts";
import { connectorContext, readConfig } from "../../../conformance/relay/connector.ts";
import { TestInbox } from "../../../conformance/relay/sources.ts";
import { createAuthority, issue } from "../../../support/certificates.ts";
import { freePort } from "../../../support/free-port.ts";

const open: { close(): Promise<void> }[] = [];
let inbox: TestInbox;
beforeEach(() => {
  inbox = new TestInbox();
});
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

interface Receiver {
  source: Source;
  url: string;
  warnings: string[];
  stop(): Promise<void>;
}

const UNSIGNED = { allow_unsigned: true };

async function receiver(
  config: Record<string, unknown>,
  changes: Partial<ConnectorContext> & { deliver?: Deliver } = {},
): Promise<Receiver> {
  const stopping = new AbortController();
  const warnings: string[] = [];
  const context = connectorContext({ signal: stopping.signal, warn: (message) => warnings.push(message), ...changes });
  const settings = readConfig(webhook, { listen_addr: "127.0.0.1:0", ...config });
  const source = await webhook.open(settings, context);
  const end = source.run(changes.deliver ?? inbox.deliver);
  const stop = async () => {
    stopping.abort();
    await end;
    await source.close();
  };
  open.push({ close: stop });
  const scheme = settings.tls_cert === undefined ? "http" : "https";
  return { source, url: `${scheme}://${source.address}${settings.path}`, warnings, stop };
}

async function refusal(config: Record<string, unknown>): Promise<ConnectorFailure> {
  const thrown = await receiver(config).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ConnectorFailure)) throw new Error(`no ConnectorFailure: ${String(thrown)}`);
  return thrown;
}

async function post(
  url: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<[number, unknown]> {
  const answer = await fetch(url, { method: "POST", body, headers });
  const text = await answer.text();
  return [answer.status, answer.headers.get("content-type") === "application/json" ? JSON.parse(text) : text];
}

const SECRET = "correct horse battery staple";
const signed = (body: string, secret = SECRET) => ({
  "x-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
});
const HMAC = { signature: { scheme: "hmac-sha256", secret: SECRET } };

describe("[R-09] who is believed", () => {
  it("nobody by default: without a scheme the pipeline does not start", async () => {
    expect(await refusal({})).toMatchObject({ class: "invalid_config" });
    expect((await refusal({ signature_scheme: null })).message).toContain("allow_unsigned");
    expect((await refusal({ signature_secret: SECRET })).message).toContain("without signature_scheme");
    expect((await refusal({ signature_scheme: "stripe" })).message).toContain("has no secret");
    expect((await refusal({ signature: { scheme: "svix", secret: "whsec_!" } })).message).not.toContain("whsec_!");
    expect((await refusal({ ...HMAC, signature_scheme: "stripe", signature_secret: SECRET })).message).toContain(
      "not both",
    );
  });

  it.each(["md5", "none", "", "HMAC-SHA256", "hmac_sha256", "constructor"])(
    "an unknown scheme %j is no configuration",
    (scheme) => {
      expect(() => readConfig(webhook, { signature_scheme: scheme, signature_secret: SECRET })).toThrow();
      expect(() => readConfig(webhook, { signature: { scheme, secret: SECRET } })).toThrow();
    },
  );

  it("everybody only where that is said, and then it is told", async () => {
    const { url, warnings } = await receiver(UNSIGNED);
    expect(await post(url, "{}")).toEqual([200, { stored: true }]);
    expect(warnings).toEqual(["webhooks are taken unsigned: whoever can connect can send events"]);
  });

  it("a scheme counts although unsigned would be allowed", async () => {
    const { url } = await receiver({ ...HMAC, ...UNSIGNED });
    expect((await post(url, "{}"))[0]).toBe(401);
    expect((await post(url, "{}", signed("{}")))[0]).toBe(200);
  });

  it("[relay 8.2] Stripe, by the flat keys of the guide; the event's id is Stripe's", async () => {
    const secret = "whsec_of_the_endpoint";
    const { url } = await receiver({ signature_scheme: "stripe", signature_secret: secret });
    const payload = '{"id":"evt_42","type":"charge.succeeded"}';
    const header = new Stripe("sk_test_of_nobody").webhooks.generateTestHeaderString({ payload, secret });
    expect(await post(url, payload, { "stripe-signature": header })).toEqual([200, { stored: true }]);
    expect(await post(url, payload, { "stripe-signature": header })).toEqual([200, { duplicate: true }]);
    expect(inbox.stored[0]).toMatchObject({ eventId: "evt_42", subject: "/" });
    expect(inbox.stored[0]?.body.toString()).toBe(payload);
  });

  it("both secrets of a rotation", async () => {
    const { url } = await receiver({ signature: { scheme: "hmac-sha256", secrets: ["the new secret", SECRET] } });
    expect((await post(url, "{}", signed("{}")))[0]).toBe(200);
    expect((await post(url, "{}", signed("{}", "the new secret")))[0]).toBe(200);
    expect((await post(url, "{}", signed("{}", "the third secret")))[0]).toBe(401);
  });

  it("a clock that is off by less than the tolerance, either way", async () => {
    const nowMs = 1_700_000_000_000;
    const clock = { now: () => new Date(nowMs), monotonicMs: () => performance.now() };
    const { url } = await receiver(
      { signature: { scheme: "slack", secret: SECRET, tolerance_seconds: 60 } },
      { clock },
    );
    const at = async (offset: number) => {
      const timestamp = String(nowMs / 1_000 + offset);
      const digest = createHmac("sha256", SECRET).update(`v0:${timestamp}:{}`).digest("hex");
      const headers = { "x-slack-request-timestamp": timestamp, "x-slack-signature": `v0=${digest}` };
      return (await post(url, "{}", headers))[0];
    };
    expect([await at(-61), await at(-60), await at(60), await at(61)]).toEqual([401, 200, 200, 401]);
  });

  it("not a request whose body was changed by a byte; the sender hears no reason, the operator does, once", async () => {
    const { url, warnings } = await receiver(HMAC);
    for (const body of ['{"a":2}', '{"a":1} ']) {
      expect(await post(url, body, signed('{"a":1}'))).toEqual([401, { error: "the signature is missing or wrong" }]);
    }
    expect(await post(url, "{}")).toEqual([401, { error: "the signature is missing or wrong" }]);
    expect(inbox.batches).toEqual([]);
    expect(warnings).toEqual([
      "a request was refused: the signature does not match",
      "a request was refused: header x-signature-256 is missing",
    ]);
    expect(warnings.join()).not.toContain(SECRET);
  });

  it("Slack's question whether the endpoint is ours is answered, when it is signed, and stored by nobody", async () => {
    const { url } = await receiver({ signature: { scheme: "slack", secret: SECRET } });
    const body = '{"type":"url_verification","challenge":"abc"}';
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const digest = createHmac("sha256", SECRET).update(`v0:${timestamp}:${body}`).digest("hex");
    const headers = { "x-slack-request-timestamp": timestamp, "x-slack-signature": `v0=${digest}` };
    expect(await post(url, body, headers)).toEqual([200, { challenge: "abc" }]);
    expect((await post(url, body))[0]).toBe(401);
    expect(inbox.batches).toEqual([]);
  });
});

describe("[relay 8.2] the event's id", () => {
  it("is the scheme's, else that of the configured header, else Idempotency-Key, else the inbox's to choose", async () => {
    const github = await receiver({ signature: { scheme: "github", secret: SECRET }, idempotency_header: "X-Id" });
    const all = { "x-github-delivery": "g1", "x-id": "i1", "idempotency-key": "k1" };
    const sign = (body: string) => ({ "x-hub-signature-256": signed(body)["x-signature-256"] });
    await post(github.url, "1", { ...sign("1"), ...all });
    await post(github.url, "2", { ...sign("2"), "x-id": "i2", "idempotency-key": "k2" });
    await post(github.url, "3", { ...sign("3"), "idempotency-key": "k3" });
    await post(github.url, "4", sign("4"));
    expect(inbox.stored.map(({ eventId }) => eventId)).toEqual(["g1", "i2", "k3", undefined]);
  });

  it("cannot be longer than an index takes", async () => {
    const { url } = await receiver(UNSIGNED);
    expect((await post(url, "{}", { "idempotency-key": "x".repeat(255) }))[0]).toBe(200);
    expect((await post(url, "{}", { "idempotency-key": "x".repeat(256) }))[0]).toBe(400);
    expect(inbox.stored).toHaveLength(1);
  });

  it("makes a repeated event a duplicate, with the status that was chosen", async () => {
    const { url } = await receiver({ ...UNSIGNED, duplicate_status: 409 });
    expect(await post(url, "{}", { "idempotency-key": "a" })).toEqual([200, { stored: true }]);
    expect(await post(url, "{}", { "idempotency-key": "a" })).toEqual([409, { duplicate: true }]);
  });
});

describe("[relay 8.2] an answer", () => {
  it("is not given before the event is committed", async () => {
    let commit = () => {};
    inbox.gate = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const { url } = await receiver(UNSIGNED);
    let answered = false;
    const answer = post(url, "{}").finally(() => {
      answered = true;
    });
    await expect.poll(() => inbox.batches.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    commit();
    expect(await answer).toEqual([200, { stored: true }]);
  });

  it("is 500 without a word of why when nothing was stored", async () => {
    inbox.refusal = new Error("password authentication failed for user hunter2");
    const { url } = await receiver(UNSIGNED);
    expect(await post(url, "{}")).toEqual([500, { error: "the event could not be stored" }]);
    inbox.refusal = undefined;
    expect((await post(url, "{}"))[0]).toBe(200);
  });

  it("is 200 for an event that became a dead letter: it is kept, and no better when sent again", async () => {
    inbox.undecodable = "bad";
    const { url } = await receiver(UNSIGNED);
    expect(await post(url, '"bad"')).toEqual([200, { dead_letter: true }]);
  });

  it("is 404 for another path, 405 for another method", async () => {
    const { url } = await receiver({ ...UNSIGNED, path: "/hooks/in" });
    expect((await post(url, "{}"))[0]).toBe(200);
    for (const other of [url.replace("/in", ""), `${url}/`, `${url}/x`, url.replace("hooks", "HOOKS")]) {
      expect((await post(other, "{}"))[0]).toBe(404);
    }
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await fetch(url, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    }
    expect((await post(`${url}?token=x`, "{}"))[0]).toBe(200);
    expect(inbox.stored.every(({ subject }) => subject === "/hooks/in")).toBe(true);
  });

  it("[R-10] is 413 for a byte more than the limit, before anything is hashed", async () => {
    const { url, warnings } = await receiver({ ...HMAC, max_body_size: 10 });
    expect((await post(url, '"12345678"', signed('"12345678"')))[0]).toBe(200);
    expect((await post(url, '"123456789"', signed('"123456789"')))[0]).toBe(413);
    expect(warnings).toEqual([]);
  });

  it("[R-10] is 429 for an address that sends too much", async () => {
    const { url } = await receiver({ ...UNSIGNED, max_requests_per_second: 1 });
    const statuses = await Promise.all([1, 2, 3, 4, 5].map(async (id) => (await post(url, String(id)))[0]));
    expect(statuses.sort()).toEqual([200, 200, 429, 429, 429]);
    expect(inbox.stored).toHaveLength(2);
  });

  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  it.each<[string, string | Buffer]>([
    ["nothing", ""],
    ["text", "hello"],
    ["a form", "a=b&c=d"],
    ["half an object", '{"a":'],
    ["two objects", "{} {}"],
    ["a comment", "{} // x"],
    ["NaN", "NaN"],
    ["a NUL", "\0"],
    ["a byte order mark", "\ufeff{}"],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ["an overlong encoding", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["arrays 65 deep", nested(65)],
    ["objects 65 deep", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`],
    ["arrays a hundred thousand deep", nested(100_000)],
  ])("[R-10] is 400 for %s", async (_name, body) => {
    const { url } = await receiver(UNSIGNED);
    expect((await post(url, body))[0]).toBe(400);
    expect(inbox.batches).toEqual([]);
  });

  it.each([
    '"x"',
    "1",
    "null",
    nested(64),
    '{"a":"[[[[[[[["}',
    `"${"[".repeat(200)}"`,
    '{"a":"\\\\\\"[{"}',
    '{"é":1.10}',
  ])("is 200 for %s, byte for byte", async (body) => {
    const { url } = await receiver(UNSIGNED);
    expect((await post(url, body))[0]).toBe(200);
    expect(inbox.stored[0]?.body.toString()).toBe(body);
  });
});

describe("what is stored", () => {
  it("has the sender's headers, without credentials, signatures and those of the connection", async () => {
    const { url } = await receiver(HMAC);
    const sent = {
      "x-github-event": "push",
      authorization: "Bearer abc",
      cookie: "a=b",
      "x-api-key": "k",
      "X-Auth-Token": "t",
    };
    await post(url, "{}", { ...signed("{}"), ...sent, "content-type": "application/json" });
    const { headers = {} } = inbox.stored[0] ?? {};
    expect(headers).toMatchObject({ "x-github-event": "push", "content-type": "application/json" });
    expect(JSON.stringify(headers)).not.toMatch(/Bearer|a=b|"k"|"t"|sha256=/);
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["host", "connection", "content-length"]));
  });
});

describe("an address", () => {
  it("is shared by pipelines with different paths, and freed by the last of them", async () => {
    const first = await receiver({ ...UNSIGNED, listen_addr: `127.0.0.1:${await freePort()}`, path: "/a" });
    const listen_addr = first.source.address ?? "";
    const second = await receiver({ ...UNSIGNED, listen_addr, path: "/b" });
    expect([(await post(first.url, "1"))[0], (await post(second.url, "2"))[0]]).toEqual([200, 200]);
    await first.stop();
    expect((await post(first.url, "3"))[0], "a moment, not a 404").toBe(503);
    expect((await post(second.url, "4"))[0]).toBe(200);
    const again = await receiver({ ...UNSIGNED, listen_addr, path: "/a" });
    expect((await post(again.url, "5"))[0]).toBe(200);
    await again.stop();
    await second.stop();
    await expect(post(second.url, "6")).rejects.toThrow();
    const last = await receiver({ ...UNSIGNED, listen_addr, path: "/b" });
    expect((await post(last.url, "7"))[0]).toBe(200);
  });

  it("has one pipeline per path, and one certificate", async () => {
    const listen_addr = `127.0.0.1:${await freePort()}`;
    const leaf = await issue({ commonName: "x", names: ["127.0.0.1"] });
    await receiver({ ...UNSIGNED, listen_addr, path: "/a" });
    expect((await refusal({ ...UNSIGNED, listen_addr, path: "/a" })).message).toContain(
      "Another pipeline has the path /a",
    );
    const tls = { tls_cert: leaf.certificate, tls_key: leaf.key };
    expect((await refusal({ ...UNSIGNED, ...tls, listen_addr, path: "/b" })).message).toContain("another certificate");
  });

  it("can be released by two and taken by two at the same time", async () => {
    const listen_addr = `127.0.0.1:${await freePort()}`;
    const take = (path: string) => receiver({ ...UNSIGNED, listen_addr, path });
    const both = await Promise.all([take("/a"), take("/b")]);
    const again = await Promise.all([...both.map(({ stop }) => stop()), take("/c"), take("/d")]);
    for (const one of again) if (one) expect((await post(one.url, "1"))[0]).toBe(200);
  });

  it("that is taken by somebody else is a failure that may pass", async () => {
    const other = await startHttpServer({ host: "127.0.0.1", port: 0, route: () => ({ status: 200 }) });
    open.push(other);
    const failure = await refusal({ ...UNSIGNED, listen_addr: other.address });
    expect(failure).toMatchObject({
      class: "unavailable",
      message: `could not listen on ${other.address}: Something else listens there.`,
    });
  });

  it("is this machine only by default, and said to be open when it is", async () => {
    expect(readConfig(webhook, UNSIGNED)).toMatchObject({ listen_addr: "127.0.0.1:8080", path: "/" });
    const { warnings } = await receiver({ ...HMAC, listen_addr: "0.0.0.0:0" });
    expect(warnings.join()).toContain("without TLS");
    const { warnings: none } = await receiver(HMAC);
    expect(none).toEqual([]);
  });

  it.each([
    "8080",
    ":8080",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:99999",
    "a b:80",
    "http://127.0.0.1:80",
    "127.0.0.1:80/x",
    "[::1:80",
  ])("is not %j", async (listen_addr) => {
    expect(await refusal({ ...UNSIGNED, listen_addr })).toMatchObject({ class: "invalid_config" });
  });

  it.each(["", "a", "/a b", "/a?b", "/a#b", "/a\r\nb"])("has no path %j", (path) => {
    expect(() => readConfig(webhook, { ...UNSIGNED, path })).toThrow("path");
  });

  it("speaks TLS with its own certificate", async () => {
    const authority = await createAuthority("ours");
    const leaf = await issue({ commonName: "x", names: ["127.0.0.1"] }, authority);
    const { source, warnings } = await receiver({ ...HMAC, tls_cert: leaf.certificate, tls_key: leaf.key });
    const { Agent, request } = await import("undici");
    const dispatcher = new Agent({ connect: { ca: authority.pem } });
    const answer = await request(`https://${source.address}/`, {
      method: "POST",
      body: "{}",
      headers: signed("{}"),
      dispatcher,
    });
    expect(answer.statusCode).toBe(200);
    await dispatcher.close();
    expect(warnings).toEqual([]);
    expect(() => readConfig(webhook, { ...HMAC, tls_cert: leaf.certificate })).toThrow("go together");
    expect(() => readConfig(webhook, { ...HMAC, tls_client_ca: authority.pem })).toThrow("tls_client_ca needs");
    expect(await refusal({ ...HMAC, tls_cert: "/etc/ssl/cert.pem", tls_key: leaf.key })).toMatchObject({
      class: "invalid_config",
    });
  });
});

describe("a pipeline that stops", () => {
  it("lets what is being stored end, and takes nothing more", async () => {
    let commit = () => {};
    inbox.gate = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const { url, stop } = await receiver(UNSIGNED);
    const answer = post(url, "{}");
    await expect.poll(() => inbox.batches.length).toBe(1);
    const stopped = stop();
    setTimeout(() => commit(), 50);
    expect(await answer).toEqual([200, { stored: true }]);
    await stopped;
    await expect(post(url, "{}")).rejects.toThrow();
  });

  it("waits no longer than its time for one that hangs", async () => {
    inbox.gate = new Promise(() => undefined);
    const { url, stop } = await receiver(UNSIGNED);
    const lost = post(url, "{}").catch(() => "lost");
    await expect.poll(() => inbox.batches.length).toBe(1);
    await stop();
    expect(await lost).toBe("lost");
  });

  it("hands many requests over at once", async () => {
    const { url } = await receiver(UNSIGNED);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, id) => post(url, String(id))));
    expect(answers.every(([status]) => status === 200)).toBe(true);
    expect(new Set(inbox.bodies).size).toBe(40);
  });
});
