/**
 * What the server tells us beside the project's own notices: which file or test begins and ends, and the number of a
 * transaction about to commit.
 *
 * These messages come from sql/deploy/040_trace.sql and 060_tests.sql. They have an SQLSTATE of their own and never
 * reach the person; times in them are the server's, so the network does not blur durations. Anybody's SQL could raise
 * such a message too; it would only be lying to itself, because nothing but reports is made of them.
 */
import type { ProgressEvent } from "../../base/operation.ts";
import type { ServerNotice } from "../../pg/session.ts";
import { type FileTiming, type TestOutcome, testName } from "./report.ts";

/** SQLSTATE of the messages. */
export const TRACE_STATE = "PGK01";

/** 20,000 files or tests in one report: more are counted by nobody, and a loop must not fill memory. */
const MAX_ENTRIES = 20_000;

interface Running {
  path: string;
  /** Microseconds since 1970. */
  since: number;
}

export class Trace {
  readonly files: FileTiming[] = [];
  readonly tests: TestOutcome[] = [];
  #transactionId: string | undefined;
  #file: Running | undefined;
  #test: Running | undefined;
  readonly #report: (event: ProgressEvent) => void;

  constructor(report: (event: ProgressEvent) => void) {
    this.#report = report;
  }

  /** Number of the transaction that was about to commit when last heard of. */
  get transactionId(): string | undefined {
    return this.#transactionId;
  }

  /** The file that began and has not ended; a failure left it so. */
  get openFile(): string | undefined {
    return this.#file?.path;
  }

  /** Forgets the announced transaction; called when a unit has completed. */
  settleTransaction(): void {
    this.#transactionId = undefined;
  }

  /** Whether the notice was ours; then it must not be shown. */
  take({ code, message, detail }: ServerNotice): boolean {
    if (code !== TRACE_STATE) return false;
    const [kind = "", clock = "", key = ""] = (detail ?? "").split(" ");
    const at = Number(clock);
    if (kind === "transaction") this.#transactionId = /^\d{1,20}$/.test(message) ? message : undefined;
    else if (kind === "file_start") this.#file = { path: message, since: at };
    else if (kind === "file_end") this.#endFile(at, key);
    else if (kind === "test_start") this.#test = { path: message, since: at };
    else if (kind === "test_end") this.#endTest(message, at, "passed");
    else if (kind === "test_failed") this.#endTest(message, at, "failed");
    return true;
  }

  #endFile(at: number, _key: string): void {
    const file = this.#file;
    this.#file = undefined;
    if (!file || this.files.length >= MAX_ENTRIES) return;
    const entry = { path: file.path, ms: elapsedMs(file.since, at) };
    this.files.push(entry);
    this.#report({ type: "deploy.file_done", ...entry });
  }

  #endTest(path: string, at: number, result: "passed" | "failed"): void {
    const since = this.#test?.path === path ? this.#test.since : at;
    this.#test = undefined;
    if (this.tests.length >= MAX_ENTRIES) return;
    const entry: TestOutcome = { path, name: testName(path), result, ms: elapsedMs(since, at) };
    this.tests.push(entry);
    this.#report({ type: "deploy.test_done", path, result, ms: entry.ms });
  }

  /** Gives the failed test its message. */
  explainFailure(path: string, message: string): void {
    const test = this.tests.findLast((entry) => entry.path === path && entry.result === "failed");
    if (test) test.message = message;
  }
}

/** Microseconds to milliseconds with one decimal, never negative: the server's clock may be set back. */
function elapsedMs(from: number, to: number): number {
  const micros = Math.max(0, to - from);
  return Number.isFinite(micros) ? Math.round(micros / 100) / 10 : 0;
}
