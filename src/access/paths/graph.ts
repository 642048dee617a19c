/**
 * The graph of what somebody can turn into.
 *
 * A role stands in it twice: *using* a role is having its privileges (what inheritance gives), *being* it is acting under
 * its name (what SET ROLE, a trojan or a login gives), which also brings its attributes. Being includes using. Between
 * roles stand gates: one node for a right that many have and that reaches many ("CREATE on a schema of the search_path"),
 * so that the number of edges grows with the sum of both and not with their product.
 *
 * Every edge carries its evidence and, when something can be done about it, the statement that removes it.
 */
import { PUBLIC } from "../privileges/acl.ts";

/** Where a path can end besides a role. */
export type Goal = "superuser" | "server account" | "server files" | "secrets" | "replication";

export type Node =
  | { kind: "using"; role: string }
  | { kind: "being"; role: string }
  | { kind: "gate"; name: string }
  | { kind: "goal"; goal: Goal }
  | { kind: "anybody" };

/**
 * certain: works whenever the holder wants. waiting: works when somebody else does something usual. conditional: works
 * when a circumstance holds that the catalog does not tell.
 */
export type Strength = "certain" | "waiting" | "conditional";

export interface EdgeFacts {
  from: Node;
  to: Node;
  /** What makes it, for people, with the names in quotes. */
  evidence: string;
  /** Default: certain. */
  strength?: Strength | undefined;
  /** For "waiting" what has to happen, for "conditional" what has to hold. */
  condition?: string | undefined;
  /** A statement that removes it, for whoever has the right; undefined: nothing sensible does. */
  remove?: string | undefined;
}

export interface Edge extends Required<Pick<EdgeFacts, "evidence">> {
  /** Name of the rule that found it: the file in edges/. */
  rule: string;
  from: number;
  to: number;
  strength: Strength;
  condition: string | undefined;
  remove: string | undefined;
}

export const using = (role: string): Node => ({ kind: "using", role });
export const being = (role: string): Node => ({ kind: "being", role });
export const gate = (name: string): Node => ({ kind: "gate", name });
export const goal = (name: Goal): Node => ({ kind: "goal", goal: name });
export const ANYBODY: Node = { kind: "anybody" };

/** Nodes numbered as they appear, edges in lists by where they start. */
export class PathGraph {
  readonly #numbers = new Map<string, number>();
  readonly #nodes: Node[] = [];
  readonly #leaving: Edge[][] = [];
  #arriving: readonly (readonly Edge[])[] | undefined;

  add(rule: string, { from, to, evidence, strength = "certain", condition, remove }: EdgeFacts): void {
    const edge: Edge = { rule, from: this.number(from), to: this.number(to), evidence, strength, condition, remove };
    this.#leaving[edge.from]?.push(edge);
  }

  number(node: Node): number {
    const key = keyOf(node);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#nodes.length;
      this.#numbers.set(key, number);
      this.#nodes.push(node);
      this.#leaving.push([]);
    }
    return number;
  }

  /** The number of a node that some edge has; undefined for others. */
  find(node: Node): number | undefined {
    return this.#numbers.get(keyOf(node));
  }

  node(number: number): Node {
    return this.#nodes[number] ?? ANYBODY;
  }

  leaving(number: number): readonly Edge[] {
    return this.#leaving[number] ?? [];
  }

  /** Edges by where they lead. Made once; no edge may be added after. */
  arriving(): readonly (readonly Edge[])[] {
    if (!this.#arriving) {
      const arriving: Edge[][] = this.#nodes.map(() => []);
      for (const edges of this.#leaving) for (const edge of edges) arriving[edge.to]?.push(edge);
      this.#arriving = arriving;
    }
    return this.#arriving;
  }

  get size(): number {
    return this.#nodes.length;
  }
}

function keyOf(node: Node): string {
  switch (node.kind) {
    case "using":
    case "being":
      return `${node.kind} ${node.role}`;
    case "gate":
      return `gate ${node.name}`;
    case "goal":
      return `goal ${node.goal}`;
    default:
      return node.kind;
  }
}

/** A role for people: PUBLIC stands without quotes. */
export function roleText(role: string): string {
  return role === PUBLIC ? "PUBLIC" : `"${role}"`;
}
