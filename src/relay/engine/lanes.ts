/**
 * What waits to be sent, in lanes by order key, so that deliveries of one key are never on their way together.
 *
 * A lane is a queue with at most one batch on its way. A key whose message failed is held: it and the later ones of its
 * key stand aside until their time comes (a retry), or until somebody lets them go (behind a dead letter), while
 * the lane's other keys go on. What comes back takes its old place, in front of everything that came after it.
 *
 * Nothing here waits, sends or reads time: the pump asks `next` for what may go, and says what became of it.
 */
import { assert } from "../../base/assert.ts";
import type { DeadLetterKind } from "../failures.ts";
import type { Delivery, Message } from "../message.ts";

/** One delivery on its way, and what has happened to it so far. */
export interface Item {
  readonly delivery: Delivery;
  /** The message as it was published, which a dead letter keeps: it is shaped again when it is tried again. */
  readonly origin: Message;
  /** Of the position; undefined for a dead letter that is delivered again. */
  readonly slot: number | undefined;
  /** relay_dlq.id of a dead letter that is delivered again. */
  readonly deadLetter: string | undefined;
  /** Failures that count against the message. */
  attempts: number;
  /** All failures, for the backoff. */
  tries: number;
  /** Why it can never be sent (cannot be written, too large); such an item travels alone, to keep its place. */
  readonly refusal: { kind: DeadLetterKind; reason: string } | undefined;
  /** Bytes it counts for in the memory of the process. */
  readonly cost: number;
  /** Largest batch it may be part of: halved when a whole batch was refused, to find the one that is to blame. */
  maxBatch: number;
}

export interface Batch {
  readonly lane: number;
  readonly items: readonly Item[];
  readonly bytes: number;
}

export interface LaneLimits {
  lanes: number;
  batchMessages: number;
  batchBytes: number;
}

interface HeldKey {
  items: Item[];
  /** Monotonic time at which they may go; infinite: until `release`. */
  untilMs: number;
}

interface Lane {
  queue: Item[];
  head: number;
  isBusy: boolean;
  held: Map<string, HeldKey>;
  /** The earliest `untilMs` of its held keys. */
  dueMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;
/** A queue's sent part is cut off when it has this many items and is the larger half. What is not cut is held in memory. */
const CUT_AFTER = 16;

export class Lanes {
  readonly #limits: LaneLimits;
  readonly #lanes: Lane[];
  /** Lane to look at first, so that all get their turn. */
  #cursor = 0;
  #queued = 0;
  #held = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
    this.#lanes = Array.from({ length: Math.max(1, limits.lanes) }, newLane);
  }

  /** Items that wait for their turn, held ones left out. */
  get queued(): number {
    return this.#queued;
  }

  /** Items that stand aside with their key. */
  get held(): number {
    return this.#held;
  }

  add(item: Item): void {
    this.#laneOf(item.delivery.orderKey).queue.push(item);
    this.#queued += 1;
  }

  /** The next batch, of at most `most` messages; undefined: nothing may go. Its lane is busy until `done`. */
  next(nowMs: number, most: number): Batch | undefined {
    const count = this.#lanes.length;
    for (let step = 0; step < count; step++) {
      const index = (this.#cursor + step) % count;
      const lane = this.#lanes[index];
      if (lane === undefined || lane.isBusy) continue;
      if (lane.dueMs <= nowMs) this.#letDueGo(lane, nowMs);
      const batch = this.#take(lane, index, most);
      if (batch === undefined) continue;
      this.#cursor = (index + 1) % count;
      return batch;
    }
    return undefined;
  }

  /** The batch has been answered; what is not settled was put back or held before. */
  done(batch: Batch): void {
    const lane = this.#lanes[batch.lane];
    assert(lane?.isBusy, "a batch ends once");
    lane.isBusy = false;
  }

  /** Puts items of one batch back to the front, in their order. */
  putBack(lane: number, items: readonly Item[]): void {
    if (items.length === 0) return;
    const of = this.#lanes[lane];
    assert(of !== undefined, "items go back to the lane they came from");
    of.queue = [...items, ...of.queue.slice(of.head)];
    of.head = 0;
    this.#queued += items.length;
  }

  /** Holds `item` and everything of its key until `untilMs`. */
  hold(item: Item, untilMs: number): void {
    const lane = this.#laneOf(item.delivery.orderKey);
    const held = lane.held.get(item.delivery.orderKey);
    if (held === undefined) lane.held.set(item.delivery.orderKey, { items: [item], untilMs });
    else held.items.push(item);
    lane.dueMs = Math.min(lane.dueMs, untilMs);
    this.#held += 1;
  }

  /** Holds a key that stands behind a dead letter until `release`. */
  block(orderKey: string): void {
    const lane = this.#laneOf(orderKey);
    const held = lane.held.get(orderKey);
    if (held === undefined) lane.held.set(orderKey, { items: [], untilMs: NEVER });
    else held.untilMs = NEVER;
  }

  /** Lets a blocked key go. */
  release(orderKey: string): void {
    const lane = this.#laneOf(orderKey);
    const held = lane.held.get(orderKey);
    if (held?.untilMs === NEVER) this.#letGo(lane, orderKey, held);
  }

  /** Keys that stand behind a dead letter. */
  blockedKeys(): string[] {
    return this.#lanes.flatMap((lane) =>
      [...lane.held].filter(([, held]) => held.untilMs === NEVER).map(([orderKey]) => orderKey),
    );
  }

