/** What makes a finding the same one in the next run: its check, its database and its object. */
import { createHash } from "node:crypto";

/** 64 bits: a run has thousands of findings, not billions. */
const HEX_DIGITS = 16;

export interface FindingIdentity {
  check: string;
  /** undefined: the cluster. */
  database: string | undefined;
  object: string;
}

export function fingerprintOf({ check, database, object }: FindingIdentity): string {
  // As JSON, so that no text in one part can look like the next part.
  const text = JSON.stringify([check, database ?? null, object]);
  return createHash("sha256").update(text).digest("hex").slice(0, HEX_DIGITS);
}
