/**
 * A broker that refuses what it took before, as one does that is starting again or whose password is being changed: the
 * pipelines ask again soon and not after their longest pause, and nothing is lost.
 */
import { Redis } from "ioredis";
import { beforeEach, describe, expect, it } from "vitest";
import { catalogueParts } from "../../../src/relay/engine/catalogue-parts.ts";
import { REDIS, startRedis } from "../../support/brokers/redis.ts";
import { needs } from "../../support/needs.ts";
import {
  lastEvents,
  makePipeline,
  publish,
  type RunningRelay,
  startRelay,
  until,
} from "../../support/relay/running.ts";
import { openTide } from "../../support/tide-session.ts";

const PACE = { retry: { backoff_ms: 50, max_backoff_ms: 3_600_000 }, max_poll_backoff_ms: 1_000 };

/** The pauses that a pipeline announced after a refusal, in milliseconds. */
function pausesOf({ events }: RunningRelay, name: string): number[] {
  return events.flatMap((event) =>
    event.type === "relay.state" && event.pipeline === name && event.state === "failed" ? [event.nextRetryMs ?? 0] : [],
  );
}

describe("a broker that refuses for a moment what it took before", () => {
  beforeEach(needs(REDIS.isThere, REDIS.reason));

  it("is asked again after a second, then after four, and gets all events", async () => {
    await using broker = await startRedis();
    await using tide = await openTide();
    const url = `rediss://localhost:${broker.port}`;
    const connection = {
      url,
      username: broker.user,
      password: "${env:BROKER_PASSWORD}",
      tls_ca_file: "${env:BROKER_CA}",
    };
    await tide.rows("select tide.inbox_create('mail')");
    const config = { ...connection, stream_key: "events-orders" };
    const source = { name: "in", inbox: "mail", source: "redis", config, ...PACE };
    await tide.rows("select tide.relay_set_inbox_v2($1)", JSON.stringify(source));
    await makePipeline(tide, "orders", { sink_type: "redis", config, ...PACE });
    await using relay = startRelay(tide, catalogueParts, {
      addresses: { allow: ["127.0.0.0/8"] },
      environment: { BROKER_PASSWORD: broker.password, BROKER_CA: broker.ca },
    });
    const stored = async () => Number(await tide.one('select count(*) from tide."mail_inbox"'));
    const say = (error: unknown) => Promise.reject(new Error(lastEvents(relay), { cause: error }));
    await publish(tide, "orders", 10);
    await until("the first events are there", async () => (await stored()) === 10).catch(say);

    const admin = new Redis({ host: "127.0.0.1", port: broker.plainPort, password: broker.password });
    const setPassword = (password: string) => admin.call("ACL", "SETUSER", "default", "resetpass", `>${password}`);
    await setPassword("another one");
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await publish(tide, "orders", 10, 11);
    const isRefusedTwice = () => pausesOf(relay, "in").length > 1 && pausesOf(relay, "orders").length > 1;
    await until("both are refused twice", isRefusedTwice).catch(say);
    await setPassword(broker.password);
    admin.disconnect();

    await until("all events are there", async () => (await stored()) === 20).catch(say);
    for (const name of ["in", "orders"]) {
      const [first = 0, second = 0] = pausesOf(relay, name);
      expect([first >= 500, first <= 1_000, second >= 1_900, second <= 4_000]).toEqual([true, true, true, true]);
    }
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
  });
});
