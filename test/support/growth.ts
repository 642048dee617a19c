/**
 * How the time of a piece of work grows with its input, for tests that promise "in proportion to its length".
 *
 * Seconds say nothing on a machine that is busy with something else, so no test compares them with a number. What is
 * compared is the processor time of one size with that of a size 32 times smaller, taken in turns in this process, the
 * best of several rounds: linear work takes 32 times as long, quadratic work 1,024 times. What lies nearer to the second,
 * on the scale of exponents, fails: from 181 times on. The room is needed: small inputs fit into the processor's cache
 * and the youngest part of the heap, and what large ones cost beyond that is a factor of up to four.
 *
 * Sizes climb from small ones, so that work of exponential time is caught while it takes a second, not years.
 */

export interface Growing<Input> {
  /** Makes the input of a size; what that takes is not counted. */
  input: (size: number) => Input | Promise<Input>;
  /** The work; what it returns is dropped, what it throws fails the test unless it is a refusal. */
  work: (input: Input) => unknown;
  /** The class of errors that are an answer, too. */
  refusal?: new (
    ...parts: never[]
  ) => Error;
  /** The size up to which the promise is tried. */
  largest: number;
  /** Where sizes begin to climb, when small ones are dear to make. Default 16. */
  smallest?: number;
  /**
   * Who works: this process, by its processor's time, or a server, by the clock. Take a server only where nothing else
   * tells, with work of many milliseconds: its time passes for others, too.
   */
  worker?: "process" | "server";
}

/** How many times larger the larger size is. */
const STEP = 32;
/** Halfway between linear (1) and quadratic (2). */
const STEEPEST_EXPONENT = 1.5;
const HOPELESS_EXPONENT = 1.8;
/** Where sizes begin to climb: of 16 parts even exponential work is done at once. */
const SMALLEST = 16;
/** How sizes climb, up to each bound: in steps over which even exponential work grows by seconds, not by years. */
const CLIMB = [
  { upTo: 100, by: 1.1 },
  { upTo: 1_000, by: 1.25 },
  { upTo: Number.POSITIVE_INFINITY, by: 2 },
];
/** What quadratic work gains on linear work between two looks; so the large sizes are reached by what deserves them. */
const BETWEEN_LOOKS = 8;
/** Work that takes this long is compared before it is given more: far above the clock's grain, far below patience. */
const WORTH_A_LOOK_MS = 20;
/** The least that is measured, by repeating what is shorter. */
const MEASURABLE_MS = 5;
const MOST_REPEATS = 10_000;
const FEWEST_ROUNDS = 3;
/** Once is enough for work that takes this long: moments of the machine are lost in it. */
const LONG_MS = 500;
/** A machine's bad moments end; steep growth stays steep in every round. */
const MOST_ROUNDS = 10;

/** Fails when the time of `work` grows faster than its input. */
export async function expectLinearTime<Input>(wanted: Growing<Input>): Promise<void> {
  const growing = { ...wanted, work: withRefusals(wanted) };
  let nextLook = 0;
  for (const size of sizesUpTo(growing)) {
    const isLast = size === growing.largest;
    if (!isLast && (size < nextLook || (await costMs(growing, await growing.input(size), 1)) < WORTH_A_LOOK_MS))
      continue;
    const steep = await steepness(growing, size);
    if (steep !== undefined) throw new Error(steep);
    nextLook = size * BETWEEN_LOOKS;
  }
}

/** `piece` as often as it takes to reach a size. */
export function repeated(piece: string): (size: number) => string {
  return (size) => piece.repeat(Math.ceil(size / piece.length));
}

function withRefusals<Input>({ work, refusal }: Growing<Input>): (input: Input) => unknown {
  if (refusal === undefined) return work;
  const taken = (error: unknown): void => {
    if (!(error instanceof refusal)) throw error;
  };
  return (input) => {
    try {
      const result = work(input);
      return result instanceof Promise ? result.catch(taken) : result;
    } catch (error) {
      return taken(error);
    }
  };
}

/** Sizes that climb to the largest, which is the last. */
function* sizesUpTo({ largest, smallest = SMALLEST }: { largest: number; smallest?: number }): Generator<number> {
  for (let size = smallest; size < largest; size = Math.ceil(size * stepAfter(size))) yield size;
  yield largest;
}

const stepAfter = (size: number): number => CLIMB.find(({ upTo }) => size < upTo)?.by ?? 2;

/** Compares a size with one 32 times smaller: undefined when growth is modest, otherwise what was measured. */
async function steepness<Input>(growing: Growing<Input>, size: number): Promise<string | undefined> {
  const smaller = Math.max(1, Math.floor(size / STEP));
  const small = await measurable(growing, smaller);
  const large = await measurable(growing, size);
  const times = size / smaller;
  let best = { small: await small.again(), large: large.firstMs };
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const isEnough = best.large >= LONG_MS || round > FEWEST_ROUNDS;
    if (isEnough && best.large <= best.small * times ** STEEPEST_EXPONENT) return undefined;
    // Nearly quadratic or worse: no number of rounds makes that linear.
    if (isEnough && best.large > best.small * times ** HOPELESS_EXPONENT) break;
    best = { small: Math.min(best.small, await small.again()), large: Math.min(best.large, await large.again()) };
  }
  const ratio = (best.large / best.small).toFixed(1);
  const [from, to] = [best.small.toPrecision(3), best.large.toPrecision(3)];
  return `takes ${ratio} times as long for ${times.toFixed(1)} times as much: ${from} ms at ${smaller}, ${to} ms at ${size}`;
}

/** Milliseconds of one run, of as many as it takes to be measurable. */
interface Measurement {
  firstMs: number;
  again(): Promise<number>;
}

async function measurable<Input>(growing: Growing<Input>, size: number): Promise<Measurement> {
  const input = await growing.input(size);
  let repeats = 1;
  let spentMs = await costMs(growing, input, repeats);
  while (spentMs < MEASURABLE_MS && repeats < MOST_REPEATS) {
    repeats = Math.min(MOST_REPEATS, repeats * (spentMs < MEASURABLE_MS / 10 ? 8 : 2));
    spentMs = await costMs(growing, input, repeats);
  }
  return { firstMs: spentMs / repeats, again: async () => (await costMs(growing, input, repeats)) / repeats };
}

async function costMs<Input>(growing: Growing<Input>, input: Input, repeats: number): Promise<number> {
  const { work, worker } = growing;
  const spentMs = worker === "server" ? stopwatch() : processorWatch();
  for (let count = 0; count < repeats; count++) {
    const result = work(input);
    if (result instanceof Promise) await result;
  }
  return spentMs();
}

/** What the processor spends on this process; waiting costs nothing. */
function processorWatch(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
}

function stopwatch(): () => number {
  const before = performance.now();
  return () => performance.now() - before;
}
