/**
 * Relays that are killed at random moments while applications publish. Whatever happens to the processes, each committed
 * event arrives, nothing else does, each key stays in order, and what is repeated is repeated under its id.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { FLAWLESS, judge, missing } from "../../support/relay/arrivals.ts";
import { startReceiver } from "../../support/relay/receiver.ts";
import { packRelayProgram, type RelayProcess, type RelayProgram } from "../../support/relay/relay-process.ts";
import { makePipeline, until } from "../../support/relay/running.ts";
import { pause, randomFrom, startWriters } from "../../support/relay/writers.ts";
import { openTide } from "../../support/tide-session.ts";

const KILLS = 200;
const EVENTS = 10_000;
/** Relays of the group: one owns the pipeline, the others wait to take it over. */
const RELAYS = 5;
/** Events on their way to the receiver at once. */
const IN_FLIGHT = 100;
/** Delivered events whose delivery is not recorded yet: RECORD_EVERY_MESSAGES of the engine. */
const UNRECORDED = 500;

let program: RelayProgram;
let cluster: TestCluster;
beforeAll(async () => {
  [program, cluster] = await Promise.all([
    packRelayProgram(),
    startCluster({ settings: { max_prepared_transactions: "20", max_connections: "100" } }),
  ]);
});
afterAll(() => Promise.all([program?.remove(), cluster?.stop()]));

describe("[R-11] relays of a group that are killed at random", () => {
  it(`deliver each of ${EVENTS} events, in order per key, through ${KILLS} kills`, async () => {
    await using tide = await openTide({ cluster });
    const random = randomFrom(42);
    await using receiver = await startReceiver({ delayMs: () => random() * 40 });
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT }));
    const writers = startWriters(tide, { outbox: "orders" });
    const relays: RelayProcess[] = [];
    await using _ = {
      [Symbol.asyncDispose]: async () => void (await Promise.all(relays.map((one) => one[Symbol.asyncDispose]()))),
    };
    const alive = () => relays.filter((relay) => !relay.isGone());
    const start = () => relays.push(program.start(tide, { takeoverIntervalMs: 100 }));
    const isReady = (relay: RelayProcess) => relay.told.length > 0;
    for (let count = 0; count < RELAYS; count++) start();
    const began = performance.now();
    for (let kill = 1; kill <= KILLS; kill++) {
      writers.allow(Math.ceil((EVENTS * kill) / KILLS));
      await until("somebody owns the pipeline", () => alive().some((relay) => relay.owns()));
      // Some are killed before they have done anything, most of them at work.
      const before = receiver.arrivals.length;
      const enough = random() < 0.2 ? 0 : 1 + random() * 25;
      const patience = performance.now() + 1_000;
      await until("it works", () => receiver.arrivals.length >= before + enough || performance.now() > patience);
      await pause(random() * 30);
      const owners = alive().filter((relay) => relay.owns());
      const waiting = alive().filter((relay) => isReady(relay) && !relay.owns());
      const [victim] = random() < 0.85 || waiting.length === 0 ? owners : waiting;
      victim?.signal("SIGKILL");
      await until("it is gone", () => victim?.isGone() ?? true);
      start();
      await until("there is room for another", () => alive().filter((relay) => !isReady(relay)).length < 3);
    }
    const seconds = (performance.now() - began) / 1_000;
    await writers.finish();
    await until("everything arrived", async () => (await missing(tide, "orders", receiver.arrivals)) === 0);
    const verdict = await judge(tide, "orders", receiver.arrivals);
    const each = verdict.duplicates / KILLS;
    console.log(
      `${KILLS} kills in ${seconds.toFixed(0)} s: ${verdict.delivered} events, ${verdict.duplicates} duplicates (${each.toFixed(1)} per kill)`,
    );
    expect(verdict).toMatchObject(FLAWLESS);
    expect(verdict.delivered).toBeGreaterThanOrEqual(EVENTS);
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
    const arrived = new Set(receiver.arrivals.map(({ name }) => name));
    expect([...writers.committed].filter((name) => !arrived.has(name))).toEqual([]);
    expect(verdict.duplicates).toBeLessThan(KILLS * (IN_FLIGHT + UNRECORDED));
  }, 400_000);
});
