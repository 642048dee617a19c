/**
 * What the server asked of those who wanted to log in over TCP: of our own session, and of the probes' logins.
 *
 * Our own session is evidence for one role and one way only. So it can show a defect and never the lack of one.
 */
import { Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Demand } from "../../facts/probe.ts";
import type { Severity } from "../../ratings.ts";
import { requireProbes } from "../probes.ts";

export interface SeenDemand {
  /** "app over TLS", "any role in plain text". */
  object: string;
  demand: Demand;
  isEncrypted: boolean;
  isLoopback: boolean;
  /** What shows it, and from where: the end of a sentence. */
  evidence: string;
}

/**
 * Demands that `isWrong` holds for. Throws Unanswered when there are none and some login has no answer, or nobody asked.
 */
export async function wrongDemands(facts: Facts, isWrong: (seen: SeenDemand) => boolean): Promise<SeenDemand[]> {
  const own = [ownDemand(facts)].filter((seen) => seen !== undefined).filter(isWrong);
  if (!facts.has("network")) {
    if (own.length > 0) return own;
    await requireProbes(facts, "only probes see what the server asks of others");
  }
  const probe = await facts.probe();
  const { from, isLoopback } = probe;
  const seen = probe.logins.map(({ role, isKnown, isEncrypted, demand }) => ({
    object: `${isKnown ? role : "any role"} ${isEncrypted ? "over TLS" : "in plain text"}`,
    demand,
    isEncrypted,
    isLoopback,
    evidence: `seen from ${from}`,
  }));
  const wrong = seen.filter(isWrong);
  if (wrong.length > 0 || own.length > 0) return wrong.length > 0 ? wrong : own;
  const silent = seen.find(({ demand }) => demand === "no answer");
  if (silent !== undefined) throw new Unanswered(`${silent.object}: ${probe.gaps.logins ?? "no answer"}`);
  if (seen.length === 0) throw new Unanswered("no login was tried");
  return [];
}

const OWN: Readonly<Record<string, Demand>> = { none: "nothing", password: "clear text", md5: "md5", gss: "gss" };

function ownDemand(facts: Facts): SeenDemand | undefined {
  const { transport, tls, isLoopback, authentication } = facts.line();
  if (transport !== "tcp") return undefined;
  const isEncrypted = tls !== undefined;
  const object = `this session ${isEncrypted ? "over TLS" : "in plain text"}`;
  // A certificate is a proof of its own, though the server asks for nothing more.
  const demand = authentication === "cert" ? "other" : (OWN[authentication] ?? "scram");
  return { object, demand, isEncrypted, isLoopback, evidence: "this session's own login" };
}

/** On loopback only who is on the machine already can use it. */
export function milderOnLoopback({ isLoopback }: SeenDemand, severity: Severity): Severity | undefined {
  return isLoopback ? severity : undefined;
}
