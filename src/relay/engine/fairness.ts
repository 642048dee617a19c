/** How the relays of one group share its pipelines. Each decides for itself, from what all say of themselves. */
import type { OtherRelay } from "../store/instances.ts";

export interface Share {
  /** How many this relay should own. */
  fair: number;
  /** How many more it may take now. */
  mayTake: number;
  /** How many it should give back, because somebody else waits for them. */
  giveBack: number;
}

/**
 * Equal shares, rounded up, no more than `most`. What is over a share is given back only when another relay says that
 * it wants more than it has and is below its share: one that cannot take a pipeline must not make it wander.
 */
export function shareOf(own: { owned: number; pipelines: number; most: number }, others: readonly OtherRelay[]): Share {
  const competitors = others.filter(({ wants }) => wants > 0).length;
  const fair = Math.min(own.most, Math.ceil(own.pipelines / (competitors + 1)));
  const wanted = others.reduce((sum, { owned, wants }) => sum + Math.max(0, Math.min(wants, fair) - owned), 0);
  return {
    fair,
    mayTake: Math.max(0, fair - own.owned),
    giveBack: Math.max(0, Math.min(own.owned - fair, wanted)),
  };
}