  /** When the earliest held key may go; infinite: none has a time. */
  dueMs(): number {
    let earliest = NEVER;
    for (const lane of this.#lanes) if (!lane.isBusy && lane.dueMs < earliest) earliest = lane.dueMs;
    return earliest;
  }

  #letDueGo(lane: Lane, nowMs: number): void {
    for (const [orderKey, held] of [...lane.held]) if (held.untilMs <= nowMs) this.#letGo(lane, orderKey, held);
    lane.dueMs = NEVER;
    for (const { untilMs } of lane.held.values()) lane.dueMs = Math.min(lane.dueMs, untilMs);
  }

  #letGo(lane: Lane, orderKey: string, held: HeldKey): void {
    lane.held.delete(orderKey);
    lane.queue = [...held.items, ...lane.queue.slice(lane.head)];
    lane.head = 0;
    this.#held -= held.items.length;
    this.#queued += held.items.length;
  }

  #take(lane: Lane, index: number, most: number): Batch | undefined {
    const items: Item[] = [];
    let limit = Math.min(most, this.#limits.batchMessages);
    let bytes = 0;
    while (lane.head < lane.queue.length && items.length < limit) {
      const item = lane.queue[lane.head];
      if (item === undefined) break;
      if (lane.held.size > 0 && this.#standAside(lane, item)) continue;
      limit = Math.min(limit, item.maxBatch);
      const isFull = items.length >= limit || bytes + item.delivery.bytes > this.#limits.batchBytes;
      if (items.length > 0 && isFull) break;
      items.push(item);
      bytes += item.delivery.bytes;
      lane.head += 1;
    }
    cutSent(lane);
    if (items.length === 0) return undefined;
    this.#queued -= items.length;
    lane.isBusy = true;
    return { lane: index, items, bytes };
  }

  /** Moves the queue's first item to its held key, if that is held. A dead letter that is tried again goes past the block it lifts. */
  #standAside(lane: Lane, item: Item): boolean {
    const held = lane.held.get(item.delivery.orderKey);
    if (held === undefined || (held.untilMs === NEVER && item.deadLetter !== undefined)) return false;
    held.items.push(item);
    lane.head += 1;
    this.#queued -= 1;
    this.#held += 1;
    return true;
  }

  #laneOf(orderKey: string): Lane {
    const lane = this.#lanes[this.#lanes.length === 1 ? 0 : hashOf(orderKey) % this.#lanes.length];
    assert(lane !== undefined, "every key has a lane");
    return lane;
  }
}

function newLane(): Lane {
  return { queue: [], head: 0, isBusy: false, held: new Map(), dueMs: NEVER };
}

function cutSent(lane: Lane): void {
  if (lane.head === lane.queue.length) lane.queue = [];
  else if (lane.head >= CUT_AFTER && lane.head * 2 >= lane.queue.length) lane.queue = lane.queue.slice(lane.head);
  else return;
  lane.head = 0;
}

/** FNV-1a over UTF-16 units: spreads keys, needs no secret, costs a few nanoseconds per character. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
