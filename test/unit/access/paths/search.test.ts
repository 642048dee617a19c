/** Best paths are as sure as can be, then short; cuts close everything with as few statements as possible. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { being, goal, PathGraph, type Strength } from "../../../../src/access/paths/graph.ts";
import { bestPaths, smallestCut } from "../../../../src/access/paths/search.ts";

interface Arrow {
  from: string;
  to: string;
  strength?: Strength;
  remove?: string | undefined;
}

function graphOf(arrows: readonly Arrow[]): PathGraph {
  const graph = new PathGraph();
  graph.number(being("start"));
  graph.number(being("end"));
  for (const { from, to, ...rest } of arrows) {
    graph.add("test", { from: being(from), to: being(to), evidence: `${from} ${to}`, ...rest });
  }
  return graph;
}

const START = 0;
const END = 1;
const path = (arrows: readonly Arrow[]) => bestPaths(graphOf(arrows), START, new Set([END]))[0];
const cut = (arrows: readonly Arrow[], limit = 12) =>
  smallestCut(graphOf(arrows), { start: START, target: END, limit });

describe("the best path", () => {
  it("is the shortest", () => {
    const found = path([
      { from: "start", to: "a" },
      { from: "a", to: "b" },
      { from: "b", to: "end" },
      { from: "a", to: "end" },
    ]);
    expect(found?.edges.map(({ evidence }) => evidence)).toEqual(["start a", "a end"]);
  });

  it("is rather long and certain than short and waiting for somebody", () => {
    const found = path([
      { from: "start", to: "end", strength: "waiting" },
      { from: "start", to: "a" },
      { from: "a", to: "end" },
    ]);
    expect(found).toMatchObject({ strength: "certain", edges: [{ evidence: "start a" }, { evidence: "a end" }] });
  });

  it("is as weak as its weakest step", () => {
    expect(path([{ from: "start", to: "end", strength: "conditional" }])?.strength).toBe("conditional");
  });

  it("is none when nothing leads there", () => expect(path([{ from: "end", to: "start" }])).toBeUndefined());

  it("ends at goals as at roles", () => {
    const graph = new PathGraph();
    graph.add("test", { from: being("start"), to: goal("superuser"), evidence: "all of it" });
    expect(bestPaths(graph, 0, new Set([1]))).toHaveLength(1);
  });
});

describe("the smallest cut", () => {
  it("is nothing when nothing has to be closed", () => expect(cut([])).toEqual([]));

  it("is one statement where all ways pass one place", () => {
    const arrows = [
      { from: "start", to: "a", remove: "1" },
      { from: "start", to: "b", remove: "2" },
      { from: "a", to: "gate", remove: "3" },
      { from: "b", to: "gate", remove: "4" },
      { from: "gate", to: "end", remove: "5" },
    ];
    expect(cut(arrows)).toEqual(["5"]);
  });

  it("is taken near the target, so that what roles need for their work stays", () => {
    const arrows = [
      { from: "start", to: "a", remove: "near the start" },
      { from: "a", to: "end", remove: "near the end" },
    ];
    expect(cut(arrows)).toEqual(["near the end"]);
  });

  it("is undefined when a way has nothing that can be removed", () => {
    expect(cut([{ from: "start", to: "end" }])).toBeUndefined();
  });

  it("is undefined beyond the limit", () => {
    const arrows = Array.from({ length: 5 }, (_, n) => [
      { from: "start", to: `n${n}`, remove: `a${n}` },
      { from: `n${n}`, to: "end", remove: `b${n}` },
    ]).flat();
    expect(cut(arrows, 4)).toBeUndefined();
    expect(cut(arrows, 5)).toHaveLength(5);
  });

  it("closes every way, with as few removals as trying all of them finds", () => {
    const names = ["start", "end", "a", "b", "c", "d"];
    const arrow = fc.record({ from: fc.constantFrom(...names), to: fc.constantFrom(...names), fixed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(arrow, { maxLength: 9 }), (drawn) => {
        const arrows = drawn
          .filter(({ from, to }) => from !== to && to !== "start" && from !== "end")
          .map(({ from, to, fixed }, n) => ({ from, to, remove: fixed && n % 3 === 0 ? undefined : `remove ${n}` }));
        const found = cut(arrows);
        const best = smallestByTrying(arrows);
        expect(found?.length).toBe(best);
        if (found)
          expect(isOpen(arrows.filter(({ remove }) => remove === undefined || !found.includes(remove)))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

const isOpen = (arrows: readonly Arrow[]): boolean => path(arrows) !== undefined;

/** The size of the smallest cut by looking at every subset; undefined when none closes all ways. */
function smallestByTrying(arrows: readonly Arrow[]): number | undefined {
  const removable = arrows.filter(({ remove }) => remove !== undefined);
  let best: number | undefined;
  for (let subset = 0; subset < 2 ** removable.length; subset++) {
    const taken = new Set(removable.filter((_, n) => (subset & (1 << n)) !== 0));
    if (best !== undefined && taken.size >= best) continue;
    if (!isOpen(arrows.filter((arrow) => !taken.has(arrow)))) best = taken.size;
  }
  return best;
}
