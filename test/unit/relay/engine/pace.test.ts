/** Waits, rate limits, memory and shares: the small rules that keep a relay polite. */
import { describe, expect, it, vi } from "vitest";
import { backoffMs, MAX_ASKED_MS } from "../../../../src/relay/engine/backoff.ts";
import { shareOf } from "../../../../src/relay/engine/fairness.ts";
import { LEAST_SHARE_BYTES, MemoryBudget } from "../../../../src/relay/engine/memory.ts";
import { TokenBucket } from "../../../../src/relay/engine/token-bucket.ts";

describe("a pause between two tries", () => {
  const policy = { firstMs: 1_000, maxMs: 60_000 };

  it.each([
    [0, 1_000],
    [1, 2_000],
    [5, 32_000],
    [6, 60_000],
    [1_000, 60_000],
  ])("number %i is drawn from zero to %i ms", (attempt, ceiling) => {
    expect(backoffMs(attempt, policy, { random: () => 0 })).toBe(0);
    expect(backoffMs(attempt, policy, { random: () => 1 })).toBe(ceiling);
  });

  it("is as long as the other side asks for, within reason", () => {
    expect(backoffMs(0, policy, { random: () => 0.5, askedForMs: 7_000 })).toBe(7_000);
    expect(backoffMs(0, policy, { random: () => 0.5, askedForMs: 10 ** 12 })).toBe(MAX_ASKED_MS);
  });
});

describe("a token bucket", () => {
  it("lets a burst through, then its rate", () => {
    const clock = { ms: 0, monotonicMs: () => clock.ms };
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, clock);
    expect(bucket.available()).toBe(5);
    bucket.take(5);
    expect(bucket.available()).toBe(0);
    expect(bucket.waitMs()).toBe(100);
    clock.ms = 250;
    expect(bucket.available()).toBe(2);
    clock.ms = 60_000;
    expect(bucket.available()).toBe(5);
  });

  it("takes rates below one per second", () => {
    const clock = { ms: 0, monotonicMs: () => clock.ms };
    const bucket = new TokenBucket({ perSecond: 0.5, burst: 0.5 }, clock);
    bucket.take(bucket.available());
    expect(bucket.waitMs()).toBe(2_000);
    clock.ms = 2_000;
    expect(bucket.available()).toBe(1);
  });
});

describe("the memory of a process", () => {
  it("is shared: who holds much waits, who holds nothing always gets a little", () => {
    const memory = new MemoryBudget(1_000_000);
    expect(memory.grant(4_000_000, 0)).toBe(1_000_000);
    memory.add(990_000);
    expect(memory.grant(4_000_000, 990_000)).toBe(0);
    expect(memory.grant(4_000_000, 0)).toBe(LEAST_SHARE_BYTES);
  });

  it("wakes who waits when there is room, once", () => {
    const memory = new MemoryBudget(1_000_000);
    const wake = vi.fn();
    memory.add(1_000_000);
    memory.whenFreed(wake);
    memory.free(10);
    expect(wake).not.toHaveBeenCalled();
    memory.free(900_000);
    memory.free(10_000);
    expect(wake).toHaveBeenCalledTimes(1);
    memory.whenFreed(wake);
    memory.forget(wake);
    memory.free(10_000);
    expect(wake).toHaveBeenCalledTimes(1);
    expect(memory.usedBytes).toBe(79_990);
  });
});

describe("the shares of relays", () => {
  it.each([
    {
      what: "one alone takes all",
      own: { owned: 0, pipelines: 7, most: 50 },
      others: [],
      fair: 7,
      mayTake: 7,
      giveBack: 0,
    },
    {
      what: "no more than it may",
      own: { owned: 0, pipelines: 7, most: 3 },
      others: [],
      fair: 3,
      mayTake: 3,
      giveBack: 0,
    },
    {
      what: "two take half each",
      own: { owned: 1, pipelines: 7, most: 50 },
      others: [{ owned: 0, wants: 4 }],
      fair: 4,
      mayTake: 3,
      giveBack: 0,
    },
    {
      what: "who has all gives back what another wants",
      own: { owned: 7, pipelines: 7, most: 50 },
      others: [{ owned: 0, wants: 4 }],
      fair: 4,
      mayTake: 0,
      giveBack: 3,
    },
    {
      what: "nothing to one that has what it wants",
      own: { owned: 7, pipelines: 7, most: 50 },
      others: [{ owned: 2, wants: 2 }],
      fair: 4,
      mayTake: 0,
      giveBack: 0,
    },
    {
      what: "nothing to one that wants nothing",
      own: { owned: 7, pipelines: 7, most: 50 },
      others: [{ owned: 0, wants: 0 }],
      fair: 7,
      mayTake: 0,
      giveBack: 0,
    },
    {
      what: "no odd one back and forth",
      own: { owned: 2, pipelines: 3, most: 50 },
      others: [{ owned: 1, wants: 2 }],
      fair: 2,
      mayTake: 0,
      giveBack: 0,
    },
  ])("$what", ({ own, others, fair, mayTake, giveBack }) => {
    expect(shareOf(own, others)).toEqual({ fair, mayTake, giveBack });
  });
});
