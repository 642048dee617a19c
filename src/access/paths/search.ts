/**
 * Shortest paths and smallest cuts in the graph of escalation.
 *
 * A path that works at any time is worth more than a shorter one that waits for somebody, so the search goes over certain
 * edges first and lets the weaker ones in only for what is not reached yet. The smallest set of statements that closes
 * every way from a role to a target is a minimum cut, found by pushing unit flows (Edmonds and Karp): each edge
 * counts one, those that nothing removes cannot be cut, and edges that one statement removes become one line.
 */
import type { Edge, PathGraph, Strength } from "./graph.ts";

const LEVELS: readonly (readonly Strength[])[] = [
  ["certain"],
  ["certain", "waiting"],
  ["certain", "waiting", "conditional"],
];

export interface FoundPath {
  target: number;
  edges: readonly Edge[];
  /** The weakest edge's. */
  strength: Strength;
}

/** The best path from `start` to each of `targets` that can be reached at all. */
export function bestPaths(graph: PathGraph, start: number, targets: ReadonlySet<number>): FoundPath[] {
  const found: FoundPath[] = [];
  const missing = new Set(targets);
  missing.delete(start);
  for (const [level, allowed] of LEVELS.entries()) {
    if (missing.size === 0) break;
    const into = reach(graph, start, (edge) => allowed.includes(edge.strength));
    for (const target of missing) {
      if (!into[target]) continue;
      found.push({ target, edges: trace(into, start, target), strength: LEVELS[level]?.at(-1) ?? "certain" });
      missing.delete(target);
    }
  }
  return found;
}

/** For each node that can be reached, the edge by which it was reached first: breadth first, so by a shortest path. */
function reach(graph: PathGraph, start: number, isAllowed: (edge: Edge) => boolean): (Edge | undefined)[] {
  const into = new Array<Edge | undefined>(graph.size);
  const queue = [start];
  for (let at = 0; at < queue.length; at++) {
    for (const edge of graph.leaving(queue[at] ?? start)) {
      if (edge.to === start || into[edge.to] !== undefined || !isAllowed(edge)) continue;
      into[edge.to] = edge;
      queue.push(edge.to);
    }
  }
  return into;
}

function trace(into: readonly (Edge | undefined)[], start: number, target: number): Edge[] {
  const edges: Edge[] = [];
  for (let at = target; at !== start; ) {
    const edge = into[at];
    if (!edge) break;
    edges.push(edge);
    at = edge.from;
  }
  return edges.reverse();
}

/**
 * The fewest statements after which no path leads from `start` to `target`; undefined when some path has nothing that
 * a statement removes. At most `limit` statements: above it, undefined too.
 */
export function smallestCut(graph: PathGraph, { start, target, limit }: CutRequest): string[] | undefined {
  const flow = new Flow(graph);
  for (let size = 0; size <= limit; size++) {
    const into = flow.augmentingPath(start, target);
    if (into === undefined) return flow.cut(target);
    if (!flow.push(into, start, target)) return undefined;
  }
  return undefined;
}

export interface CutRequest {
  start: number;
  target: number;
  limit: number;
}

/** How a node was reached in the residual graph: along an edge, or back along one that carries flow. */
type Step = { edge: Edge; isBackward: boolean };

/** The flow found so far, one unit for each way that has to be cut. */
class Flow {
  readonly #graph: PathGraph;
  /** Units on each edge that carries some, by the node it leads to. */
  readonly #carrying = new Map<number, Map<Edge, number>>();
  readonly #full = new Set<Edge>();

  constructor(graph: PathGraph) {
    this.#graph = graph;
  }

  augmentingPath(start: number, target: number): Map<number, Step> | undefined {
    const into = this.#reach(start, target);
    return into.has(target) ? into : undefined;
  }

  /** Sends one unit along the path. False when no edge of it can be cut. */
  push(into: ReadonlyMap<number, Step>, start: number, target: number): boolean {
    let isLimited = false;
    const steps: Step[] = [];
    for (let at = target; at !== start; ) {
      const step = into.get(at);
      if (!step) break;
      steps.push(step);
      isLimited ||= step.isBackward || step.edge.remove !== undefined;
      at = step.isBackward ? step.edge.to : step.edge.from;
    }
    if (!isLimited) return false;
    for (const step of steps) this.#use(step);
    return true;
  }

  /**
   * Statements of the full edges that lead into what still reaches the target. Of all smallest cuts this is the one nearest
   * to the target: it hardens what is attacked, and leaves roles with what they were given for their work.
   */
  cut(target: number): string[] {
    const reaching = this.#reaching(target);
    const statements = new Set<string>();
    for (const edge of this.#full) {
      if (edge.remove !== undefined && reaching.has(edge.to) && !reaching.has(edge.from)) statements.add(edge.remove);
    }
    return [...statements];
  }

  /** Nodes from which the target can be reached in the residual graph, the target included. */
  #reaching(target: number): ReadonlySet<number> {
    const arriving = this.#graph.arriving();
    const leavingFlow = new Map<number, Edge[]>();
    for (const units of this.#carrying.values()) {
      for (const edge of units.keys()) leavingFlow.set(edge.from, [...(leavingFlow.get(edge.from) ?? []), edge]);
    }
    const found = new Set([target]);
    for (const node of found) {
      for (const edge of arriving[node] ?? []) if (!this.#full.has(edge)) found.add(edge.from);
      for (const edge of leavingFlow.get(node) ?? []) found.add(edge.to);
    }
    return found;
  }

  #use({ edge, isBackward }: Step): void {
    const units = this.#carrying.get(edge.to) ?? new Map<Edge, number>();
    this.#carrying.set(edge.to, units);
    const left = (units.get(edge) ?? 0) + (isBackward ? -1 : 1);
    if (left > 0) units.set(edge, left);
    else units.delete(edge);
    // A statement removes one unit's worth; what nothing removes never fills up.
    if (edge.remove === undefined) return;
    if (left > 0) this.#full.add(edge);
    else this.#full.delete(edge);
  }

  #reach(start: number, target: number | undefined): Map<number, Step> {
    const into = new Map<number, Step>();
    const queue = [start];
    const visit = (node: number, step: Step): void => {
      if (node === start || into.has(node)) return;
      into.set(node, step);
      queue.push(node);
    };
    for (let at = 0; at < queue.length; at++) {
      const node = queue[at] ?? start;
      if (node === target) break;
      for (const edge of this.#graph.leaving(node))
        if (!this.#full.has(edge)) visit(edge.to, { edge, isBackward: false });
      for (const edge of this.#carrying.get(node)?.keys() ?? []) visit(edge.from, { edge, isBackward: true });
    }
    return into;
  }
}
