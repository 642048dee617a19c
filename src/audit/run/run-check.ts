/** One check on one place: whether it applies, whether we may know, and what it found. */
import { tameLine } from "../../base/tame.ts";
import { NotApplicable, Unanswered } from "../answers.ts";
import type { Check } from "../check.ts";
import type { Facts } from "../facts/facts.ts";
import { rightOf } from "../rights.ts";
import type { CheckOutcome } from "./result.ts";

/**
 * Runs `check`. Never throws for what the server says or hides; a bug in a check is thrown on.
 */
export async function runCheck(check: Check, facts: Facts): Promise<CheckOutcome> {
  try {
    const missing = check.needs.find((right) => !facts.has(right));
    requireVersion(check, facts);
    if (missing !== undefined) throw new Unanswered(`it needs ${rightOf(missing).name}`, missing);
    const found = await check.examine(facts);
    return found.length === 0 ? { status: "pass" } : { status: "fail", found };
  } catch (error) {
    if (error instanceof NotApplicable) return { status: "not_applicable", reason: error.message };
    if (error instanceof Unanswered) return { status: "unknown", reason: tameLine(error.message), right: error.right };
    throw error;
  }
}

/** Checks without a range of versions also run without a server. */
function requireVersion({ since, until }: Check, facts: Facts): void {
  if (since === undefined && until === undefined) return;
  const { major } = facts.server();
  if (since !== undefined && major < since) throw new NotApplicable(`PostgreSQL ${since} brought what it looks at`);
  if (until !== undefined && major > until) throw new NotApplicable(`PostgreSQL ${until + 1} removed what it looks at`);
}
