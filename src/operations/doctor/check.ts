/** One answered question of the doctor, and how to write one. */

export interface Check {
  section: "runtime" | "config" | "connection" | "rights" | "server" | "project" | "relay";
  /** What was asked: "TLS", "clock". */
  what: string;
  status: "ok" | "warn" | "fail" | "unknown";
  /** The answer, one line. */
  detail: string;
  /** What to do, as an imperative; null when nothing is to be done. */
  fix: string | null;
}

type Section = Check["section"];

/** Writers of one section's checks. */
export function checksOf(section: Section) {
  const make =
    (status: Check["status"]) =>
    (what: string, detail: string, fix: string | null = null): Check => ({ section, what, status, detail, fix });
  return { ok: make("ok"), warn: make("warn"), fail: make("fail"), unknown: make("unknown") };
}
