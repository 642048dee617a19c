/** What checks of TLS take from the probes, and when the probes stand above what the settings say. */
import { NotApplicable, Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { ProbeArea, ProbeFacts } from "../../facts/probe.ts";
import type { Setting } from "../../facts/settings.ts";
import { requireAnswers, requireProbes } from "../probes.ts";

/** The probe of a server that takes TLS. Throws Unanswered without probes or their answer, NotApplicable without TLS. */
export async function tlsProbe(facts: Facts): Promise<ProbeFacts> {
  await requireProbes(facts, "it needs live probes");
  const probe = await facts.probe();
  requireAnswers(probe, ["tls"]);
  if (probe.offersTls !== true) throw new NotApplicable("the server does not offer TLS");
  return probe;
}

/** Throws NotApplicable when the probes answered for `areas`: what the server does counts more than what it is told to. */
export async function leaveToProbe(facts: Facts, check: string, areas: readonly ProbeArea[]): Promise<void> {
  if (!facts.has("network")) return;
  const probe = await facts.probe().catch((error: unknown) => {
    if (error instanceof Unanswered) return undefined;
    throw error;
  });
  const isAnswered = probe?.offersTls === true && areas.every((area) => probe.gaps[area] === undefined);
  if (isAnswered) throw new NotApplicable(`the server itself was asked, see ${check}`);
}

/** "seen from 10.0.0.7": what a probe shows holds for the address that it comes from. */
export function seenFrom({ from }: ProbeFacts): string {
  return `seen from ${from}`;
}

/** The setting; undefined where it cannot be known, for fixes that depend on it. */
export async function knownSetting(facts: Facts, name: string): Promise<Setting | undefined> {
  try {
    return (await facts.settings()).get(name);
  } catch (error) {
    if (error instanceof Unanswered || error instanceof NotApplicable) return undefined;
    throw error;
  }
}
