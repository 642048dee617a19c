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
import type { ProjectFile } from "../project/project.ts";
import { MARKER_STATE, type Marker, MarkerLog } from "../session/markers.ts";
import { type FileTiming, type TestOutcome, testName } from "./report.ts";

/** 20,000 files or tests in one report: more are counted by nobody, and a loop must not fill memory. */
const MAX_ENTRIES = 20_000;

/** Files with one text, and how often it has run. */
interface SameText {
  paths: readonly string[];
  runs: number;
}

export class Trace {
  readonly files: FileTiming[] = [];
  readonly tests: TestOutcome[] = [];
  #transactionId: string | undefined;
  #settledId: string | undefined;
  /** Starts of what runs, by key; files can run other files. */
  readonly #started = new Map<bigint, Marker>();
  #projectFiles: readonly ProjectFile[] = [];
  /** By the path that the server gives to all of them. */
  readonly #sameText = new Map<string, SameText>();
  readonly #report: (event: ProgressEvent) => void;
  /** What locating a failure needs. */
  readonly log = new MarkerLog();

  constructor(report: (event: ProgressEvent) => void) {
    this.#report = report;
  }

  /** Which files can be told of; called before any of them runs. */
  expectFiles(files: readonly ProjectFile[]): void {
    this.#projectFiles = files.filter(({ isSql, isTest }) => isSql && !isTest);
  }

  /** Number of the transaction that was about to commit when last heard of. */
  get transactionId(): string | undefined {
    return this.#transactionId;
  }

  /** Number of the last transaction of the session that is known to be over. */
  get settledId(): string | undefined {
    return this.#settledId;
  }

  /** The announced transaction is over; called when a unit has completed. */
  settleTransaction(id = this.#transactionId): void {
    this.#settledId = id ?? this.#settledId;
    this.#transactionId = undefined;
  }

  /** Whether the notice was ours; then it must not be shown. */
  take(notice: ServerNotice): boolean {
    if (notice.code !== MARKER_STATE) return false;
    if (notice.detail === "transaction" && /^\d{1,20}$/.test(notice.message)) this.#transactionId = notice.message;
    for (const marker of this.log.take(notice)) this.#follow(marker);
    return true;
  }

  #follow(marker: Marker): void {
    const [kind, moment] = marker.type.split("_");
    if (moment === "start") {
      if (this.#started.size < MAX_ENTRIES) this.#started.set(marker.key, marker);
      return;
    }
    const start = this.#started.get(marker.key);
    this.#started.delete(marker.key);
    const { path } = marker;
    const ms = start ? elapsedMs(start.timeMs, marker.timeMs) : 0;
    if (kind === "file") this.#endFile(this.#pathOf(marker), ms);
    else if (kind === "test") this.#endTest(path, ms, moment === "end" ? "passed" : "failed");
  }

  /**
   * The server knows a file by its text. Of several with the same text the first to run counts as the first by path, and
   * so on, which is how most projects run them.
   */
  #pathOf({ path, sameText }: Marker): string {
    if (sameText < 2) return path;
    const known = this.#sameText.get(path) ?? this.#namesakesOf(path);
    this.#sameText.set(path, known);
    return known.paths[known.runs++ % known.paths.length] ?? path;
  }

  #namesakesOf(path: string): SameText {
    const text = this.#projectFiles.find((file) => file.path === path)?.content;
    const paths = this.#projectFiles.filter(({ content }) => content === text).map((file) => file.path);
    return { paths, runs: 0 };
  }

  #endFile(path: string, ms: number): void {
    if (this.files.length >= MAX_ENTRIES) return;
    this.files.push({ path, ms });
    this.#report({ type: "deploy.file_done", path, ms });
  }

  #endTest(path: string, ms: number, result: "passed" | "failed"): void {
    if (this.tests.length >= MAX_ENTRIES) return;
    this.tests.push({ path, name: testName(path), result, ms });
    this.#report({ type: "deploy.test_done", path, result, ms });
  }

  /** Gives the failed test its message. */
  explainFailure(path: string, message: string, line?: number): void {
    const test = this.tests.findLast((entry) => entry.path === path && entry.result === "failed");
    if (!test) return;
    test.message = message;
    if (line !== undefined) test.line = line;
  }
}

/** With one decimal, never negative: the server's clock may be set back. */
function elapsedMs(from: number, to: number): number {
  return Math.round(Math.max(0, to - from) * 10) / 10;
}
