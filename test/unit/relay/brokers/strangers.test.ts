/** Servers of another kind behind a broker's address: the sink says so soon, and nothing of what they send ends the process. */
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "../../../../src/base/clock.ts";
import { addressPolicy } from "../../../../src/net/address-guard.ts";
import { ConnectorFailure } from "../../../../src/relay/failures.ts";
import kafka from "../../../../src/relay/sinks/kafka.ts";
import redis from "../../../../src/relay/sinks/redis.ts";

const ANSWERS: Record<string, Buffer> = {
  "a web server": Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n"),
  zeros: Buffer.alloc(64),
  noise: Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 37) % 251)),
  "an empty answer": Buffer.from([0, 0, 0, 4, 0, 0, 0, 1]),
  "negative lengths": Buffer.alloc(64, 0xff),
};

async function openAgainst(answer: Buffer, open: (port: number) => Promise<unknown>): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).on("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await open(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    server.close();
  }
}

const context = () => ({
  pipeline: "orders",
  group: "default",
  clock: systemClock,
  signal: AbortSignal.timeout(10_000),
  addresses: addressPolicy({ rules: { allow: ["127.0.0.0/8"] } }),
  allowInsecure: true,
  warn: () => undefined,
});

describe.each(Object.entries(ANSWERS))("%s behind a broker's address", (name, answer) => {
  it("is no Kafka broker", async () => {
    const failure = await openAgainst(answer, async (port) => {
      const config = kafka.config(z).parse({
        brokers: `127.0.0.1:${port}`,
        topic: "t",
        security_protocol: "plaintext",
        allow_insecure: true,
        request_timeout_ms: 1_000,
      });
      return await kafka.open(config, context() as never).catch((error: unknown) => error);
    });
    expect(failure).toBeInstanceOf(ConnectorFailure);
    if (name !== "an empty answer") expect(String(failure)).toContain("no Kafka broker: look at host and port");
  }, 30_000);

  it("is no Redis server", async () => {
    const failure = await openAgainst(answer, async (port) => {
      const config = redis.config(z).parse({ url: `redis://127.0.0.1:${port}`, stream_key: "s", allow_insecure: true });
      return await redis.open(config, context() as never).catch((error: unknown) => error);
    });
    expect(failure).toBeInstanceOf(ConnectorFailure);
    expect(String(failure)).toContain("no Redis server");
  });
});
