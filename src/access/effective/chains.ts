/**
 * The chains of memberships by which one role comes to the rights of another.
 *
 * A chain counts when it begins with hops that SET ROLE may take and ends with hops that inherit; either part may be
 * empty. Without the first part the rights are there now, else after becoming the role where the first part ends.
 * Attributes (superuser) are never inherited: for them the whole chain must be of the first kind.
 */
import type { MembershipEdge, RoleClosures } from "./closures.ts";

export interface Chain {
  hops: readonly MembershipEdge[];
  /** How many hops from the start SET ROLE takes; 0: none, the rights are there now. */
  setHops: number;
  /** Who acts: the role itself, or the one it has become. */
  acting: string;
}

/** 64 chains to one role: more would not be read, and their number can double with every role. */
export const MAX_CHAINS = 64;

/** 20,000 steps of the search: bounds the time where very many chains lead nowhere. */
const MAX_STEPS = 20_000;

export interface ChainSearch {
  from: string;
  to: string;
  /** True: what is looked for at the end is an attribute, which only who has become the role has. */
  isAttribute: boolean;
}

/** Every chain, shortest first. `isComplete` is false when a bound ended the search. */
export function chainsTo(closures: RoleClosures, search: ChainSearch): { chains: Chain[]; isComplete: boolean } {
  const { from, to } = search;
  const useful = rolesThatLeadTo(closures, to);
  const chains: Chain[] = [];
  let steps = 0;
  const visit = (at: string, hops: readonly MembershipEdge[]): void => {
    if (++steps > MAX_STEPS || chains.length > MAX_CHAINS) return;
    if (at === to) {
      const chain = chainOf(hops, search);
      if (chain) chains.push(chain);
      return;
    }
    for (const edge of closures.edgesFrom(at)) {
      const isSeen = edge.role === from || hops.some(({ role }) => role === edge.role);
      if (!isSeen && useful.has(edge.role) && (edge.inherit || edge.set)) visit(edge.role, [...hops, edge]);
    }
  };
  if (useful.has(from)) visit(from, []);
  chains.sort((a, b) => a.setHops - b.setHops || a.hops.length - b.hops.length);
  return { chains: chains.slice(0, MAX_CHAINS), isComplete: steps <= MAX_STEPS && chains.length <= MAX_CHAINS };
}

function rolesThatLeadTo(closures: RoleClosures, to: string): ReadonlySet<string> {
  const found = new Set([to]);
  for (const role of found) for (const { member } of closures.edgesTo(role)) found.add(member);
  return found;
}

/** The chain with as few SET ROLE hops as possible; undefined when these hops lead to nothing together. */
function chainOf(hops: readonly MembershipEdge[], { from, isAttribute }: ChainSearch): Chain | undefined {
  const setHops = isAttribute ? hops.length : hops.findLastIndex(({ inherit }) => !inherit) + 1;
  if (!hops.slice(0, setHops).every(({ set }) => set)) return undefined;
  return { hops, setHops, acting: hops[setHops - 1]?.role ?? from };
}
