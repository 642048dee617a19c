/**
 * Who owns a pipeline when owners are killed, frozen, or cut off from the database: one at a time, always a next one, and
 * whoever was replaced changes nothing when it comes back.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { type Arrival, FLAWLESS, judge, missing } from "../../support/relay/arrivals.ts";
import { startReceiver } from "../../support/relay/receiver.ts";
import { packRelayProgram, type RelayProcess, type RelayProgram } from "../../support/relay/relay-process.ts";
import { type RoughLink, startRoughLink } from "../../support/relay/rough-network.ts";
import { makePipeline, until } from "../../support/relay/running.ts";
import { pause, startWriters } from "../../support/relay/writers.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

const LEASE_MS = 3_000;
/** As `relay run` has it by default. */
const TAKEOVER_INTERVAL_MS = 2_000;
const IN_FLIGHT = 50;

let program: RelayProgram;
let cluster: TestCluster;
beforeAll(async () => {
  [program, cluster] = await Promise.all([
    packRelayProgram(),
    startCluster({ settings: { max_prepared_transactions: "20", max_connections: "100" } }),
  ]);
});
afterAll(() => Promise.all([program?.remove(), cluster?.stop()]));

interface Member extends AsyncDisposable {
  relay: RelayProcess;
  link: RoughLink;
}

interface Trouble {
  what: string;
  /** Within which another one owns the pipeline on a machine that does nothing else; shown beside what it took. */
  promisedMs: number;
  begin(member: Member): void;
  end(member: Member): void;
}

const TROUBLES: Trouble[] = [
  { what: "killed", promisedMs: 1_000, begin: ({ relay }) => relay.signal("SIGKILL"), end: () => undefined },
  {
    what: "paused",
    promisedMs: LEASE_MS + 1_000,
    begin: ({ relay }) => relay.signal("SIGSTOP"),
    end: ({ relay }) => relay.signal("SIGCONT"),
  },
  {
    what: "in a black hole",
    promisedMs: LEASE_MS + 1_000,
    begin: ({ link }) => link.blackHole(),
    end: ({ link }) => link.heal(),
  },
  { what: "cut off", promisedMs: 1_000, begin: ({ link }) => link.cut(), end: ({ link }) => link.heal() },
  {
    what: "half open",
    promisedMs: LEASE_MS + 1_000,
    begin: ({ link }) => link.loseClient(),
    end: ({ link }) => link.heal(),
  },
];

async function join(tide: Tide): Promise<Member> {
  const link = await startRoughLink(tide.cluster);
  const relay = program.start(tide, { via: link, leaseMs: LEASE_MS, takeoverIntervalMs: TAKEOVER_INTERVAL_MS });
  return {
    link,
    relay,
    [Symbol.asyncDispose]: async () => {
      await relay[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}

interface Acquisition {
  label: string;
  epoch: number;
  at: number;
  /** When its owner first recorded a position. */
  recordedAt: number | undefined;
}

/** Who owned the pipeline, by epoch. */
function acquisitions(members: readonly Member[]): Acquisition[] {
  const all = members.flatMap(({ relay: { label, told } }) =>
    told.flatMap((one, index): Acquisition[] => {
      if (one.type !== "relay.ownership" || one.event !== "acquired") return [];
      const later = told.slice(index + 1);
      const end = later.findIndex(({ type, event }) => type === "relay.ownership" && event !== "denied");
      const own = end < 0 ? later : later.slice(0, end);
      const recordedAt = own.find(({ type }) => type === "relay.checkpoint")?.at;
      return [{ label, epoch: Number(one.epoch), at: one.at, recordedAt }];
    }),
  );
  return all.sort((a, b) => a.epoch - b.epoch);
}

/** For each owner: events that it sent after its successor had recorded a position. */
function late(owners: readonly Acquisition[], arrivals: readonly Arrival[]): number[] {
  return owners.map(({ label, epoch, at }) => {
    const successor = owners.find((other) => other.epoch > epoch && other.recordedAt !== undefined);
    const again = owners.find((other) => other.epoch > epoch && other.label === label);
    const from = successor?.recordedAt ?? Number.POSITIVE_INFINITY;
    const to = again?.at ?? Number.POSITIVE_INFINITY;
    return arrivals.filter((one) => one.relay === label && one.at >= at && one.at > from && one.at < to).length;
  });
}

describe.each([2, 5])("[relay 5.4] [R-11] %i relays of a group", (size) => {
  it("have one owner at a time, after each trouble another one, and lose, repeat or reorder nothing beyond what was on its way", async () => {
    await using tide = await openTide({ cluster });
    await using receiver = await startReceiver({ delayMs: () => 5 });
    await makePipeline(tide, "orders", receiver.pipeline({ batch_size: 5, sink_max_inflight: IN_FLIGHT }));
    const members: Member[] = [];
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
      },
    };
    for (let count = 0; count < size; count++) members.push(await join(tide));
    const writers = startWriters(tide, { outbox: "orders", writers: 3, seed: size });
    const publishing = setInterval(() => writers.allow(writers.committed.size + 10), 50);
    const newest = () => acquisitions(members).at(-1);
    try {
      for (const { what, promisedMs, begin, end } of TROUBLES) {
        const looks = ({ relay }: Member) =>
          relay.isGone() || relay.told.some(({ type }) => type === "relay.reconciled");
        await until("all look", () => members.every(looks));
        const before = receiver.arrivals.length;
        await until("the owner delivers", () => receiver.arrivals.length > before + 20);
        // Whoever replaced one whose session lived on gets the lock when that is gone; without it handing over takes the lease.
        const hasLock = async () => (await tide.one("select has_lock from tide.relay_leases")) === "t";
        await until("the owner has the lock", hasLock);
        const owner = newest();
        const member = members.find(({ relay }) => relay.label === owner?.label);
        if (owner === undefined || member === undefined) throw new Error("nobody owns the pipeline");
        const beganAt = Date.now();
        begin(member);
        await until("another one owns it", () => (newest()?.epoch ?? 0) > owner.epoch);
        const tookMs = (newest()?.at ?? 0) - beganAt;
        console.log(
          `${size} relays, owner ${what}: ${newest()?.label} took over after ${tookMs} ms, ${promisedMs} promised`,
        );
        await until("the next one records", () => newest()?.recordedAt !== undefined);
        end(member);
        if (member.relay.isGone()) members.push(await join(tide));
        await pause(300);
      }
    } finally {
      clearInterval(publishing);
    }
    await writers.finish();
    await until("everything arrived", async () => (await missing(tide, "orders", receiver.arrivals)) === 0);
    const owners = acquisitions(members);
    expect(new Set(owners.map(({ epoch }) => epoch)).size).toBe(owners.length);
    const lates = late(owners, receiver.arrivals);
    const verdict = await judge(tide, "orders", receiver.arrivals);
    console.log(
      `${size} relays: ${verdict.delivered} events, ${verdict.duplicates} duplicates in ${owners.length - 1} takeovers, late: ${lates.join(" ")}`,
    );
    expect(Math.max(...lates)).toBeLessThanOrEqual(IN_FLIGHT);
    expect(verdict).toMatchObject(FLAWLESS);
    expect(await tide.one("select count(*) from tide.relay_dlq")).toBe("0");
  });
});
