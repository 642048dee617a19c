/** Checks that look in two places: a defect in one stands, though the other keeps its answer to itself. */
import { Unanswered } from "../../answers.ts";
import type { Found } from "../../check.ts";

/** `found` and what `ask` finds; only `found` when that stays unanswered. Throws Unanswered when there is nothing to tell. */
export async function foundAndMore(
  found: readonly Found[],
  ask: () => Promise<readonly Found[]>,
): Promise<readonly Found[]> {
  try {
    return [...found, ...(await ask())];
  } catch (error) {
    if (error instanceof Unanswered && found.length > 0) return found;
    throw error;
  }
}
