/**
 * Finds import cycles of files and of folders.
 *
 * A folder's entries, files and folders alike, are points of one graph: an entry leads to another when any file in it
 * imports any file in the other. A cycle in one of these graphs is what the rule forbids, and no cycle of files escapes
 * it: the nearest folder that holds the whole cycle has it among its entries. Every kind of import counts: of values, of types, and
 * those that happen later, because each of them makes one side hard to read without the other.
 */
import { posix } from "node:path";
import { withoutComments } from "./repository.ts";

/** What the first file takes from the second; paths from the root, "/" separators. */
interface Import {
  from: string;
  to: string;
}

/** One step of a cycle: two entries of one folder, and the imports that make it. */
export interface CycleEdge {
  from: string;
  to: string;
  imports: readonly Import[];
}

/** `from "./x.ts"`, `import "./x.ts"` and `import("./x.ts")`, also where a type is written so. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g;

/**
 * One cycle, as short as there is, for each group of entries that lead to one another; none is the rule.
 *
 * `sources`: text by path. Imports of files outside it are left out.
 */
export function importCycles(sources: ReadonlyMap<string, string>): CycleEdge[][] {
  const edges = edgesBetweenEntries([...sources].flatMap(([path, text]) => importsOf(path, text, sources)));
  const found: CycleEdge[][] = [];
  const named = new Set<string>();
  for (const start of edges.keys()) {
    const cycle = named.has(start) ? undefined : shortestCycle(start, edges);
    if (cycle === undefined) continue;
    found.push(cycle);
    for (const entry of groupOf(start, edges)) named.add(entry);
  }
  return found;
}

/** The cycle for a reader: a line for each step, with the imports that would have to go. */
export function cycleText(cycle: readonly CycleEdge[]): string {
  return cycle.map(edgeText).join("\n");
}

function edgeText({ from, to, imports }: CycleEdge): string {
  const [first, ...others] = imports;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${from} -> ${to}: ${first?.from} imports ${first?.to}${more}`;
}

function importsOf(from: string, text: string, sources: ReadonlyMap<string, string>): Import[] {
  const specifiers = [...withoutComments(text).matchAll(SPECIFIER)].map((match) => match[1] ?? "");
  const targets = specifiers.map((specifier) => posix.join(posix.dirname(from), specifier));
  return targets.filter((to) => to !== from && sources.has(to)).map((to) => ({ from, to }));
}

type Edges = ReadonlyMap<string, ReadonlyMap<string, CycleEdge>>;

function edgesBetweenEntries(imports: readonly Import[]): Edges {
  const edges = new Map<string, Map<string, CycleEdge>>();
  for (const each of imports) {
    const { from, to } = entriesOf(each);
    const leaving = edges.get(from) ?? new Map<string, CycleEdge>();
    const same = leaving.get(to)?.imports ?? [];
    edges.set(from, leaving.set(to, { from, to, imports: [...same, each] }));
  }
  return edges;
}

/** The two entries of the nearest folder that holds both files: `a/b/c.ts` and `a/d/e.ts` are in `a/b` and `a/d`. */
function entriesOf({ from, to }: Import): { from: string; to: string } {
  const one = from.split("/");
  const other = to.split("/");
  const depth = one.findIndex((name, index) => name !== other[index]) + 1;
  return { from: one.slice(0, depth).join("/"), to: other.slice(0, depth).join("/") };
}

/** From `start` back to it, in as few steps as possible; undefined: no way leads back. */
function shortestCycle(start: string, edges: Edges): CycleEdge[] | undefined {
  const ways = new Map<string, CycleEdge[]>([[start, []]]);
  // A map goes on to entries that are added while it is walked: nearest first.
  for (const [entry, way] of ways) {
    for (const [next, edge] of edges.get(entry) ?? []) {
      if (next === start) return [...way, edge];
      if (!ways.has(next)) ways.set(next, [...way, edge]);
    }
  }
  return undefined;
}

/** `start` and all entries that lead to it and are led to by it. */
function groupOf(start: string, edges: Edges): string[] {
  return reachedFrom(start, edges).filter((entry) => reachedFrom(entry, edges).includes(start));
}

function reachedFrom(start: string, edges: Edges): string[] {
  const reached = new Set([start]);
  for (const entry of reached) for (const next of edges.get(entry)?.keys() ?? []) reached.add(next);
  return [...reached];
}
