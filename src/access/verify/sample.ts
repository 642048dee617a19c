/** Chooses some objects per schema and kind, the same ones for the same seed. */
import type { CatalogObject } from "../privileges/catalog-object.ts";

export interface Sampling {
  /** Objects of each kind per schema. */
  size: number;
  seed: number;
}

/** At most `size` of each kind per schema, in their order. */
export function sampled<Item extends { object: CatalogObject }>(
  items: readonly Item[],
  { size, seed }: Sampling,
): Item[] {
  const groups = new Map<string, number[]>();
  for (const [index, { object }] of items.entries()) {
    const key = `${object.kind} ${object.schema ?? ""}`;
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  }
  const random = randomOf(seed);
  const chosen = new Set<number>();
  for (const group of groups.values()) for (const index of some(group, size, random)) chosen.add(index);
  return items.filter((_, index) => chosen.has(index));
}

/** The first `size` of a shuffle. */
function some(indexes: readonly number[], size: number, random: () => number): number[] {
  const shuffled = [...indexes];
  for (let at = 0; at < Math.min(size, shuffled.length); at++) {
    const other = at + Math.floor(random() * (shuffled.length - at));
    const [mine, theirs] = [shuffled[at], shuffled[other]];
    if (mine === undefined || theirs === undefined) continue;
    shuffled[at] = theirs;
    shuffled[other] = mine;
  }
  return shuffled.slice(0, size);
}

/** Numbers from 0 to 1 out of 32 bits of state (mulberry32): repeatable, and nothing secret depends on it. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
