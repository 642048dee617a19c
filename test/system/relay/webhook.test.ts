/** Webhooks as a sink and as a source, through the suites of all connectors, over TLS and with signatures. */
import { createHmac } from "node:crypto";
import { request } from "undici";
import { startHttpServer } from "../../../src/net/http-server.ts";
import webhookSink from "../../../src/relay/sinks/webhook.ts";
import webhookSource from "../../../src/relay/sources/webhook.ts";
import { describeSink } from "../../conformance/relay/sinks.ts";
import { describeSource, type Written } from "../../conformance/relay/sources.ts";
import { createAuthority, issue } from "../../support/certificates.ts";
import { startWebServer } from "../../support/web-server.ts";

const SECRET = "a secret of the conformance suite";

function signatureOf(body: Buffer | string): string {
  return `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
}

describeSink({
  isLocal: true,
  definition: webhookSink,
  async start() {
    const authority = await createAuthority("authority of the endpoint");
    const { certificate: cert, key } = await issue({ commonName: "endpoint", names: ["127.0.0.1"] }, authority);
    const server = await startWebServer({
      tls: { cert, key },
      answer: ({ body, headers }) => ({ status: headers["x-signature-256"] === signatureOf(body) ? 200 : 401 }),
    });
    return {
      server: `node:https ${process.version}`,
      config: (place) => ({
        url: `${server.origin}/${place}`,
        body: "single",
        tls_ca_cert: authority.pem,
        signature: { scheme: "hmac-sha256", secret: SECRET },
      }),
      read: async (place) =>
        server.requests
          .filter(({ url }) => url === `/${place}`)
          .map(({ body, headers }) => ({
            body,
            dedupId: headers["idempotency-key"]?.toString(),
            headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
          })),
      stop: () => server.close(),
    };
  },
});

/** As a sender does it: one event after the other, each again until it is answered with 200. */
async function sendUntilTaken(url: string, events: readonly Written[], stopping: AbortSignal): Promise<void> {
  for (const { body, id } of events) {
    const headers = { "x-signature-256": signatureOf(body), "idempotency-key": id };
    while (!stopping.aborted) {
      const status = await request(url, { method: "POST", body, headers }).then(
        async (answer) => {
          await answer.body.dump();
          return answer.statusCode;
        },
        () => 0,
      );
      if (status === 200) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describeSource({
  isLocal: true,
  definition: webhookSource,
  onlyJson: "a webhook that is not JSON is answered with 400",
  withoutHeaders: "HTTP carries no such headers; the receiver's own test has those that it carries",
  async start() {
    const probe = await startHttpServer({ host: "127.0.0.1", port: 0, route: () => ({ status: 200 }) });
    const { address } = probe;
    await probe.close();
    const stopping = new AbortController();
    const sending: Promise<void>[] = [];
    return {
      server: `undici as the sender, at ${address}`,
      config: (place) => ({
        listen_addr: address,
        path: `/${place}`,
        max_requests_per_second: 0,
        signature: { scheme: "hmac-sha256", secret: SECRET },
      }),
      write: async (place, events) => {
        sending.push(sendUntilTaken(`http://${address}/${place}`, events, stopping.signal));
      },
      stop: async () => {
        stopping.abort();
        await Promise.all(sending);
      },
    };
  },
});
