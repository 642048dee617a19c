/** The judge of growth is judged itself: by work whose growth is known. */
import { describe, expect, it } from "vitest";
import { expectLinearTime, repeated } from "../../support/growth.ts";

/** Some work that no compiler leaves out. */
let sink = 0;
function turn(times: number): void {
  for (let count = 0; count < times; count++) sink = (sink * 31 + count) | 0;
}

const verdictOf = (work: (size: number) => unknown, largest = 100_000) =>
  expectLinearTime({ input: (size) => size, work, largest }).then(
    () => "linear",
    (error: unknown) => String(error),
  );

describe("work is taken for linear", () => {
  it.each<[string, (size: number) => unknown]>([
    ["in proportion to its input", (size) => turn(size * 20)],
    ["in proportion and short", (size) => turn(size)],
    ["in proportion with a logarithm", (size) => turn(size * Math.ceil(Math.log2(size)))],
    ["at once, whatever its input", () => turn(10)],
    ["after a start that costs the same for all", (size) => turn(1_000_000 + size)],
    ["in a promise", async (size) => turn(size * 20)],
  ])("when it ends %s", async (_, work) => {
    expect(await verdictOf(work)).toBe("linear");
  });

  it("when it only waits longer, since waiting is not work", async () => {
    const waits = (size: number) => new Promise((resolve) => setTimeout(resolve, (size / 100) ** 2 / 20));
    expect(await verdictOf(waits, 500)).toBe("linear");
  });
});

describe("work is caught", () => {
  it.each<[string, (size: number) => unknown, number]>([
    ["quadratic", (size) => turn(size * size), 100_000],
    ["quadratic where only large inputs show it", (size) => turn(size * 50 + (size * size) / 10), 100_000],
    ["quadratic in a promise", async (size) => turn(size * size), 20_000],
    ["cubic", (size) => turn(size ** 3), 100_000],
    ["exponential", (size) => turn(2 ** size), 100_000],
    ["slowly exponential", (size) => turn(1.2 ** size), 100_000],
    ["exponential in a small world", (size) => turn(2 ** size), 63],
  ])("when it is %s", async (_, work, largest) => {
    expect(await verdictOf(work, largest)).toMatch(/takes [\d.]+ times as long for [\d.]+ times as much/);
  });

  it("when it is a pattern that backtracks", async () => {
    const backtracks = (pattern: RegExp, piece: string) =>
      expectLinearTime({
        input: (size) => `${repeated(piece)(size)}!`,
        work: (text) => pattern.test(text),
        largest: 256_000,
      });
    await expect(backtracks(/^(a+)+$/, "a")).rejects.toThrow("times as long");
    await expect(backtracks(/\s+$/, " ")).rejects.toThrow("times as long");
    await backtracks(/^a+$/, "a");
  });

  it("when it is a list that is searched for each of its parts", async () => {
    const searches = (list: readonly string[]) => list.filter((one, index) => list.indexOf(one) === index);
    const looksUp = (list: readonly string[]) => [...new Set(list)];
    const input = (size: number) => Array.from({ length: size }, (_, index) => `name ${index}`);
    await expect(expectLinearTime({ input, work: searches, largest: 20_000 })).rejects.toThrow("times as long");
    await expectLinearTime({ input, work: looksUp, largest: 20_000 });
  });
});

it("what the work throws fails the test", async () => {
  const work = () => {
    throw new Error("broken");
  };
  await expect(expectLinearTime({ input: String, work, largest: 100 })).rejects.toThrow("broken");
});

it.each<[string, () => unknown]>([
  [
    "at once",
    () => {
      throw new RangeError("refused");
    },
  ],
  [
    "later",
    async () => {
      throw new RangeError("refused");
    },
  ],
])("what the work refuses %s is an answer, other errors are not", async (_, work) => {
  await expectLinearTime({ input: String, work, refusal: RangeError, largest: 100 });
  await expect(expectLinearTime({ input: String, work, refusal: TypeError, largest: 100 })).rejects.toThrow("refused");
});

it("the largest size is reached, and passed by no more than a piece", async () => {
  const seen: number[] = [];
  await expectLinearTime({ input: repeated("abc"), work: (text) => seen.push(text.length), largest: 10_000 });
  expect(Math.max(...seen)).toBe(10_002);
  expect(Math.min(...seen)).toBeLessThan(20);
});
