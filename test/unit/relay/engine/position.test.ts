/** The position never passes a message that is not settled. */
import { describe, expect, it } from "vitest";
import { Position } from "../../../../src/relay/engine/position.ts";

describe("a position", () => {
  it("begins where it is told", () => {
    expect(new Position(41n).position).toBe(41n);
  });

  it("waits for the oldest message, then passes all that are settled behind it", () => {
    const position = new Position(0n);
    const [first, second, third] = [position.add(3n, 1), position.add(7n, 1), position.add(9n, 1)];
    position.settle(second);
    position.settle(third);
    expect(position.position).toBe(0n);
    position.settle(first);
    expect(position.position).toBe(9n);
    expect(position.pending).toBe(0);
  });

  it("passes a message of two deliveries only after both", () => {
    const position = new Position(0n);
    const slot = position.add(1n, 2);
    position.settle(slot);
    expect(position.position).toBe(0n);
    position.settle(slot);
    expect(position.position).toBe(1n);
  });

  it("passes a message with nothing to deliver at once, but not before those in front of it", () => {
    const position = new Position(0n);
    position.add(1n, 0);
    expect(position.position).toBe(1n);
    const slot = position.add(2n, 1);
    position.add(3n, 0);
    expect(position.position).toBe(1n);
    position.settle(slot);
    expect(position.position).toBe(3n);
  });

  it("refuses ids that do not grow and deliveries that are settled twice", () => {
    const position = new Position(5n);
    expect(() => position.add(5n, 1)).toThrow("ids only grow");
    const slot = position.add(6n, 1);
    position.settle(slot);
    expect(() => position.settle(slot)).toThrow("settled once");
  });

  it("is right over many messages settled in any order", () => {
    const position = new Position(0n);
    const open = new Map<number, bigint>();
    let id = 0n;
    for (let round = 0; round < 20_000; round++) {
      id += BigInt(1 + (round % 3));
      open.set(position.add(id, 1), id);
      const slots = [...open.keys()].slice(0, 5);
      const slot = slots[(round * 7) % slots.length];
      if (slot !== undefined && round % 11 !== 0) {
        position.settle(slot);
        open.delete(slot);
      }
      const oldest = open.values().next().value;
      if (oldest === undefined) expect(position.position).toBe(id);
      else expect(position.position < oldest).toBe(true);
    }
  });
});
