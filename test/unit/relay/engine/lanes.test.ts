/** Order by key: one batch of a key on its way, what failed keeps its place, other keys go on. */
import { describe, expect, it } from "vitest";
import { type Batch, type Item, Lanes } from "../../../../src/relay/engine/lanes.ts";

const ALL = Number.POSITIVE_INFINITY;

function item(orderKey: string, id: number, changes: Partial<Item> & { bytes?: number } = {}): Item {
  const { bytes = 1, ...others } = changes;
  const message = {
    id: BigInt(id),
    outbox: "o",
    dedupKey: `${orderKey}${id}`,
    messageKey: undefined,
    op: "event",
    createdAt: "2026-01-01T00:00:00.000000Z",
    payload: "{}",
    headers: "{}",
  };
  return {
    origin: message,
    delivery: { message, subject: undefined, orderKey, key: "", body: "", contentType: "", headers: {}, bytes },
    slot: id,
    deadLetter: undefined,
    refusal: undefined,
    cost: 1,
    attempts: 0,
    tries: 0,
    maxBatch: ALL,
    ...others,
  };
}

const lanesOf = (changes: Partial<ConstructorParameters<typeof Lanes>[0]> = {}) =>
  new Lanes({ lanes: 1, batchMessages: 100, batchBytes: 1_000, ...changes });
const namesOf = (batch: Batch | undefined) => batch?.items.map(({ delivery }) => delivery.message.dedupKey);

/** Takes what may go now, and frees its lane. */
function drain(lanes: Lanes, nowMs = 0): string[][] {
  const batches: string[][] = [];
  for (let batch = lanes.next(nowMs, ALL); batch !== undefined; batch = lanes.next(nowMs, ALL)) {
    batches.push(namesOf(batch) ?? []);
    lanes.done(batch);
  }
  return batches;
}

describe("lanes", () => {
  it("give what was added, in order, in batches bounded by number and bytes", () => {
    const lanes = lanesOf({ batchMessages: 2, batchBytes: 10 });
    for (let id = 1; id <= 3; id++) lanes.add(item("a", id));
    lanes.add(item("a", 4, { bytes: 9 }));
    lanes.add(item("a", 5, { bytes: 50 }));
    expect(drain(lanes)).toEqual([["a1", "a2"], ["a3", "a4"], ["a5"]]);
    expect(lanes.queued).toBe(0);
  });

  it("never give a key while a batch of its lane is on its way", () => {
    const lanes = lanesOf({ lanes: 4 });
    for (let id = 1; id <= 40; id++) lanes.add(item(`k${id % 8}-`, id));
    const onTheirWay: Batch[] = [];
    for (let batch = lanes.next(0, 2); batch !== undefined; batch = lanes.next(0, 2)) onTheirWay.push(batch);
    const keys = onTheirWay.flatMap(({ items, lane }) => [
      ...new Set(items.map((one) => `${one.delivery.orderKey}@${lane}`)),
    ]);
    expect(new Set(keys.map((key) => key.split("@")[0])).size).toBe(keys.length);
    expect(onTheirWay.length).toBeGreaterThan(1);
    expect(new Set(onTheirWay.map(({ lane }) => lane)).size).toBe(onTheirWay.length);
  });

  it("put back what the sink could not take, in front and in order", () => {
    const lanes = lanesOf({ batchMessages: 2 });
    for (let id = 1; id <= 4; id++) lanes.add(item("a", id));
    const batch = lanes.next(0, ALL);
    if (batch === undefined) throw new Error("nothing to send");
    lanes.putBack(batch.lane, batch.items);
    lanes.done(batch);
    expect(drain(lanes)).toEqual([
      ["a1", "a2"],
      ["a3", "a4"],
    ]);
  });

  it("hold a key until its time, let other keys go on, and keep its order", () => {
    const lanes = lanesOf();
    const first = item("a", 1);
    lanes.hold(first, 50);
    for (const later of [item("b", 2), item("a", 3), item("b", 4)]) lanes.add(later);
    expect(drain(lanes, 10)).toEqual([["b2", "b4"]]);
    expect(lanes.held).toBe(2);
    expect(lanes.dueMs()).toBe(50);
    lanes.add(item("a", 5));
    expect(drain(lanes, 50)).toEqual([["a1", "a3", "a5"]]);
    expect(lanes.dueMs()).toBe(ALL);
  });

  it("keep a key blocked until it is released, except for the dead letter that is tried again", () => {
    const lanes = lanesOf();
    lanes.block("a");
    lanes.add(item("a", 1));
    lanes.add(item("b", 2));
    expect(drain(lanes, 1e9)).toEqual([["b2"]]);
    expect(lanes.blockedKeys()).toEqual(["a"]);
    lanes.add(item("a", 9, { deadLetter: "1", slot: undefined }));
    expect(drain(lanes)).toEqual([["a9"]]);
    lanes.release("a");
    expect(drain(lanes)).toEqual([["a1"]]);
    expect(lanes.blockedKeys()).toEqual([]);
  });

  it("keep a key blocked when its retry comes due", () => {
    const lanes = lanesOf();
    lanes.hold(item("a", 1), 10);
    lanes.block("a");
    expect(drain(lanes, 100)).toEqual([]);
  });

  it("give an item that must be alone alone, in its place", () => {
    const lanes = lanesOf();
    lanes.add(item("a", 1));
    lanes.add(item("a", 2, { maxBatch: 1 }));
    lanes.add(item("a", 3));
    expect(drain(lanes)).toEqual([["a1"], ["a2"], ["a3"]]);
  });

  it("give no more than is asked for", () => {
    const lanes = lanesOf();
    for (let id = 1; id <= 5; id++) lanes.add(item("a", id));
    expect(namesOf(lanes.next(0, 3))).toEqual(["a1", "a2", "a3"]);
  });

  it("keep the order of a key over a long time of adding and taking", () => {
    const lanes = lanesOf({ batchMessages: 700 });
    const seen: number[] = [];
    for (let id = 1; id <= 10_000; id++) {
      lanes.add(item("a", id));
      if (id % 997 === 0) for (const names of drain(lanes)) seen.push(...names.map((name) => Number(name.slice(1))));
    }
    for (const names of drain(lanes)) seen.push(...names.map((name) => Number(name.slice(1))));
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  });
});
