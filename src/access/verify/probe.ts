/** What is tried, what came of it, and what verification says in the end. Field names of results are those of the JSON. */

/** "either": PostgreSQL allows it to everybody; it is reported and never counts. */
export type Expected = "allowed" | "refused" | "either";

export function expectedIf(isAllowed: boolean): Expected {
  return isAllowed ? "allowed" : "refused";
}

export interface Probe {
  /** Row of the verification matrix, 1 to 30. */
  row: number;
  role: string;
  /** What the role does: "select", "create in", "set role". */
  action: string;
  /** On what, with its kind: `table app.orders`. Names as they are, not quoted. */
  object: string;
  /** The schema that it counts under; undefined for the database and the server. */
  schema: string | undefined;
  /** oid of the table or sequence that a lock could be held on. */
  relation?: number | undefined;
  expected: Expected;
  attempt: Attempt;
  /** The model's file asks for it by name. */
  promised?: boolean | undefined;
  /** The catalog's own answer, for when the attempt cannot be judged (a lock, a relation that cannot be written). */
  otherwise?: Question | undefined;
}

/** A question to the catalog: a query of one boolean, or one of the many of the same form that are asked together. */
export type Question = string | ObjectQuestion;

/** Whether a role holds one of the privileges on an object that it can reach. */
export interface ObjectQuestion {
  form: "table" | "columns" | "sequence" | "routine";
  role: string;
  oid: number;
  schema: string;
  /** As has_..._privilege takes them: "usage, update". */
  privileges: string;
}

/** How the answer is found. */
export type Attempt =
  /** Run as the role and undone. */
  | { kind: "run"; sql: string }
  /** Asked of the catalog. `why` says why nothing is executed. */
  | { kind: "ask"; question: Question; why: string }
  /** A GRANT, whose effect on the relation's list is looked at, because the server only warns. */
  | { kind: "grant"; sql: string }
  /** SET ROLE. */
  | { kind: "become"; role: string }
  /** Known already. */
  | { kind: "known"; allowed: boolean; why: string }
  /** Not to be answered. */
  | { kind: "none"; why: string };

export type ProbeResult = "pass" | "fail" | "unknown" | "computed";

export interface ProbeOutcome {
  row: number;
  role: string;
  action: string;
  object: string;
  schema?: string | undefined;
  expected: Expected;
  /** The model's file asks for it by name; absent for all others. */
  promised?: true | undefined;
  /** computed: as expected, and found in the catalog instead of by doing it. */
  result: ProbeResult;
  /** Absent when unknown. */
  actual?: "allowed" | "refused" | undefined;
  sqlstate?: string | undefined;
  /** The server's words. */
  message?: string | undefined;
  /** Why it is computed or unknown. */
  reason?: string | undefined;
}

export interface VerifyCounts {
  pass: number;
  fail: number;
  unknown: number;
  computed: number;
}

export interface VerifyReport {
  database: string;
  server_version: number;
  model: string;
  model_hash: string;
  executor: { session_user: string; superuser: boolean };
  /** How probes ran: "session authorization", "role", or "catalog" where nothing could be tried. */
  method: VerifyMethod;
  /** Objects of each kind per schema that were probed, and the number that chose them; absent when all were. */
  sample?: { size: number; seed: number } | undefined;
  counts: VerifyCounts;
  matrix: (VerifyCounts & { role: string; schema?: string | undefined })[];
  probes: ProbeOutcome[];
  /** What verification left out on purpose, and why. */
  notes: string[];
}

export type VerifyMethod = "session authorization" | "role" | "catalog";

/** What the answer of the server to a probe amounts to. */
export interface Answer {
  /** "ok", "true", "false", "no effect", "error"; undefined when there was none. */
  outcome: string | undefined;
  sqlstate?: string | undefined;
  message?: string | undefined;
}

/** "permission denied", "must be owner of", "permission denied to set role": every refusal for want of a right. */
const INSUFFICIENT_PRIVILEGE = "42501";
const LOCK_NOT_AVAILABLE = "55P03";

/** Judges a probe by what the server answered. Never a pass when it cannot be known. */
export function judge(probe: Probe, answer: Answer): ProbeOutcome {
  const { attempt } = probe;
  const base = outcomeOf(probe);
  if (attempt.kind === "known") {
    return verdict(base, { allowed: attempt.allowed, computed: true, reason: attempt.why });
  }
  if (attempt.kind === "none") return { ...base, result: "unknown", reason: attempt.why };
  const { outcome, sqlstate, message } = answer;
  const words = { ...(sqlstate ? { sqlstate } : {}), ...(message ? { message } : {}) };
  if (attempt.kind === "ask" && (outcome === "true" || outcome === "false")) {
    return verdict(base, { allowed: outcome === "true", computed: true, reason: attempt.why });
  }
  if (attempt.kind !== "ask" && outcome === "ok") return verdict(base, { allowed: true, computed: false });
  if (attempt.kind === "grant" && outcome === "no effect") {
    return verdict(base, { allowed: false, computed: false, words: { message: "the grant had no effect" } });
  }
  if (outcome === "error" && sqlstate === INSUFFICIENT_PRIVILEGE && attempt.kind !== "ask") {
    return verdict(base, { allowed: false, computed: false, words });
  }
  return {
    ...base,
    result: "unknown",
    ...words,
    reason: whyUnknown(outcome, sqlstate),
  };
}

function whyUnknown(outcome: string | undefined, sqlstate: string | undefined): string {
  if (outcome !== "error") return "there was no answer";
  if (sqlstate === LOCK_NOT_AVAILABLE) return "another session held a lock on it; verify again";
  return "the server answered with another error";
}

function outcomeOf({ row, role, action, object, schema, expected, promised }: Probe): Omit<ProbeOutcome, "result"> {
  return {
    row,
    role,
    action,
    object,
    ...(schema === undefined ? {} : { schema }),
    expected,
    ...(promised ? { promised } : {}),
  };
}

interface Verdict {
  allowed: boolean;
  computed: boolean;
  reason?: string | undefined;
  words?: { sqlstate?: string; message?: string } | undefined;
}

function verdict(base: Omit<ProbeOutcome, "result">, { allowed, computed, reason, words }: Verdict): ProbeOutcome {
  const actual = allowed ? "allowed" : "refused";
  const isGood = base.expected === "either" || base.expected === actual;
  return {
    ...base,
    result: isGood ? (computed ? "computed" : "pass") : "fail",
    actual,
    ...words,
    ...(reason === undefined ? {} : { reason }),
  };
}
