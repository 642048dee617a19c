/**
 * A TCP proxy between a tool and the server that counts round trips and can delay each direction.
 *
 * A round trip is counted when the client sends after an answer has reached it: bytes that are sent one after the other
 * without waiting are one. That counts too many when answers arrive while much is being sent, unless they are delayed for
 * longer than the sending takes. Delays keep the order and do not limit bandwidth.
 */
import { connect, createServer } from "node:net";

export async function startProxy({ host, port, oneWayDelayMs = 0 }) {
  const counts = { connections: 0, roundTrips: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    counts.connections += 1;
    const upstream = connect({ host, port, noDelay: true });
    let serverSpoke = true;
    client.on("data", () => {
      if (serverSpoke) counts.roundTrips += 1;
      serverSpoke = false;
    });
    relay(client, upstream, oneWayDelayMs);
    relay(upstream, client, oneWayDelayMs, () => {
      serverSpoke = true;
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    counts,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

function relay(from, to, delayMs, delivered = () => undefined) {
  const later = (action) => (delayMs > 0 ? setTimeout(action, delayMs) : action());
  const deliver = (chunk) => {
    delivered();
    if (to.writable) to.write(chunk);
  };
  from.on("data", (chunk) => later(() => deliver(chunk)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => later(() => to.destroy()));
}
