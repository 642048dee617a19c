/** What a record of a run holds, as it stands in its file: one JSON object per line, the first "started", the second "ended". */
import { createHash } from "node:crypto";
import type { Project } from "../project/project.ts";
import { countTests, type DeployReport } from "../run/report.ts";

export interface StartedLine {
  record: "started";
  format: 1;
  id: string;
  /** RFC 3339, UTC. */
  at: string;
  /** Of the operating system. */
  account: string;
  machine: string;
  pid: number;
  /** What tells this process from a later one of the same number; null where the system has no such thing. */
  process: string | null;
  /** Absolute. */
  project: string;
  /** SHA-256 over deploy.sql and the paths and checksums of all files. */
  project_checksum: string;
  files: number;
  parameters: number;
  overwrite: boolean;
  /** Servers that were to be tried, "host:port". */
  servers: string[];
  database: string;
  role: string;
  application_name: string;
}

export interface EndedLine {
  record: "ended";
  at: string;
  result: "success" | "failed";
  exit_code: number;
  code: string | null;
  sqlstate: string | null;
  /** Place of the failure, when it is known. */
  script: string | null;
  line: number | null;
  state: string | null;
  duration_ms: number | null;
  units: number | null;
  units_committed: number | null;
  /** The server that was reached. */
  server: { host: string; port: number; version: number } | null;
  tests: { passed: number; failed: number; skipped: number };
  warnings: string[];
  /** In the order they ran; the slowest when there are more than MAX_ENTRIES. */
  file_times: { path: string; ms: number; checksum: string | null }[];
  test_results: { path: string; result: "passed" | "failed" | "skipped"; ms: number | null }[];
  /** Files and tests that the two lists above leave out. */
  left_out: number;
}

/** 500 files and 500 tests in one record: a few hundred kilobytes at most. */
export const MAX_ENTRIES = 500;
/** 200 characters: paths are cut after them. */
const MAX_PATH = 200;

/** The last line of a run, from its report. Nothing of it is a message: those can repeat what the project's SQL says. */
export function endedLine(
  report: DeployReport,
  project: Project,
  server: EndedLine["server"],
): Omit<EndedLine, "record" | "at"> {
  const { files = [], tests = [] } = report;
  const checksums = new Map(project.files.map(({ path, checksum }) => [path, checksum]));
  const keptFiles = slowest(files);
  const keptTests = slowest(tests);
  return {
    result: report.status,
    exit_code: report.exitCode,
    code: report.code ?? null,
    sqlstate: report.sqlstate ?? null,
    script: report.script ?? null,
    line: report.line ?? null,
    state: report.state ?? null,
    duration_ms: report.durationMs ?? null,
    units: report.executionUnits ?? null,
    units_committed: report.unitsCommitted ?? null,
    server,
    tests: countTests(tests),
    warnings: (report.warnings ?? []).map(({ id }) => id),
    file_times: keptFiles.map(({ path, ms }) => ({
      path: path.slice(0, MAX_PATH),
      ms,
      checksum: checksums.get(path) ?? null,
    })),
    test_results: keptTests.map(({ path, result, ms }) => ({ path: path.slice(0, MAX_PATH), result, ms: ms ?? null })),
    left_out: files.length - keptFiles.length + tests.length - keptTests.length,
  };
}

/** The slowest entries, still in their order. */
function slowest<T extends { ms?: number }>(entries: readonly T[]): readonly T[] {
  if (entries.length <= MAX_ENTRIES) return entries;
  const kept = new Set([...entries].sort((a, b) => (b.ms ?? 0) - (a.ms ?? 0)).slice(0, MAX_ENTRIES));
  return entries.filter((entry) => kept.has(entry));
}

/** Equal exactly when every file and deploy.sql are. */
export function projectChecksum({ deployScript, files }: Project): string {
  const list = files.map(({ path, checksum }) => `\0${path}\0${checksum}`).join("");
  return createHash("sha256").update(deployScript).update(list).digest("hex");
}
