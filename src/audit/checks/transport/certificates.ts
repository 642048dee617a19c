/**
 * The certificates that the server shows, and what can be read from them.
 *
 * They come from our own line when that is encrypted, for then nothing more has to be asked; otherwise from the probes.
 */
import type { X509Certificate } from "node:crypto";
import { NotApplicable, Unanswered } from "../../answers.ts";
import type { Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { requireAnswers, requireProbes } from "../probes.ts";
import { tlsProbe } from "./tls-probe.ts";

/** First the server's own. Throws Unanswered when none was seen, NotApplicable when the server has no TLS. */
export async function servedCertificates(facts: Facts): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const { tls, offersTls } = facts.line();
  const chain = tls?.chain ?? (await probedChain(facts, offersTls));
  const [own, ...above] = chain;
  if (own === undefined) throw new Unanswered("no certificate was seen", "network");
  return [own, ...above];
}

async function probedChain(facts: Facts, offersTls: boolean | undefined): Promise<readonly X509Certificate[]> {
  if (offersTls === false) throw new NotApplicable("the server does not offer TLS");
  await requireProbes(facts, "this connection is not encrypted and shows no certificate");
  const probe = await tlsProbe(facts);
  requireAnswers(probe, ["certificate"]);
  return probe.chain;
}

/** Those of which a weakness counts: a root that signs itself is trusted for what it is, not for its signature. */
export function countingCertificates([own, ...above]: readonly X509Certificate[]): X509Certificate[] {
  return own === undefined ? [] : [own, ...above.filter((certificate) => !isSelfSigned(certificate))];
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.checkIssued(certificate);
}

/** The subject, on one line: "O=Example, CN=db.example.org". The same certificate renewed keeps it. */
export function nameOf({ subject }: X509Certificate): string {
  return (subject ?? "").split("\n").join(", ") || "certificate without a subject";
}

export function endOf(certificate: X509Certificate): Date {
  return new Date(certificate.validTo);
}

export function beginOf(certificate: X509Certificate): Date {
  return new Date(certificate.validFrom);
}

/** "2026-11-21". */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

const DAY_MS = 86_400_000;

export function daysBetween(from: Date, to: Date): number {
  return Math.floor((to.getTime() - from.getTime()) / DAY_MS);
}

/** What every finding about a certificate is cured by. */
export const RENEW: Found["fix"] = {
  kind: "words",
  text: "Have a new certificate issued, put it in place of ssl_cert_file and ssl_key_file, and reload the server (select pg_reload_conf()).",
};
