/**
 * How the time of a piece of work grows with its input, for tests that promise "in proportion to its length".
 *
 * Seconds say nothing on a machine that is busy with something else, so no test compares them with a number. What is
 * compared is the processor time of one size with that of a size 16 times smaller, taken in turns in this process, the
 * best of several rounds: linear work takes 16 times as long, quadratic work 256 times. What lies nearer to the second,
 * on the scale of exponents, fails: from 64 times on. So there is room for what larger inputs cost beyond their share,
 * caches that are too small for them and collections, which is a factor of two or three.
 *
 * Sizes climb from small ones, so that work of exponential time is caught while it takes a second, not years.
 */

export interface Growing<Input> {
  /** Makes the input of a size; what that takes is not counted. */
  input: (size: number) => Input;
  /** The work; what it returns is dropped, what it throws fails the test. */
  work: (input: Input) => unknown;
  /** The size up to which the promise is tried. */
  largest: number;
}

/** How many times larger the larger size is. */
const STEP = 16;
/** Halfway between linear (1) and quadratic (2). */
const STEEPEST_EXPONENT = 1.5;
const HOPELESS_EXPONENT = 1.8;
/** Where sizes begin to climb: of 16 parts even exponential work is done at once. */
const SMALLEST = 16;
/** Sizes up to this one climb by a quarter, so that exponential work grows by seconds between two, not by years. */
const CAREFUL_UP_TO = 1_000;
/** Work that takes this long is compared before it is given more: far above the clock's grain, far below patience. */
const WORTH_A_LOOK_MS = 20;
/** The least that is measured, by repeating what is shorter. */
const MEASURABLE_MS = 5;
const MOST_REPEATS = 10_000;
const FEWEST_ROUNDS = 3;
/** One round is enough for work that takes this long: moments of the machine are lost in it. */
const LONG_MS = 500;
/** A machine's bad moments end; steep growth stays steep in every round. */
const MOST_ROUNDS = 10;

/** Fails when the time of `work` grows faster than its input. */
export async function expectLinearTime<Input>(growing: Growing<Input>): Promise<void> {
  let looked = false;
  for (const size of sizesUpTo(growing.largest)) {
    if (size < growing.largest && (looked || (await costMs(growing, size)) < WORTH_A_LOOK_MS)) continue;
    const steep = await steepness(growing, size);
    if (steep !== undefined) throw new Error(steep);
    looked = true;
  }
}

/** `piece` as often as it takes to reach a size. */
export function repeated(piece: string): (size: number) => string {
  return (size) => piece.repeat(Math.ceil(size / piece.length));
}

/** Sizes that climb to the largest, which is the last. */
function* sizesUpTo(largest: number): Generator<number> {
  for (let size = SMALLEST; size < largest; size = Math.ceil(size * (size < CAREFUL_UP_TO ? 1.25 : 2))) yield size;
  yield largest;
}

/** Compares a size with one 16 times smaller: undefined when growth is modest, otherwise what was measured. */
async function steepness<Input>({ input, work }: Growing<Input>, size: number): Promise<string | undefined> {
  const smaller = Math.max(1, Math.floor(size / STEP));
  const small = await measurable(work, input(smaller));
  const large = await measurable(work, input(size));
  const times = size / smaller;
  let best = { small: Number.POSITIVE_INFINITY, large: Number.POSITIVE_INFINITY };
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    best = { small: Math.min(best.small, await small()), large: Math.min(best.large, await large()) };
    if (round < FEWEST_ROUNDS && best.large < LONG_MS) continue;
    if (best.large <= best.small * times ** STEEPEST_EXPONENT) return undefined;
    // Nearly quadratic or worse: no number of rounds makes that linear.
    if (best.large > best.small * times ** HOPELESS_EXPONENT) break;
  }
  const ratio = (best.large / best.small).toFixed(1);
  const [from, to] = [best.small.toPrecision(3), best.large.toPrecision(3)];
  return `takes ${ratio} times as long for ${times.toFixed(1)} times as much: ${from} ms at ${smaller}, ${to} ms at ${size}`;
}

/** A measurement of the work, repeated as often as it takes to be measurable: milliseconds of one run. */
async function measurable<Input>(work: (input: Input) => unknown, input: Input): Promise<() => Promise<number>> {
  let repeats = 1;
  let spentMs = await processorMs(work, input, repeats);
  while (spentMs < MEASURABLE_MS && repeats < MOST_REPEATS) {
    repeats = Math.min(MOST_REPEATS, repeats * (spentMs < MEASURABLE_MS / 10 ? 8 : 2));
    spentMs = await processorMs(work, input, repeats);
  }
  return async () => (await processorMs(work, input, repeats)) / repeats;
}

async function costMs<Input>({ input, work }: Growing<Input>, size: number): Promise<number> {
  return await processorMs(work, input(size), 1);
}

/** What the processor spent on this process meanwhile; waiting costs nothing. */
async function processorMs<Input>(work: (input: Input) => unknown, input: Input, repeats: number): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < repeats; count++) {
    const result = work(input);
    if (result instanceof Promise) await result;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
