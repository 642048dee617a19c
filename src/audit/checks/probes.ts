/** What checks ask of live probes before they believe them: that there were any, and that they were answered. */
import { NotApplicable, Unanswered } from "../answers.ts";
import type { Facts } from "../facts/facts.ts";
import type { ProbeArea, ProbeFacts } from "../facts/probe.ts";

/**
 * Throws when the probes of this run are none: NotApplicable on a server that listens on no network address, which nobody
 * could ask, else Unanswered with `reason`.
 */
export async function requireProbes(facts: Facts, reason: string): Promise<void> {
  if (facts.has("network")) return;
  const { transport } = facts.line();
  const listens = transport === "socket" ? await listenAddresses(facts) : undefined;
  if (listens === "") throw new NotApplicable("the server listens on no network address");
  throw new Unanswered(reason, "network");
}

/** undefined: not shown to this run. */
async function listenAddresses(facts: Facts): Promise<string | undefined> {
  try {
    return (await facts.settings()).value("listen_addresses").trim();
  } catch (error) {
    if (error instanceof Unanswered || error instanceof NotApplicable) return undefined;
    throw error;
  }
}

/** Throws Unanswered when one of `areas` has no answer. For checks that found nothing. */
export function requireAnswers({ gaps }: ProbeFacts, areas: readonly ProbeArea[]): void {
  const area = areas.find((name) => gaps[name] !== undefined);
  if (area !== undefined) throw new Unanswered(`the probe of ${area} has no answer: ${gaps[area]}`);
}
