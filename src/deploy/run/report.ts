/**
 * What is known after a deploy or a test run, whether it succeeded or not: the one object that the JSON document, the
 * terminal and every report format are made from.
 *
 * The first block of keys is the document existing pipelines parse, names included; keys below it are additions. A
 * key that is unknown at the moment of a failure is absent: a run that never reached the database has no `filesLoaded`.
 */
import type { ServerNotice } from "../../pg/session.ts";

export interface DeployReport {
  status: "success" | "failed";
  exitCode: number;
  database?: string;
  filesLoaded?: number;
  testMacros?: number;
  durationMs?: number;
  executionUnits?: number;
  /** Units whose effects outlive the run: those of a transaction that was rolled back do not count. */
  unitsCommitted?: number;
  /** Units the server completed, those of a transaction that was rolled back included. */
  unitsCompleted?: number;
  /** Of an SQL failure: whether it was in the all-or-nothing head or in the statements after it. */
  executionMode?: "atomic" | "psql";
  error?: string;
  sqlstate?: string;
  detail?: string;
  hint?: string;
  where?: string;
  failedFile?: string;
  /** The file that line and column belong to: "deploy.sql", or a project file. */
  script?: string;
  line?: number;
  column?: number;
  sourceLine?: string;
  /** Whether line and column count in the script after its macros were expanded. */
  scriptExpanded?: boolean;

  /** The failure's code, for `pgkeep explain`. */
  code?: string;
  /** What the database is like now, as one sentence. */
  state?: string;
  /** Project files whose content was executed, in order. */
  files?: FileTiming[];
  tests?: TestOutcome[];
  /** The last notices, oldest first. */
  notices?: NoticeLine[];
  /** Whether earlier notices are missing from `notices`. */
  noticesTruncated?: boolean;
  warnings?: Warning[];
}

export interface FileTiming {
  path: string;
  ms: number;
}

export interface TestOutcome {
  path: string;
  /** The file's name without directory and extension. */
  name: string;
  result: "passed" | "failed" | "skipped";
  /** Absent when the test did not run. */
  ms?: number;
  message?: string;
  /** 1-based line of a failure in the test's file, when it is known. */
  line?: number;
}

export interface NoticeLine {
  severity: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** Something that did not stop the run and that somebody should know: above all, where a secret could be seen. */
export interface Warning {
  /** Stable, kebab-case: "no-tls", "superuser". */
  id: string;
  message: string;
  /** What to do about it, as an imperative. */
  remedy: string;
}

/** "./a/__test__/test_total.sql" is called "test_total". */
export function testName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return file.replace(/\.[A-Za-z0-9]+$/, "");
}

/** A server's notice in the report's form; parts that are empty are left out. */
export function noticeLine(notice: ServerNotice): NoticeLine {
  return {
    severity: notice.severity,
    message: notice.message,
    ...(notice.detail ? { detail: notice.detail } : {}),
    ...(notice.hint ? { hint: notice.hint } : {}),
  };
}

/** How many tests ended how. */
export function countTests(tests: readonly TestOutcome[] = []): Record<TestOutcome["result"], number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { result } of tests) counts[result]++;
  return counts;
}

/** The entries that have a value. */
export function known<T extends object>(entries: T): { [Key in keyof T]?: Exclude<T[Key], undefined> };
export function known(entries: object): object {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
