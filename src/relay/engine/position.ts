/**
 * The position of a pipeline: the id below which everything is settled.
 *
 * Messages are taken in order of id and settled in any order; each gets a slot when it is taken. The position is the id
 * of the last slot before the first one that is still open, so a crash repeats messages and never loses one.
 * Slots are numbers that only grow; the arrays behind them are cut from the front now and then.
 */
import { assert } from "../../base/assert.ts";

/** 4,096 settled slots are kept before the arrays are cut: cutting costs one copy of what is left. */
const CUT_AFTER = 4_096;

export class Position {
  #ids: bigint[] = [];
  /** Deliveries of the slot's message that are not settled. */
  #open: number[] = [];
  /** Number of the first slot in the arrays. */
  #base = 0;
  /** Index of the first slot that is not settled. */
  #head = 0;
  #position: bigint;

  constructor(start: bigint) {
    this.#position = start;
  }

  /** Everything up to and including this id is settled. */
  get position(): bigint {
    return this.#position;
  }

  /** Slots taken after the position. */
  get pending(): number {
    return this.#ids.length - this.#head;
  }

  /** Takes a message that is settled once `deliveries` of it are; 0: there is nothing to deliver. Returns its slot. */
  add(id: bigint, deliveries: number): number {
    assert(id > (this.#ids.at(-1) ?? this.#position), "ids only grow");
    this.#ids.push(id);
    this.#open.push(deliveries);
    if (deliveries === 0) this.#advance();
    return this.#base + this.#ids.length - 1;
  }

  settle(slot: number): void {
    const index = slot - this.#base;
    const open = this.#open[index];
    assert(open !== undefined && open > 0, "a delivery is settled once");
    this.#open[index] = open - 1;
    if (index === this.#head) this.#advance();
  }

  #advance(): void {
    const before = this.#head;
    while (this.#open[this.#head] === 0) this.#head += 1;
    if (this.#head === before) return;
    this.#position = this.#ids[this.#head - 1] ?? this.#position;
    if (this.#head >= CUT_AFTER && this.#head * 2 >= this.#ids.length) this.#cut();
  }

  #cut(): void {
    this.#ids = this.#ids.slice(this.#head);
    this.#open = this.#open.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}
