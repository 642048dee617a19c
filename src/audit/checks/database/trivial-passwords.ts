/**
 * Whether a stored password is the role's name or one of a few words, found by hashing in our own process.
 *
 * No login is tried, and the server never sees the words. Hashing is bounded: anybody can store a verifier for their own
 * role that costs hours to check, so those are not tried, cheap ones come first, and everything ends at a deadline. What
 * was not tried is counted, because it is not known to be good.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../base/clock.ts";
import { isVerifierOfWord, parseScramVerifier, type ScramVerifier } from "../../../pg/scram.ts";

/** Passwords that stand in every tutorial, and a blank, which some tools send for none. */
const WORDS = ["postgres", "password", "admin", "changeme", "secret", "test", "123456", "root", " "];

/** 1,000,000: 245 times PostgreSQL's own default; about 0.2 s per word. */
const MAX_ITERATIONS = 1_000_000;
/** 5 s: about 600 verifiers of the default cost on one core. */
const DEADLINE_MS = 5_000;
/** 4: threads that Node has for this by default. */
const PARALLEL = 4;

/** A stored password. Holds a secret: stays inside this file and the check. */
interface StoredPassword {
  role: string;
  stored: string;
}

export interface TrivialPasswords<Password> {
  trivial: readonly Password[];
  /** How many could not be tried. */
  untried: number;
}

/** Looks at every password, in the order given where they cost the same. */
export async function findTrivial<Password extends StoredPassword>(
  passwords: readonly Password[],
  clock: Clock,
): Promise<TrivialPasswords<Password>> {
  const deadline = clock.monotonicMs() + DEADLINE_MS;
  const trivial: Password[] = [];
  let untried = 0;
  for (const { password, verifier } of cheapestFirst(passwords)) {
    const isTrivial =
      verifier === undefined ? isMd5OfWord(password) : await isScramOfWord(password.role, verifier, isLate);
    if (isTrivial === undefined) untried++;
    else if (isTrivial) trivial.push(password);
  }
  return { trivial, untried };

  function isLate(): boolean {
    return clock.monotonicMs() >= deadline;
  }
}

function cheapestFirst<Password extends StoredPassword>(passwords: readonly Password[]) {
  return passwords
    .map((password) => ({ password, verifier: parseScramVerifier(password.stored) }))
    .sort((one, other) => (one.verifier?.iterations ?? 0) - (other.verifier?.iterations ?? 0));
}

/** undefined: not in a form we know, or this Node has no MD5. */
function isMd5OfWord({ role, stored }: StoredPassword): boolean | undefined {
  if (!/^md5[0-9a-f]{32}$/.test(stored)) return undefined;
  try {
    return ["", role, ...WORDS].some(
      (word) =>
        stored ===
        `md5${createHash("md5")
          .update(word + role)
          .digest("hex")}`,
    );
  } catch {
    return undefined;
  }
}

async function isScramOfWord(
  role: string,
  verifier: ScramVerifier,
  isLate: () => boolean,
): Promise<boolean | undefined> {
  if (verifier.iterations > MAX_ITERATIONS) return undefined;
  const words = [...new Set([role, role.toLowerCase(), ...WORDS])];
  for (let at = 0; at < words.length; at += PARALLEL) {
    if (isLate()) return undefined;
    const some = words.slice(at, at + PARALLEL);
    const matches = await Promise.all(some.map((word) => isVerifierOfWord(word, verifier)));
    if (matches.includes(true)) return true;
  }
  return false;
}
