/**
 * The other end of the demo's webhooks: a server on this machine that checks signatures as Standard Webhooks describes
 * them, tells what it was sent, and breaks down when it is told to.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

/** 10 s: far longer than anything here takes. */
const PATIENCE_MS = 10_000;

export async function startPartner(secret) {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  /** What came: { at, status, isGenuine, event }. */
  const requests = [];
  const state = { status: 204 };
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const isGenuine = verifies(request.headers, body, key);
    const status = isGenuine ? state.status : 401;
    response.writeHead(status).end();
    requests.push({ at: performance.now(), status, isGenuine, event: JSON.parse(body) });
    server.emit("came");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/orders`,
    requests,
    answer: (status) => Object.assign(state, { status }),
    /** The first request that `isMeant`; waits for it. */
    async request(isMeant) {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      while (!requests.some(isMeant)) await once(server, "came", { signal });
      return requests.find(isMeant);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function verifies(headers, body, key) {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures = "" } = headers;
  const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.replace("v1,", ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
