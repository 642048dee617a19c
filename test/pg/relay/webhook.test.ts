/** Webhooks from end to end: a row of the outbox as a signed request, a signed request as a row of the inbox, over a real database. */
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import type { RelayOptions } from "../../../src/relay/engine/options.ts";
import { freePort } from "../../support/free-port.ts";
import { jsonText, startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";
import { startWebServer, type WebServer } from "../../support/web-server.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PERMITTED: Partial<RelayOptions> = {
  addresses: { allow: ["127.0.0.1"] },
  allowInsecure: true,
  environment: { HOOK_SECRET: SECRET },
};

async function outboxPipeline(
  tide: Tide,
  url: string,
  more: Record<string, unknown> = {},
  top: Record<string, unknown> = {},
) {
  await tide.rows("select tide.outbox_create('orders')");
  const config = {
    url,
    allow_http: true,
    signature: { scheme: "standard-webhooks", secret: "${env:HOOK_SECRET}" },
    ...more,
  };
  const pipeline = { name: "hook", outbox: "orders", sink_type: "webhook", config, ...top };
  await tide.rows("select tide.relay_set_outbox_v2($1::jsonb)", JSON.stringify(pipeline));
}

async function publish(tide: Tide, count: number, from = 1): Promise<void> {
  await tide.rows(
    "select tide.outbox_publish('orders', jsonb_build_object('n', n), '{}') from generate_series($1::int, $2::int) as n",
    String(from),
    String(from + count - 1),
  );
}

/** Numbers of the events in the requests, in the order they came. */
function numbersOf({ requests }: WebServer): number[] {
  return requests.flatMap(({ body }) => {
    const parsed: { payload: { n: number } } | { payload: { n: number } }[] = JSON.parse(body.toString());
    return (Array.isArray(parsed) ? parsed : [parsed]).map(({ payload }) => payload.n);
  });
}

describe("an outbox whose sink is a webhook", () => {
  it("arrives whole, in order, signed with the secret of the process's environment", async () => {
    await using tide = await openTide();
    await using server = await startWebServer();
    await outboxPipeline(tide, server.origin);
    await publish(tide, 250);
    await using relay = startRelay(tide, catalogueParts, PERMITTED);
    await until("all are there", () => numbersOf(server).length >= 250);
    expect(numbersOf(server)).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
    const wrong = server.requests.filter(({ body, headers }) => {
      const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      return new Webhook(SECRET).verify(body, texts) === undefined;
    });
    expect(wrong).toEqual([]);
    await relay.stop();
  });

  it.each(["array", "single"])(
    "has a dead letter of the event that is refused, and of no other (body %s)",
    async (body) => {
      await using tide = await openTide();
      await using server = await startWebServer({
        answer: ({ body: sent }) => ({ status: sent.includes('{"n": 17}') ? 422 : 200, body: "no" }),
      });
      await outboxPipeline(tide, server.origin, { body }, { order_key: "payload.n" });
      await publish(tide, 60);
      await using relay = startRelay(tide, catalogueParts, PERMITTED);
      await until(
        "there is a dead letter",
        async () => (await tide.one("select count(*) from tide.relay_dlq")) === "1",
      );
      await until("the rest is delivered", async () => (await relayed(tide)) === "60");
      expect(await tide.rows("select error_kind, sink_name, error_message from tide.relay_dlq")).toEqual([
        {
          error_kind: "sink_permanent",
          sink_name: "webhook",
          error_message: "protocol_rejection: the endpoint answered 422: no",
        },
      ]);
      await relay.stop();
    },
  );

  it("waits while the endpoint is away, loses nothing and makes no dead letters", async () => {
    await using tide = await openTide();
    let status = 503;
    await using server = await startWebServer({ answer: () => ({ status, headers: { "retry-after": "0" } }) });
    await outboxPipeline(tide, server.origin, {}, { retry: { max_retries: 0, backoff_ms: 50 } });
    await publish(tide, 5);
    await using relay = startRelay(tide, catalogueParts, PERMITTED);
    await until("it was tried some times", () => server.requests.length >= 3);
    const before = server.requests.length;
    status = 200;
    await until("it arrived", async () => (await relayed(tide)) === "5");
    server.requests.splice(0, before);
    expect(new Set(numbersOf(server))).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    await relay.stop();
  });

  it("[R-02] reaches no private address that only the catalog asks for", async () => {
    await using tide = await openTide();
    await using server = await startWebServer();
    await outboxPipeline(tide, server.origin, { ssrf_protection: false, ssrf_allow: ["127.0.0.0/8"] });
    await publish(tide, 1);
    await using relay = startRelay(tide, catalogueParts, { ...PERMITTED, addresses: { allow: [] } });
    await until("it says so", () =>
      relay.events.some((event) => jsonText(event).includes("PGTIDE_WEBHOOK_SSRF_REJECTED")),
    );
    expect(server.connections()).toBe(0);
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    await relay.stop();
  });
});

