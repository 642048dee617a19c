/**
 * What a rule of escalation is: one way in which who has this can get that.
 *
 * One rule per file of edges/. A rule looks at what was read and says its edges; searching them is not its business.
 * Adding a way to escalate is adding a file and the test that exploits it.
 */
import type { Hook, Snapshot } from "../catalog/snapshot.ts";
import type { PathFacts } from "./facts.ts";
import type { EdgeFacts } from "./graph.ts";
import type { Holders } from "./holders.ts";

export interface World {
  snapshot: Snapshot;
  hooks: readonly Hook[];
  facts: PathFacts;
  holders: Holders;
}

export interface EdgeRule {
  /** File name and public name: "set-role". */
  name: string;
  /** One sentence for people and documents. */
  summary: string;
  edges(world: World): Iterable<EdgeFacts>;
}

export function defineEdgeRule(rule: EdgeRule): EdgeRule {
  return rule;
}
