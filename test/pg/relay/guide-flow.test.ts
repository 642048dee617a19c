/** Events flow for the roles of pg_tide's security guide: the application publishes, the relay delivers signed, the sender's event waits in the inbox. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";
import { freePort } from "../../support/free-port.ts";
import { startRelay, until } from "../../support/relay/running.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";
import { startWebServer, type WebServer } from "../../support/web-server.ts";

const ROLES = `CREATE ROLE app_writer;
GRANT USAGE ON SCHEMA tide TO app_writer;
GRANT EXECUTE ON FUNCTION tide.outbox_publish TO app_writer;
GRANT EXECUTE ON FUNCTION tide.inbox_mark_processed TO app_writer;
GRANT SELECT ON tide.inbox_pending TO app_writer;
CREATE ROLE relay_worker;
GRANT USAGE ON SCHEMA tide TO relay_worker;
GRANT ALL ON ALL TABLES IN SCHEMA tide TO relay_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tide TO relay_worker;`;

const SECRETS = { WEBHOOK_SECRET: "for-the-partner", STRIPE_WEBHOOK_SECRET: "whsec_from_stripe" };

describe("with the guide's roles and pipelines", () => {
  let cluster: TestCluster;
  let tide: Tide;
  let partner: WebServer;
  let port: number;
  beforeAll(async () => {
    cluster = await startCluster();
    tide = await openTide({ cluster });
    partner = await startWebServer();
    port = await freePort();
    await tide.run(`select tide.outbox_create('events'); select tide.inbox_create('payments'); ${ROLES}
      grant app_writer to postgres; alter role relay_worker login password '${cluster.password}';
      select tide.relay_set_outbox('signed', 'events', '{
        "sink_type": "webhook",
        "url": "${partner.origin}/events", "allow_http": true,
        "signature": {"scheme": "hmac-sha256", "secret": "\${env:WEBHOOK_SECRET}", "header": "X-Signature-256"}
      }'::jsonb);
      select tide.relay_set_inbox('stripe', 'payments', '{
        "source_type": "webhook", "listen_addr": "127.0.0.1:${port}",
        "signature_scheme": "stripe", "signature_secret": "\${env:STRIPE_WEBHOOK_SECRET}"
      }'::jsonb)`);
  });
  afterAll(async () => {
    await partner?.close();
    await tide?.[Symbol.asyncDispose]();
    await cluster?.stop();
  });

  it("[R-14] the relay's role, which is no superuser, delivers what the application published and stores what came in", async () => {
    await using relay = startRelay(tide, catalogueParts, {
      openDatabase: () => connectTo(cluster, { database: tide.database, user: "relay_worker" }),
      environment: SECRETS,
      allowInsecure: true,
      addresses: { allow: ["127.0.0.0/8"] },
    });
    await tide.run(`set role app_writer; select tide.outbox_publish('events', '{"order": 1}', '{}'); reset role`);
    await until("the webhook arrived", () => partner.requests.length > 0);
    const [request] = partner.requests;
    expect(request?.headers["x-signature-256"]).toBe(
      `sha256=${createHmac("sha256", SECRETS.WEBHOOK_SECRET)
        .update(request?.body ?? "")
        .digest("hex")}`,
    );
    expect(JSON.parse(String(request?.body))).toMatchObject([{ payload: { order: 1 }, outbox_name: "events" }]);

    const body = '{"id": "evt_1", "type": "charge.succeeded"}';
    const at = Math.floor(Date.now() / 1_000);
    const sign = (secret: string) => `t=${at},v1=${createHmac("sha256", secret).update(`${at}.${body}`).digest("hex")}`;
    const send = (signature: string) =>
      fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, headers: { "stripe-signature": signature } }).then(
        ({ status }) => status,
        () => 0,
      );
    await until("the receiver listens", async () => (await send("t=1,v1=00")) === 401);
    expect(await send(sign("not-the-secret"))).toBe(401);
    expect(await send(sign(SECRETS.STRIPE_WEBHOOK_SECRET))).toBe(200);
    await tide.run("set role app_writer");
    expect(await tide.rows("select event_id, payload from tide.inbox_pending")).toEqual([
      { event_id: "evt_1", payload: '{"id": "evt_1", "type": "charge.succeeded"}' },
    ]);
    await tide.run("select tide.inbox_mark_processed('payments', 'evt_1'); reset role");
    await until(
      "the position is recorded",
      async () => (await tide.one("select max(last_change_id) from tide.relay_consumer_offsets")) === "1",
    );
    expect(await relay.stop()).toMatchObject({ delivered: 1, deadLetters: 0, forced: [] });
    const kept = await tide.one(
      "select (jsonb_agg(o.config) || (select jsonb_agg(i.config) from tide.relay_inbox_config as i))::text from tide.relay_outbox_config as o",
    );
    for (const secret of Object.values(SECRETS)) expect(kept).not.toContain(secret);
  });
});
