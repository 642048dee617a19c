/**
 * Whether the server takes TLS, from our own line or from the probes, and whether that answer stands above the settings.
 *
 * After a certificate that it could not load, a server says `ssl = on` and speaks plain text. So what it answers counts.
 */
import { NotApplicable, Unanswered } from "../../answers.ts";
import type { Facts } from "../../facts/facts.ts";
import type { Settings } from "../../facts/settings.ts";
import { requireAnswers, requireProbes } from "../probes.ts";

/** The server's answer when it is asked for TLS. Throws Unanswered when nobody asked. */
export async function answersTls(facts: Facts): Promise<boolean> {
  const { offersTls, tls } = facts.line();
  if (tls !== undefined) return true;
  if (offersTls !== undefined) return offersTls;
  await requireProbes(facts, "it needs live probes");
  const probe = await facts.probe();
  requireAnswers(probe, ["tls"]);
  return probe.offersTls === true;
}

/** As `answersTls`; undefined when nobody knows. */
export async function answersTlsOrUnknown(facts: Facts): Promise<boolean | undefined> {
  try {
    return await answersTls(facts);
  } catch (error) {
    if (error instanceof Unanswered || error instanceof NotApplicable) return undefined;
    throw error;
  }
}

/** Whether clients of other machines can come at all. */
export function listensBeyondHost(settings: Settings): boolean {
  return settings.list("listen_addresses").some((address) => !/^(localhost|127\.[\d.]+|::1)$/.test(address));
}