describe("an inbox whose source is a webhook", () => {
  it("[relay 8.2] holds what Stripe sent, once, and 200 means that it is there", async () => {
    await using tide = await openTide();
    const address = `127.0.0.1:${await freePort()}`;
    await tide.rows("select tide.inbox_create('payments')");
    const source = {
      listen_addr: address,
      path: "/stripe",
      signature_scheme: "stripe",
      signature_secret: "${env:HOOK_SECRET}",
    };
    await tide.rows(
      "select tide.relay_set_inbox_v2($1::jsonb)",
      JSON.stringify({ name: "payments-in", inbox: "payments", source: "webhook", config: source }),
    );
    await using relay = startRelay(tide, catalogueParts, PERMITTED);
    const payload = '{"id":"evt_1","amount":1.25}';
    const header = new Stripe("sk_test_of_nobody").webhooks.generateTestHeaderString({ payload, secret: SECRET });
    const post = (signature: string) =>
      fetch(`http://${address}/stripe`, {
        method: "POST",
        body: payload,
        headers: { "stripe-signature": signature },
      }).then(
        async (answer) => [answer.status, await answer.json()],
        () => [0],
      );
    await until("it listens", async () => (await post("t=1,v1=00"))[0] === 401);
    expect(await post(header)).toEqual([200, { stored: true }]);
    expect(await tide.rows('select event_id, payload::text, source from tide."payments_inbox"')).toEqual([
      { event_id: "evt_1", payload: '{"id": "evt_1", "amount": 1.25}', source: "/stripe" },
    ]);
    expect(await post(header)).toEqual([200, { duplicate: true }]);
    await Promise.all(Array.from({ length: 20 }, () => post(header)));
    expect(await tide.one('select count(*) from tide."payments_inbox"')).toBe("1");
    await relay.stop();
    expect(await post(header)).toEqual([0]);
  });

  it("[R-09] does not start unsigned unless it says so, and hides no other pipeline by that", async () => {
    await using tide = await openTide();
    const address = `127.0.0.1:${await freePort()}`;
    for (const [name, more] of [
      ["open", {}],
      ["signed", { signature: { scheme: "hmac-sha256", secret: "${env:HOOK_SECRET}" } }],
    ] as const) {
      await tide.rows("select tide.inbox_create($1)", name);
      const config = { listen_addr: address, path: `/${name}`, ...more };
      await tide.rows(
        "select tide.relay_set_inbox_v2($1::jsonb)",
        JSON.stringify({ name, inbox: name, source: "webhook", config }),
      );
    }
    await using relay = startRelay(tide, catalogueParts, PERMITTED);
    const signature = createHmac("sha256", SECRET).update("{}").digest("hex");
    const post = (path: string) =>
      fetch(`http://${address}/${path}`, {
        method: "POST",
        body: "{}",
        headers: { "x-signature-256": signature },
      }).then(
        ({ status }) => status,
        () => 0,
      );
    await until("the signed one takes events", async () => (await post("signed")) === 200);
    expect(await post("open")).toBe(404);
    await until("the other says why", () => relay.events.some((event) => jsonText(event).includes("allow_unsigned")));
    expect(await tide.one('select count(*) from tide."open_inbox"')).toBe("0");
    await relay.stop();
  });
});

function relayed(tide: Tide): Promise<string | null> {
  return tide.one("select last_change_id from tide.relay_consumer_offsets where pipeline_id = 'hook'");
}
