/** Reports for the tests of report formats, with text that would break each of them. */
import type { DeployReport } from "../../../../src/deploy/run/report.ts";

/** Line breaks, markup, escapes, control characters, commands of CI systems, half of a surrogate pair. */
export const HOSTILE =
  'a <b> & "c" \' ]]>\r\n::error::x\n  ...\n---\u0000\u001b[31m\u2028##vso[x] 100%,:# | `md` \ud83d';

export const GREEN: DeployReport = {
  status: "success",
  exitCode: 0,
  database: "shop",
  filesLoaded: 2,
  testMacros: 1,
  durationMs: 1_500,
  executionUnits: 1,
  unitsCommitted: 1,
  state: "committed",
  tests: [{ path: "./__test__/test_a.sql", name: "test_a", result: "passed", ms: 12.3 }],
  warnings: [],
};

export const RED: DeployReport = {
  ...GREEN,
  status: "failed",
  exitCode: 13,
  error: "execution failed",
  code: "DEPLOY_TESTS_FAILED",
  sqlstate: "P0001",
  state: 'rolled back; database "shop" is as before this run',
  script: "./__test__/test_b.sql",
  failedFile: "./__test__/test_b.sql",
  line: 4,
  column: 3,
  tests: [
    { path: "./__test__/test_a.sql", name: "test_a", result: "passed", ms: 12.3 },
    { path: "./__test__/test_b.sql", name: "test_b", result: "failed", ms: 1, message: HOSTILE },
    { path: "./x/__test__/test_c.sql", name: "test_c", result: "skipped", message: "fixture failed" },
  ],
};

/** Failed before any test: the reports must not look green. */
export const BROKEN: DeployReport = {
  status: "failed",
  exitCode: 13,
  database: "shop",
  error: "execution failed: ERROR: boom",
  code: "DEPLOY_SQL_FAILED",
  script: "deploy.sql",
  line: 7,
  column: 2,
  tests: [],
};
